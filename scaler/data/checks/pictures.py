"""What is unusual about single images, masks and marks, each alone and compared with each other.

The faults have no files and ids yet; `scaler.data.checks.sample` adds these.
"""

from __future__ import annotations

from scaler.data.checks.looks import ImageLook, MarksLook, MaskLook
from scaler.data.images import is_dim
from scaler.errors import Fault

HUGE = 40_000_000  # pixels
TINY = 32  # pixels of the shorter side
LONG = 4.0  # longer side by shorter
SPECKLED = 20  # specks that are more than half of all parts
MANY = 100  # parts
BORDER = 0.98  # of a mask's border that is object, while the rest is not
GREY_EDGES = 0.1  # share of a mask's pixels between black and white
TRANSPOSING = (5, 6, 7, 8)  # EXIF orientations that exchange width and height


def check_image(look: ImageLook) -> list[Fault]:
    """Of one image that could be read."""
    width, height = look.size
    size = f"{width} x {height} pixels"
    found = _storage(look)
    if look.flat:
        found.append(_warning("image_blank", "one colour everywhere: there is nothing to see", "export or remove it"))
    elif look.black_and_white:
        remedy = "if it is one, move it away, or correct prepare_data.images"
        found.append(_warning("image_is_mask", "an image of black and white alone: is it a mask?", remedy))
    if min(width, height) < TINY:
        found.append(_warning("image_tiny", f"{size}: too little to learn from", "use the original, or remove it"))
    elif width * height > HUGE:
        reason = f"{size}: slow to read, and thin objects vanish at the size of training"
        found.append(_warning("image_huge", reason, "cut it into tiles, or store it smaller"))
    elif max(width, height) / min(width, height) > LONG:
        found.append(_warning("image_long", f"{size}: squeezed into a square for training", "cut it into tiles"))
    return found


def _storage(look: ImageLook) -> list[Fault]:
    stored = look.stored
    if look.see_through:
        reason = "partly transparent: the colours below the transparency are used"
        return [_warning("image_alpha", reason, "flatten it on the background that you want")]
    if stored.mode == "CMYK":
        reason = "colours for print (CMYK): converted without a colour profile, so they shift"
        return [_warning("image_cmyk", reason, "convert it to RGB")]
    if is_dim(look.top, look.greatest):
        reason = (
            f"{look.top} is the brightest possible value, but the image uses only 0 to {look.greatest}: nearly black"
        )
        remedy = "set prepare_data.image_white to the greatest value that the camera gives, such as 4095 for 12 bits"
        return [_warning("image_dim", reason, remedy)]
    if look.top > 255:
        remedy = "nothing, if it uses the full range; else set prepare_data.image_white"
        return [_note("image_16bit", f"{look.top.bit_length()} bits per channel: scaled to 8", remedy)]
    if stored.mode in ("P", "PA"):
        return [_note("image_palette", "a palette image: its colours are looked up", "nothing, if it looks right")]
    if stored.mode in ("1", "L", "LA"):
        reason = "a grey image: repeated in the three colour channels"
        return [_note("image_grey", reason, "nothing, if the others are grey too")]
    return []


def check_turn(image: ImageLook, mask: MaskLook | None) -> list[Fault]:
    """EXIF orientation: each file is turned upright; where sizes cannot show a mismatch, there may be one."""
    turn, mask_turn = image.stored.turn, 1 if mask is None else mask.stored.turn
    if turn == mask_turn == 1:
        return []
    is_visible = (turn in TRANSPOSING) != (mask_turn in TRANSPOSING) and image.size[0] != image.size[1]
    if mask is None or turn == mask_turn or is_visible:
        reason = f"stored turned (EXIF orientation {turn}): turned upright when read"
        return [_note("exif_turn", reason, "nothing, if it looks right")]
    reason = (
        f"image and mask have different EXIF orientations ({turn} and {mask_turn}), and their sizes cannot show "
        "whether they fit"
    )
    return [_warning("exif_mismatch", reason, "look at the outline; export both upright if it does not fit")]


def check_mask(look: MaskLook) -> list[Fault]:
    """Of one mask that could be read."""
    if look.share == 0.0:
        remedy = "remove image and mask if the object is not labelled; keep them if there is none"
        return [_warning("mask_empty", "the mask is empty: no pixel is object", remedy)]
    if look.share == 1.0:
        remedy = "check the export; remove image and mask if it is wrong"
        return [_warning("mask_full", "the mask is full: every pixel is object", remedy)]
    if look.border_share >= BORDER:
        reason = f"{look.border_share:.0%} of the border is object: black and white may be exchanged"
        if look.stored.white_is_zero:
            reason += "; the TIFF says that 0 is white, as Python's tifffile writes arrays of True and False"
        return [_warning("mask_inverted", reason, "invert it, if the object is the dark part")]
    if look.specks >= SPECKLED and 2 * look.specks > look.components:
        reason = f"{look.specks} of {look.components} parts are specks of a few pixels"
        return [_warning("mask_speckled", reason, "export it without lossy compression, or remove the specks")]
    if look.components >= MANY:
        reason = f"{look.components} separate parts"
        return [_note("mask_many_parts", reason, "nothing, if there are so many objects")]
    return _grey_edges(look)


def _grey_edges(look: MaskLook) -> list[Fault]:
    if look.between >= GREY_EDGES:
        reason = f"{look.between:.0%} of the pixels are between black and white, cut at the threshold"
        return [_warning("mask_grey", reason, "compare the outline; export it without smoothing if it does not fit")]
    if look.is_lossy:
        reason = "compressed with loss (JPEG): edges are blurred, cut at the threshold"
        return [_warning("mask_jpeg", reason, "export it again as PNG, if you can")]
    if look.between > 0:
        reason = "grey edges, cut at the threshold (prepare_data.mask_threshold)"
        return [_note("mask_grey_edges", reason, "nothing, if the outline is right")]
    return []


def check_marks(look: MarksLook) -> list[Fault]:
    """Of one marks file that could be read, against its mask, if there is one."""
    wrong = look.foreground_on_background + look.background_on_foreground
    if look.foreground + look.background == 0:
        return [_warning("marks_empty", "no pixel is marked", "mark it, or remove the file")]
    if wrong:
        reason = (
            f"the marks contradict the mask: {look.foreground_on_background} of {look.foreground} foreground pixels "
            f"lie on background, {look.background_on_foreground} of {look.background} background pixels on the object"
        )
        return [_warning("marks_contradict", reason, "correct whichever is wrong")]
    if not look.foreground or not look.background:
        lacking = "background" if look.foreground else "foreground"
        remedy = f"add a {lacking} mark, if there is room for one"
        return [_note("marks_one_sided", f"no {lacking} is marked", remedy)]
    return []


def _warning(kind: str, reason: str, remedy: str) -> Fault:
    return Fault(kind, (), reason, remedy, "warning")


def _note(kind: str, reason: str, remedy: str) -> Fault:
    return Fault(kind, (), reason, remedy, "note")
