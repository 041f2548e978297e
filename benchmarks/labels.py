"""Labels on disk: a shard of pseudo-labels beside a folder of PNG files; random reads, and bytes an image.

    python -m benchmarks labels [--images 1000] [--size 352] [--reads 200]

The maps are soft ellipses with a ragged edge. Both sides read the same images in the same random order, from the page
cache, on one core. Writing is not compared. A last row has as many images again ten times over, by links to the same
map: the time of a read should not grow.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import h5py
import numpy as np
from numpy.typing import NDArray

from benchmarks.evaluation import soft_ellipse
from benchmarks.harness import Case, compare
from scaler.artifacts.hdf5 import create_images, put_images
from scaler.artifacts.pictures import PictureReader

NAME = "probability"
Maps = NDArray[np.uint8]


def write_shard(path: Path, maps: Maps, count: int) -> None:
    """`count` labels, the maps again and again, as `scaler.artifacts.labels` stores them."""
    with h5py.File(path, "w") as file:
        data = create_images(file, NAME, (count, *maps.shape[1:]))
        for first in range(0, count, len(maps)):
            put_images(data, first, maps[: count - first])


def write_folder(folder: Path, maps: Maps, count: int) -> None:
    """The same as PNG files; repeated maps are links."""
    folder.mkdir()
    for number in range(count):
        path = folder / f"{number}.png"
        if number < len(maps):
            cv2.imwrite(str(path), maps[number])
        else:
            path.hardlink_to(folder / f"{number % len(maps)}.png")


def cases(folder: Path, maps: Maps, counts: list[int], reads: int) -> Iterator[Case]:
    """Random reads from sets of several sizes."""
    for count in counts:
        shard, images = folder / f"{count}.h5", folder / f"{count}"
        write_shard(shard, maps, count)
        write_folder(images, maps, count)
        reader = PictureReader.whole(shard, NAME)
        order = np.random.default_rng(0).integers(0, count, reads).tolist()

        def ours(reader: PictureReader = reader, order: list[int] = order) -> None:
            for number in order:
                reader[number]

        def peer(images: Path = images, order: list[int] = order) -> None:
            for number in order:
                cv2.imread(str(images / f"{number}.png"), cv2.IMREAD_UNCHANGED)

        if count == counts[0]:
            png = sum(path.stat().st_size for path in images.iterdir()) / count
            print(f"\nBytes an image: {shard.stat().st_size / count:,.0f}, as PNG {png:,.0f}\n")
        yield Case(f"{reads} reads out of {count:,}", ours, peer)


def main(arguments: list[str]) -> None:
    """Compare."""
    parser = argparse.ArgumentParser(prog="benchmarks labels", description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--size", type=int, default=352)
    parser.add_argument("--reads", type=int, default=200)
    options = parser.parse_args(arguments)
    draw = np.random.default_rng(0)
    maps = np.stack([soft_ellipse(draw, options.size, options.size)[0] for _ in range(min(options.images, 500))])
    with tempfile.TemporaryDirectory() as folder:
        counts = [options.images, 10 * options.images]
        compare(cases(Path(folder), maps, counts, options.reads), repeats=9)
