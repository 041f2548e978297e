"""A test set in files, scored on all cores: `scaler.use.scoring` beside one image at a time through pysodmetrics.

    python -m benchmarks evaluation [--images 64] [--size 600 800]

Wall-clock time. A row says how long the paper's four COD test sets (6,473 images) would take at this rate.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Case, compare
from scaler.data.images import read_mask
from scaler.metrics.toolbox import reference
from scaler.use.pairs import Pair
from scaler.use.scoring import ScoreOptions, read_prediction, score_pairs

COD_IMAGES = 76 + 250 + 2026 + 4121  # CHAMELEON, CAMO, COD10K, NC4K


def soft_ellipse(draw: np.random.Generator, height: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A map of a soft ellipse with a ragged edge, and its mask of 0 and 255."""
    y, x = np.ogrid[:height, :width]
    middle, radius = draw.uniform(0.3, 0.7, 2), draw.uniform(0.1, 0.35, 2)
    distance = np.hypot((y / height - middle[0]) / radius[0], (x / width - middle[1]) / radius[1])
    distance += cv2.GaussianBlur(draw.normal(0, 1.5, (height, width)), (0, 0), 9)
    soft = (255 / (1 + np.exp((distance - 1.05) * draw.uniform(6, 20)))).astype(np.uint8)
    return soft, (distance < 1).astype(np.uint8) * 255


def write_set(folder: Path, images: int, height: int, width: int) -> list[Pair]:
    """Soft ellipses as PNG."""
    draw = np.random.default_rng(0)
    pairs = []
    for number in range(images):
        files = folder / f"{number}_map.png", folder / f"{number}_mask.png"
        for file, picture in zip(files, soft_ellipse(draw, height, width), strict=True):
            cv2.imwrite(str(file), picture)
        pairs.append(Pair(str(number), *files))
    return pairs


def one_by_one(pairs: list[Pair]) -> None:
    for pair in pairs:
        p = read_prediction(pair.prediction) / 255
        reference(p, read_mask(pair.mask).astype(bool))


def main(arguments: list[str]) -> None:
    """Compare, then scale up."""
    parser = argparse.ArgumentParser(prog="benchmarks evaluation", description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--size", type=int, nargs=2, default=(600, 800), metavar=("HEIGHT", "WIDTH"))
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        pairs = write_set(Path(folder), options.images, *options.size)
        taken: list[float] = []

        def ours() -> None:
            begin = time.perf_counter()
            score_pairs(pairs, ScoreOptions(), print)
            taken.append(time.perf_counter() - begin)

        name = f"{options.images} maps of {options.size[0]} x {options.size[1]}"
        compare([Case(name, ours, lambda: one_by_one(pairs), wall=True)], repeats=5)
    print(f"\n{COD_IMAGES:,} such maps at this rate: {np.median(taken) / len(pairs) * COD_IMAGES:.0f} s")
