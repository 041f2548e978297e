"""`predict`: images in, maps at native size out; finished maps are kept, and a broken file does not stop the others."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scaler.data.geometry import all_views
from scaler.data.resize import to_square
from scaler.errors import Fault, ScalerError
from scaler.method.ensemble import ensemble
from scaler.metrics.evaluation import to_native
from scaler.progress import log, progress
from scaler.training.device import Compute
from scaler.training.prediction import Inference, predict
from scaler.use.folder import claimed
from scaler.use.model import LoadedModel
from scaler.use.pictures import is_whole_png, overlay, to_bytes, write_png
from scaler.use.sources import Frame, Images, Sources, Video, chunks
from scaler.use.tiles import overlapping, tile_side, tiled

TTA_VIEWS = tuple(all_views(("none", "h"), (0, 1, 2, 3), (1.0,)))  # all eight flips and quarter turns, once each

U8 = NDArray[np.uint8]


@dataclass(frozen=True)
class PredictOptions:
    """What the maps depend on, beside the model.

    Attributes:
        stretch: min-max of each map.
        threshold: None: soft; else the cut of a binary map, above 0 and at most 1.
        tta: mean over the eight flips and quarter turns.
        tiles: side of the tiles in pixels; 0: none; None: the model's own, or chosen for large images (see
            `scaler.use.tiles`).
    """

    stretch: bool = False
    threshold: float | None = None
    tta: bool = False
    tiles: int | None = None


@dataclass
class Outcome:
    """How it went: images predicted now, images found done, and the faults of the others."""

    made: int = 0
    kept: int = 0
    failed: list[Fault] = field(default_factory=list)


@dataclass(frozen=True)
class Predictor:
    """Predicts sources into folders.

    Attributes:
        model: on the CPU, or on the device already.
        options: what the maps depend on.
        compute: device and precision.
        out: maps go to `out/<set>/<id>.png`.
        overlays: where the images go with the map as a tint; None: nowhere.
        batch_size: images at a time.
    """

    model: LoadedModel
    options: PredictOptions
    compute: Compute
    out: Path
    overlays: Path | None = None
    batch_size: int = 8

    def run(self, sources: Sources, *, overwrite: bool = False) -> Outcome:
        """Predict everything; maps that are there, whole, and made by the same model and options are kept.

        Raises:
            ScalerError: a folder is not usable (see `scaler.use.folder.claimed`), or the disk is full. A file that
                cannot be read raises nothing: it is among the failed.
        """
        _refuse_overlap(sources, self._folders)
        placed_here = replace(self, model=replace(self.model, network=self.compute.place(self.model.network)))
        outcome = Outcome(failed=list(sources.left_out))
        with ExitStack() as stack:
            for folder in self._folders:
                stack.enter_context(claimed(folder, self._record(sources), overwrite=overwrite))
            bar = stack.enter_context(progress(sum(map(len, sources.items)), "predict", unit="image"))
            for source in sources.items:
                for frames in chunks(source, self.batch_size, outcome.failed.append):
                    placed_here._chunk(source, frames, outcome)
                    bar.update(len(frames))
        return outcome

    def maps(self, images: Sequence[U8]) -> NDArray[np.float32]:
        """Probabilities (n, S, S) of n images (H, W, 3) of any sizes, in the network's frame, as one batch."""
        model = self.model
        stack = np.stack([to_square(one, None, None, model.size)[0] for one in images])
        inference = Inference(model.network, model.forward, self.compute, len(stack))
        if self.options.tta:
            views = [TTA_VIEWS] * len(stack)
            return ensemble(inference, stack, views, "probability")[0]
        return predict(inference, stack)

    def _chunk(self, source: Images | Video, frames: Sequence[Frame], outcome: Outcome) -> None:
        """Predict the frames together if any of their maps is missing."""
        todo = {frame.id for frame in frames if not self._is_done(source, frame.id)}
        outcome.kept += len(frames) - len(todo)
        small: list[tuple[str, U8]] = []
        for frame in frames if todo else ():
            try:
                image = frame.read(self.model.white)
            except ScalerError as error:
                outcome.failed += error.faults
                outcome.kept -= frame.id not in todo
                todo.discard(frame.id)
                continue
            side = tile_side(image.shape, self.options.tiles, self.model.tile)
            if side is None:
                small.append((frame.id, image))
            elif frame.id in todo:
                self._store(source, frame.id, image, self._tiled(f"{source.set}/{frame.id}", image, side))
        for (name, image), p in zip(small, self.maps([image for _, image in small]) if small else (), strict=True):
            if name in todo:
                self._store(source, name, image, to_native(p, image.shape[:2]))
        outcome.made += len(todo)

    def _tiled(self, name: str, image: U8, side: int) -> NDArray[np.uint16]:
        height, width = image.shape[:2]
        if side != self.model.tile:  # else it is no news
            count = len(overlapping(height, side)) * len(overlapping(width, side))
            log.info(f"{name}: {width} x {height} pixels, predicted in {count} tiles of at most {side} x {side}")
        return tiled(image, side, self.maps, self.batch_size)

    def _store(self, source: Images | Video, name: str, image: U8, p: NDArray[Any]) -> None:
        stored = to_bytes(p, stretch=self.options.stretch, threshold=self.options.threshold)
        if self.overlays is not None:
            write_png(_place(self.overlays, source, name), overlay(image, stored))
        write_png(_place(self.out, source, name), stored)

    def _is_done(self, source: Images | Video, name: str) -> bool:
        return all(is_whole_png(_place(folder, source, name)) for folder in self._folders)

    @property
    def _folders(self) -> list[Path]:
        return [self.out] if self.overlays is None else [self.out, self.overlays]

    def _record(self, sources: Sources) -> dict[str, Any]:
        model = self.model
        return {
            "model": {"path": model.path.as_posix(), "network": model.name, "fingerprint": model.header.fingerprint},
            "options": {"size": model.size, **asdict(self.options)},
            "sets": sources.sets,
        }


def _place(folder: Path, source: Images | Video, name: str) -> Path:
    """Where the map of an image goes: the layout of the field's toolboxes."""
    return folder / source.set / f"{name}.png"


def _refuse_overlap(sources: Sources, folders: list[Path]) -> None:
    if len(folders) == 2 and folders[0].resolve() == folders[1].resolve():
        raise ScalerError(f"--overlay: {folders[1]} is the folder of the predictions; choose another.")
    files = [path for item in sources.items if isinstance(item, Images) for path in item.files.values()]
    for folder in folders:
        here = folder.resolve()
        root = next((root for root in sources.roots if here.is_relative_to(root.resolve())), None)
        if root is not None:
            raise ScalerError(f"{folder}: lies in {root}, whose images are predicted; choose a folder outside it.")
        inside = next((path for path in files if path.resolve().is_relative_to(here)), None)
        if inside is not None:
            raise ScalerError(f"{inside}: lies in {folder}, where the predictions would go; choose another folder.")
