"""The commands that make chosen stops of a run, in order: what the engines work out, for a run within one process."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from scaler.artifacts.names import SPLITS, LabelKind, shard_files
from scaler.artifacts.paths import Stop, data_file, stops, truth_file
from scaler.params import INIT, WARM_UP, Params

Line = tuple[str, list[str]]
"""A stage and its arguments."""


def evaluation_commands(params: Params, chosen: Iterable[str], results: Path = Path("results")) -> list[Line]:
    """What must run, one after another, so that the stops `chosen` are evaluated; nothing that these do not need."""
    plan = _Plan(params, results)
    for name in chosen:
        plan.evaluate(name)
    return plan.lines


class _Plan:
    """Commands collected on the way down from what is wanted to what it is made from, each once."""

    def __init__(self, params: Params, results: Path) -> None:
        self.params, self.lines = params, list[Line]()
        self._stops: dict[str, Stop] = {stop.name: stop for stop in stops(results, params.rounds)}
        self._files = {split: data_file(results, split) for split in SPLITS} | {"truth": truth_file(results)}
        self._planned: set[Path] = set()

    def evaluate(self, name: str) -> None:
        stop = self._stops[name]
        models = {"segmenter": self._segmenter(name), "sam": self._sam(self.params.stops[name].sam)}
        self._add("evaluate", stop.evaluation, {**self._data("val", "test"), **models})

    def _data(self, *splits: str) -> dict[str, str | Path]:
        self._add(
            "prepare_data", None, {"source": self.params.prepare_data.source, **self._files}, self._files["train"]
        )
        return {"data" if split == "train" else split: self._files[split] for split in splits}

    def _segmenter(self, name: str) -> Path:
        stop = self._stops[name]
        if name == INIT:
            return self._add("initialize_segmenter", stop.segmenter, self._data("train", "val"))
        phase = self.params.stops[name].phase_one
        start, labels = (phase.start, phase.labels) if phase else (INIT, INIT)
        inputs = {"segmenter": self._segmenter(start), "sam-labels": self._labels("sam_labels", labels)}
        own = {} if name == WARM_UP else {"round": name}
        stage = "warm_up" if name == WARM_UP else "train_segmenter"
        return self._add(stage, stop.segmenter, {**own, **self._data("train", "val"), **inputs})

    def _sam(self, name: str) -> Path:
        stop = self._stops[name]
        if name == INIT:
            weights = {"weights": self.params.sam.weights}
            return self._add("initialize_sam", stop.sam, {**self._data("train", "val"), **weights})
        phase = self.params.stops[name].phase_two
        if phase is None:
            raise ValueError(f"{name}: trains no SAM")
        inputs = {"sam": self._sam(phase.start), "segmenter-labels": self._labels("segmenter_labels", phase.labels)}
        return self._add("train_sam", stop.sam, {"round": name, **self._data("train", "val"), **inputs})

    def _labels(self, kind: LabelKind, name: str) -> Path:
        folder = self._stops[name].labels(kind)
        if kind == "sam_labels":
            stage, own, model = "label_with_sam", {"stop": name}, {"sam": self._sam(name)}
        else:
            stage, own, model = "label_with_segmenter", {}, {"segmenter": self._segmenter(name)}
        for shard, path in zip(self.params.shards, shard_files(folder, self.params.shards), strict=True):
            self._add(stage, path, {**own, "shard": shard, **self._data("train"), **model})
        return folder

    def _add(self, stage: str, out: Path | None, arguments: dict[str, str | Path], key: Path | None = None) -> Path:
        made = out or key
        assert made is not None
        if made not in self._planned:
            self._planned.add(made)
            named = {**arguments, **({"out": out} if out else {})}
            self.lines.append((stage, [word for name, value in named.items() for word in (f"--{name}", str(value))]))
        return made
