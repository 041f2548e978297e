"""How well the figures beside SAM's pseudo-labels rank them: Spearman correlation with their IoU.

    python -m benchmarks agreement [--source data/laboratory] [--size 96] [--epochs 20] [--images 64]

SAM's adapter learns from the labelled images as in stage 1 (`params.yaml`, with so many epochs), then labels the first
so many unlabelled images (eq. 2-3). The label is compared with the truth at p >= 0.5. `agreement` is that of the views,
`weight` is w of eq. 4. The column n counts the images whose truth is not empty.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.harness import print_table
from scaler.laboratory.dataset import generate
from scaler.method.initialization import initialize_sam
from scaler.method.labelling import label_with_sam
from scaler.metrics.overlap import binarize, iou
from scaler.params import load_params
from scaler.training.device import find_compute
from scaler.training.run import TrainingRun
from tests.data.prepared import prepare


def table(options: argparse.Namespace) -> pd.DataFrame:
    """One row per image: agreement, weight and IoU."""
    params, compute = load_params(), find_compute()
    own = {"source": str(options.source), "size": options.size}
    own |= {} if options.source.name == "laboratory" else {split: f"{split}_*" for split in ("train", "val", "test")}
    schedule = {"epochs": options.epochs, "decay": "cosine"}
    params = params.model_copy(
        update={
            "shards": ["0"],
            "prepare_data": params.prepare_data.model_copy(update=own),
            "initialize_sam": params.initialize_sam.model_copy(update=schedule),
        }
    )
    prepared = prepare(options.source, params.prepare_data, params.seed, generate=generate)
    with tempfile.TemporaryDirectory() as folder:
        run = TrainingRun(params, prepared.train, prepared.val, compute, "initialize_sam", Path(folder))
        model, _ = initialize_sam(run)
    chosen = np.flatnonzero(~prepared.train.labelled & prepared.truth.known)[: options.images]
    data = prepared.train.part(chosen)
    truth = prepared.truth.mask[chosen] > 0
    batches = list(label_with_sam(params, data, model, compute, (0, "0")).batches)
    maps = np.concatenate([batch.maps["probability"] for batch in batches])
    columns = {name: np.concatenate([batch.columns[name] for batch in batches]) for name in ("agreement", "weight")}
    frame = pd.DataFrame(columns | {"iou": iou(binarize(maps), truth)})
    return frame[truth.any(axis=(1, 2))]


def rows(frame: pd.DataFrame, name: str) -> Iterator[dict[str, object]]:
    """The correlations of a set."""
    own = frame.corr(method="spearman")["iou"]
    yield {
        "set": name,
        "n": len(frame),
        "mean IoU": f"{frame['iou'].mean():.3f}",
        "agreement": f"{own['agreement']:.2f}",
        "weight, eq. 4": f"{own['weight']:.2f}",
    }


def main(arguments: list[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks agreement", description=__doc__.splitlines()[0])
    parser.add_argument("--source", type=Path, default=Path("data/laboratory"))
    for name, default in (("size", 96), ("epochs", 20), ("images", 64)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args(arguments)
    print_table(rows(table(options), f"{options.source.name}, {options.size} px"))
