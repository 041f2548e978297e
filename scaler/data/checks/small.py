"""Objects that nearly vanish when images are brought to the size of training, and the tiles that would keep them."""

from __future__ import annotations

from math import ceil, sqrt
from statistics import mean, median

from scaler.data.checks.looks import MaskLook
from scaler.data.tiling import tile_count
from scaler.errors import Fault, Faults
from scaler.params import PrepareDataParams

SMALLEST = 16  # pixels that an object covers
THINNEST = 3.0  # pixels across
STEP = 32


def check_object_size(masks: list[MaskLook], params: PrepareDataParams, faults: Faults) -> None:
    """A warning if the median object is too small or too thin at the size of training, with the tiles to set."""
    objects = [look for look in masks if look.components]
    if not objects:
        return
    areas, widths = zip(*(_seen(look, params) for look in objects), strict=True)
    area, width = median(areas), median(widths)
    if area >= SMALLEST and width >= THINNEST:
        return
    what = f"covers {area:.0f} pixels" if area < SMALLEST else f"is {width:.1f} pixels wide"
    reason = f"at prepare_data.size {params.size} the median object {what}"
    native = [(look.share * look.size[0] * look.size[1] / look.components, look.width) for look in objects]
    enough = params.size * min(sqrt(median(a for a, _ in native) / SMALLEST), median(w for _, w in native) / THINNEST)
    side = max(STEP, params.size // 2, int(enough) // STEP * STEP)  # the largest tiles that keep the objects
    cost = mean(tile_count(look.size[::-1], side) for look in objects)
    remedy = f"set prepare_data.tiles: {side} (about {cost:.0f} times as many images to train on), or raise the size"
    if cost < 2:
        enlarge = max(sqrt(SMALLEST / area), THINNEST / width)
        size = STEP * ceil(params.size * enlarge / STEP)
        remedy = f"raise the size to {size}; the images have hardly more pixels, so tiles would not help"
    faults.add(Fault("objects_small", (), reason, remedy, "warning"))


def _held(look: MaskLook, params: PrepareDataParams) -> tuple[int, int]:
    """Width and height of what is brought to the size of training: the image, or one tile of it."""
    width, height = look.size
    return min(width, params.tiles or width), min(height, params.tiles or height)


def _seen(look: MaskLook, params: PrepareDataParams) -> tuple[float, float]:
    """Pixels that an object covers at the size of training, and its width."""
    width, height = _held(look, params)
    scale = params.size / width * params.size / height
    area = look.share * look.size[0] * look.size[1] / look.components
    return area * scale, look.width * sqrt(scale)
