"""What is odd about single pictures: images, masks and marks, each by itself and against each other."""

from __future__ import annotations

from scaler.data.checks.findings import Severity
from scaler.data.checks.looks import ImageLook, MarksLook, MaskLook

Told = tuple[Severity, str, str, str]  # severity, kind, reason, cure

HUGE = 40_000_000  # pixels
TINY = 32  # pixels of the shorter side
LONG = 4.0  # longer side by shorter
SPECKLED = 20  # specks that are more than half of all parts
MANY = 100  # parts
BORDER = 0.98  # of a mask's border that is object, where the rest is not
TRANSPOSING = (5, 6, 7, 8)  # EXIF turns that exchange width and height


def check_image(look: ImageLook) -> list[Told]:
    """Of one image that could be read."""
    width, height = look.size
    told: list[Told] = []
    if look.flat:
        told.append(
            ("warning", "image_blank", "one colour all over: there is nothing to see", "export it again, or remove it")
        )
    if min(width, height) < TINY:
        told.append(
            (
                "warning",
                "image_tiny",
                f"{width} x {height} pixels: too little to learn from",
                "use the original, or remove it",
            )
        )
    elif width * height > HUGE:
        told.append(
            (
                "warning",
                "image_huge",
                f"{width} x {height} pixels: slow to read, and thin objects vanish at the size of training",
                "cut it into tiles, or store it smaller",
            )
        )
    elif max(width, height) / min(width, height) > LONG:
        told.append(
            (
                "warning",
                "image_long",
                f"{width} x {height} pixels: it is squeezed into a square for training",
                "cut it into tiles",
            )
        )
    return told + _storage(look)


def _storage(look: ImageLook) -> list[Told]:
    stored = look.stored
    if look.see_through:
        return [
            (
                "warning",
                "image_alpha",
                "transparent in parts: the colours below the transparency are used",
                "flatten it on the background that you mean",
            )
        ]
    if stored.mode == "CMYK":
        return [
            (
                "warning",
                "image_cmyk",
                "colours for print (CMYK): converted without a colour profile, so they shift",
                "convert it to RGB",
            )
        ]
    if stored.bits == 16:
        return [
            (
                "note",
                "image_16bit",
                "16 bits a channel: scaled to 8",
                "nothing, if it uses the full range; else stretch it first",
            )
        ]
    if stored.mode in ("P", "PA"):
        return [("note", "image_palette", "a palette image: its colours are looked up", "nothing, if it looks right")]
    if stored.mode in ("1", "L", "LA"):
        return [
            (
                "note",
                "image_grey",
                "a grey image: repeated in the three colour channels",
                "nothing, if the others are grey too",
            )
        ]
    return []


def check_turn(image: ImageLook, mask: MaskLook | None) -> list[Told]:
    """EXIF turns: each file is turned upright; a silent mismatch is possible where the sizes cannot betray it."""
    turn, mask_turn = image.stored.turn, 1 if mask is None else mask.stored.turn
    if turn == mask_turn == 1:
        return []
    betrayed = (turn in TRANSPOSING) != (mask_turn in TRANSPOSING) and image.size[0] != image.size[1]
    if mask is None or turn == mask_turn or betrayed:
        return [
            (
                "note",
                "exif_turn",
                f"stored turned (EXIF orientation {turn}): turned upright when read",
                "nothing, if it looks right",
            )
        ]
    reason = (
        f"image and mask have different EXIF orientations ({turn} and {mask_turn}), and their sizes cannot tell "
        "whether they fit"
    )
    return [("warning", "exif_mismatch", reason, "look at the outline; export both upright if it does not fit")]


def check_mask(look: MaskLook) -> list[Told]:
    """Of one mask that could be read."""
    if look.share == 0.0:
        return [
            (
                "warning",
                "mask_empty",
                "the mask is empty: no pixel is object",
                "remove image and mask if the object is not labelled; keep them if there is none",
            )
        ]
    if look.share == 1.0:
        return [
            (
                "warning",
                "mask_full",
                "the mask is full: every pixel is object",
                "check the export; remove image and mask if it is wrong",
            )
        ]
    if look.border_share >= BORDER:
        return [
            (
                "warning",
                "mask_inverted",
                f"{look.border_share:.0%} of the border is object: black and white may be exchanged",
                "invert it, if the object is the dark part",
            )
        ]
    if look.specks >= SPECKLED and 2 * look.specks > look.components:
        return [
            (
                "warning",
                "mask_speckled",
                f"{look.specks} of {look.components} parts are specks of a few pixels",
                "export it without compression or anti-aliasing, or remove the specks",
            )
        ]
    if look.components >= MANY:
        return [
            ("note", "mask_many_parts", f"{look.components} separate parts", "nothing, if there are so many objects")
        ]
    return _mask_storage(look)


def _mask_storage(look: MaskLook) -> list[Told]:
    if look.reading.startswith("JPEG"):
        return [
            (
                "warning",
                "mask_jpeg",
                "a JPEG: its edges are blurred by compression, cut at 128",
                "export it again as PNG, if you can",
            )
        ]
    if look.reading.startswith("nearly"):
        return [
            (
                "note",
                "mask_nearly_binary",
                "values near black and white besides: cut in the middle",
                "nothing, if the outline is right",
            )
        ]
    return []


def check_marks(look: MarksLook) -> list[Told]:
    """Of one marks file that could be read, against its mask, where there is one."""
    wrong = look.foreground_on_background + look.background_on_foreground
    if look.foreground + look.background == 0:
        return [("warning", "marks_empty", "no pixel is marked", "mark it, or remove the file")]
    if wrong:
        reason = (
            f"the marks contradict the mask: {look.foreground_on_background} of {look.foreground} foreground pixels "
            f"lie on background, {look.background_on_foreground} of {look.background} background pixels on the object"
        )
        return [("warning", "marks_contradict", reason, "mend whichever is wrong")]
    if not look.foreground or not look.background:
        lacking = "background" if look.foreground else "foreground"
        return [
            ("note", "marks_one_sided", f"no {lacking} is marked", f"add a {lacking} mark, if there is room for one")
        ]
    return []
