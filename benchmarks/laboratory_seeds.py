"""Does mutual training help, and is it more than one model teaching the other? The laboratory over several seeds.

    python -m benchmarks laboratory_seeds --seeds 0 1 2 --out docs/results/laboratory_seeds.csv

For each seed (which also draws the labelled images) with the committed params.yaml: initialization, warm-up, then the
rounds twice from the very same warm-up: *full* (Phase I and II) and *one-way* (Phase I only, SAM never learns). The
table has the mean IoU on the test split of segmenter, teacher and SAM. Nothing is selected by it.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import nn

from scaler.artifacts.labels import to_uint8
from scaler.laboratory.dataset import generate
from scaler.method.initialization import Pair, initialize_sam, initialize_segmenter
from scaler.method.labelling import label_with_sam, label_with_segmenter
from scaler.method.phase_one import train_segmenter
from scaler.method.phase_two import train_sam
from scaler.params import Params, load_params
from scaler.training.device import Compute, find_compute
from scaler.training.prediction import mean_iou, predict_batches
from scaler.training.run import TrainingRun
from tests.data.prepared import prepare


class Run:
    """One seed: its data, its device, and the rows of the table."""

    def __init__(self, params: Params, compute: Compute, folder: Path) -> None:
        self.params, self.compute = params, compute
        self._folders = (folder / str(number) for number in itertools.count())  # one each: no checkpoint is shared
        prepared = prepare(Path(params.prepare_data.source), params.prepare_data, params.seed, generate=generate)
        self.train, self.val, self.test = prepared.train, prepared.val, prepared.test

    def measure(self, run: str, step: str, pair: Pair, sam: nn.Module) -> dict[str, object]:
        """One row: mean IoU of the three models on the test split."""
        models = {"segmenter": pair[0], "teacher": pair[1], "sam": sam}
        batches = list(predict_batches(models, self.params.sam, self.test, self.compute, 32))
        predicted = {name: np.concatenate([batch[name] for batch in batches]) for name in models}
        truth = np.stack(self.test.native_masks)
        row: dict[str, object] = {"seed": self.params.seed, "run": run, "step": step}
        row |= {name: round(mean_iou(p, truth), 4) for name, p in predicted.items()}
        print(row, flush=True)
        return row

    def sam_pool(self, sam: nn.Module, number: int) -> NDArray[np.uint8]:
        """SAM's labels of the whole training set."""
        shards = [
            label_with_sam(self.params, self.train, sam, self.compute, (number, k)).stacked()["probability"]
            for k in self.params.shards
        ]
        return to_uint8(np.concatenate(shards))

    def consensus_pool(self, pair: Pair) -> NDArray[np.uint8]:
        """The consensus labels of the whole training set."""
        shards = [
            label_with_segmenter(self.params, self.train, pair, self.compute, k).stacked()["probability"]
            for k in self.params.shards
        ]
        return to_uint8(np.concatenate(shards))

    def phase_one(self, pair: Pair, pool: NDArray[np.uint8], name: str, number: int) -> Pair:
        """Phase I with the stage's own schedule."""
        return train_segmenter(self.stage(name, number), pair, pool)[0]

    def stage(self, name: str, number: int | None = None) -> TrainingRun:
        """The record of a training stage."""
        return TrainingRun(self.params, self.train, self.val, self.compute, name, next(self._folders), number)

    def rows(self) -> Iterator[dict[str, object]]:
        """The whole table of this seed."""
        pair, _ = initialize_segmenter(self.stage("initialize_segmenter"))
        sam, _ = initialize_sam(self.stage("initialize_sam"))
        yield self.measure("both", "initialization", pair, sam)
        pool = self.sam_pool(sam, 0)
        warm = self.phase_one(pair, pool, "warm_up", 0)
        yield self.measure("both", "warm-up", warm, sam)
        for run in ("full", "one-way"):
            yield from self._rounds(run, copy.deepcopy(warm), copy.deepcopy(sam), pool)

    def _rounds(self, run: str, pair: Pair, sam: nn.Module, pool: NDArray[np.uint8]) -> Iterator[dict[str, object]]:
        for number in range(1, len(self.params.rounds) + 1):
            pair = self.phase_one(pair, pool, "train_segmenter", number)
            if run == "full":
                consensus = self.consensus_pool(pair)
                sam, _ = train_sam(self.stage("train_sam", number), sam, consensus)
                if number < len(self.params.rounds):
                    pool = self.sam_pool(sam, number)
            yield self.measure(run, f"round {number}", pair, sam)


def main(arguments: list[str]) -> None:
    """Run every seed; the table is written after each row."""
    parser = argparse.ArgumentParser(prog="benchmarks laboratory_seeds", description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    compute, rows = find_compute(), []
    for seed in options.seeds:
        params = load_params().model_copy(update={"seed": seed})
        with tempfile.TemporaryDirectory() as folder:
            for row in Run(params, compute, Path(folder)).rows():
                rows.append(row)
                options.out.parent.mkdir(parents=True, exist_ok=True)
                pd.DataFrame(rows).to_csv(options.out, index=False)
