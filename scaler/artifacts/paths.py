"""Where results lie; the names that the Snakefile and dvc.yaml use too (a test compares them)."""

from __future__ import annotations

from pathlib import Path

from scaler.params import Params

SPLITS = ("train", "val", "test")


def shard_files(folder: Path, shards: list[str]) -> list[Path]:
    """The shards of one label set."""
    return [folder / f"shard_{shard}.h5" for shard in shards]


def round_folders(root: Path, params: Params) -> list[Path]:
    """Folders of the warm-up (round 0) and of each round, in order."""
    return [root / "rounds" / number for number in ("0", *params.rounds)]


def result_files(root: Path, params: Params) -> list[Path]:
    """Every artifact of a whole run that the report reads."""
    files = [root / "data" / f"{name}.h5" for name in (*SPLITS, "train_truth")]
    files += [root / "init" / "segmenter.h5", root / "init" / "evaluation.h5"]
    files += shard_files(root / "init" / "segmenter_labels", params.shards)
    for folder in round_folders(root, params):
        files += [folder / "segmenter.h5", folder / "sam.h5", folder / "evaluation.h5"]
        files += shard_files(folder / "sam_labels", params.shards)
        files += shard_files(folder / "segmenter_labels", params.shards)
    return files
