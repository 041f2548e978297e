"""All metrics of one map on one core, beside pysodmetrics (the same metrics but for IoU and Dice, which it lacks here).

The maps are soft discs of 8 bits: *clean* ones fade to 0, *noisy* ones are nowhere 0, so that every pixel counts in
weighted F; *random* pixels are the worst case.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Case, compare
from scaler.metrics.measures import score
from scaler.metrics.parallel import keep_freed_memory
from scaler.metrics.toolbox import reference

U8 = NDArray[np.uint8]
SIZES = ((352, 352), (800, 1000))


def scene(height: int, width: int, kind: str) -> tuple[U8, U8]:
    """A map and its mask."""
    draw = np.random.default_rng(0)
    if kind == "random":
        return draw.integers(0, 256, (height, width), np.uint8), draw.integers(0, 2, (height, width), np.uint8)
    y, x = np.ogrid[:height, :width]
    distance = np.hypot((y - height * 0.45) / (height * 0.3), (x - width * 0.55) / (width * 0.25))
    noise = draw.normal(12, 6, distance.shape) if kind == "noisy" else 0
    p = np.clip(255 / (1 + np.exp((distance - 1.05) * 16)) + noise, 0, 255)
    return p.astype(np.uint8), (distance < 1).astype(np.uint8)


def cases() -> Iterator[Case]:
    """One for each size and kind of map."""
    for height, width in SIZES:
        for kind in ("clean", "noisy", "random"):
            p, mask = scene(height, width, kind)
            yield Case(
                f"{height} x {width}, {kind}",
                ours=lambda p=p, mask=mask: score(p, mask, stretch=False),
                peer=lambda p=p, mask=mask: reference(p / 255, mask.astype(bool)),
            )


def main(arguments: list[str]) -> None:
    """Compare."""
    keep_freed_memory()  # for both, as `map_in_order` does it
    compare(cases(), repeats=15)
