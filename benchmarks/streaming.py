"""Resident memory and processor time of every stage, by the number of images.

    python -m benchmarks streaming [--images 1000 4000] [--size 352] [--last STAGE] [--keep DIR]

For each count a project with so many generated photographs is made, half for training, half for test, and all stages
run on it, each in a process of its own: smallest networks and one epoch, but reading and writing as always, and every
image. Milliseconds an image are taken between two counts, which takes off the start of a process: give three for two.
Pictures that would be kept in memory because the set is small stay on the disk, as those of a large set do.

Memory is the peak of the resident set. Processor time is that of the process, so other programs do not count.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from benchmarks.harness import print_table
from scaler.progress import progress
from tests.engines.jobs import commands
from tests.engines.tree import ROOT, SCHEDULES, Tree, make_tree

VAL, LABELLED = 4, 16
LARGE = 100_000  # images that the memory is extrapolated to


def make_project(root: Path, images: int, size: int) -> Tree:
    """A project with real image files: noise of many scales, each image another, with an ellipse in it."""
    tree = make_tree(root)
    source = root / "data" / "many"
    for name in ("images", "masks"):
        (source / name).mkdir(parents=True)
    counts = {"train": images // 2, "val": VAL, "test": images - images // 2}
    names = [f"{split}_{number:06d}" for split, count in counts.items() for number in range(count)]
    with progress(len(names), f"drawing {images} images", unit="image") as bar:
        for number, name in enumerate(names):
            image, mask = _drawn(np.random.default_rng(number), size)
            cv2.imwrite(str(source / "images" / f"{name}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 90])
            cv2.imwrite(str(source / "masks" / f"{name}.png"), mask)
            bar.update()
    values = tree.params()
    values["prepare_data"] |= {
        "source": "data/many",
        "size": size,
        "labelled_fraction": min(1.0, LABELLED / counts["train"]),
    }
    values["prepare_data"] |= {split: f"{split}_*" for split in counts}
    values["segmenter"]["options"] = {"width": 2}
    values["sam"]["size"] = 32
    values["label_with_sam"] |= {"views": 1, "scales": [1.0]}
    values["inspection"]["tile"] = 32
    for schedule in SCHEDULES:
        values[schedule] |= {"epochs": 1, "batch_size": 8}
    tree.write_params(values)
    return tree


def _drawn(draw: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    scales = [draw.normal(0, 30, (side, side, 3)) for side in (5, 22, size // 4)]
    image = 128 + sum(cv2.resize(noise, (size, size), interpolation=cv2.INTER_LINEAR) for noise in scales)
    mask = np.zeros((size, size), np.uint8)
    ends = ((0.3, 0.7), (0.1, 0.25))
    centre, axes = (draw.uniform(low * size, high * size, 2).astype(int).tolist() for low, high in ends)
    cv2.ellipse(mask, centre, axes, draw.uniform(0, 180), 0, 360, 255, -1)
    image[mask > 0] += draw.normal(0, 40, 3)
    return np.clip(image, 0, 255).astype(np.uint8), mask


def run_stages(tree: Tree, last: str) -> dict[str, tuple[float, float]]:
    """Stage -> most MB and most seconds of processor time, of its runs until the stage `last` has run once."""
    found: dict[str, tuple[float, float]] = {}
    for line in commands(tree):
        if last in found:
            break
        stage = shlex.split(line)[2].removeprefix("stages.")
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "benchmarks.streaming", "--line", line]
        done = subprocess.run(command, cwd=tree.root, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{line}\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
        memory, seconds = json.loads(done.stdout.splitlines()[-1])
        before = found.get(stage, (0.0, 0.0))
        found[stage] = (max(before[0], memory), max(before[1], seconds))
        print(f"{stage}: {memory:.0f} MB, {seconds:.1f} s", file=sys.stderr, flush=True)
    return found


def run_line(line: str) -> None:
    """Run one stage in this process; the last line of the output is its memory in MB and its seconds."""
    import importlib

    from scaler.pipeline.job import run_stage
    from scaler.training import sets

    sets.SMALL = 0
    _, _, module, *arguments = shlex.split(line)
    run_stage(module.removeprefix("stages."), importlib.import_module(module).main, arguments)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps([used.ru_maxrss / 1024, used.ru_utime + used.ru_stime]))


def rows(counts: Sequence[int], size: int, last: str, folder: Path) -> Iterator[dict[str, object]]:
    """A row for each stage."""
    runs = {count: run_stages(make_project(folder / str(count), count, size), last) for count in counts}
    for stage in runs[counts[0]]:
        used = {count: run[stage] for count, run in runs.items()}
        row: dict[str, object] = {"stage": stage}
        row |= {f"MB at {count:,}": f"{used[count][0]:.0f}" for count in counts}
        slope = (used[counts[-1]][0] - used[counts[0]][0]) / max(counts[-1] - counts[0], 1)
        row[f"more at {LARGE:,} than at {counts[0]:,}, at this slope"] = f"{slope * (LARGE - counts[0]):.0f} MB"
        for few, many in pairwise(counts):
            row[f"ms an image, {few:,} to {many:,}"] = f"{1e3 * (used[many][1] - used[few][1]) / (many - few):.1f}"
        yield row


def main(arguments: list[str]) -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="benchmarks streaming", description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=[100, 1000, 4000])
    parser.add_argument("--size", type=int, default=352)
    parser.add_argument("--last", default="report", help="stage to end with (default: report, so all)")
    parser.add_argument("--keep", type=Path, help="folder for the projects (default: removed afterwards)")
    parser.add_argument("--line", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.line:
        run_line(options.line)
        return
    with tempfile.TemporaryDirectory() as temporary:
        print_table(rows(options.images, options.size, options.last, options.keep or Path(temporary)))


if __name__ == "__main__":
    main(sys.argv[1:])
