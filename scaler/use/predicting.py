"""The loop of `predict`: images in, maps at native size out, nothing done twice."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scaler.data.geometry import all_views
from scaler.data.resize import to_square
from scaler.errors import ScalerError
from scaler.method.ensemble import ensemble
from scaler.progress import progress
from scaler.training.device import Compute
from scaler.training.prediction import predict
from scaler.use.model import LoadedModel
from scaler.use.sources import Found, Frame, Pictures, Video, batches, length
from scaler.use.write import claimed, is_whole_png, overlay, to_bytes, write_png

TTA_VIEWS = tuple(all_views(("none", "h"), (0, 1, 2, 3), (1.0,)))  # all eight flips and quarter turns, once each
MOST_SHOWN = 20


@dataclass(frozen=True)
class Options:
    """What the stored maps depend on, beside the model.

    Attributes:
        stretch: min-max of each map.
        threshold: None: soft; else the cut of a binary map, above 0 and at most 1.
        tta: mean over the eight flips and quarter turns.
    """

    stretch: bool = False
    threshold: float | None = None
    tta: bool = False


@dataclass(frozen=True)
class Result:
    """How it went: images predicted now, found done, and a line for each that failed."""

    made: int
    kept: int
    failed: list[str]


def predict_sources(
    model: LoadedModel,
    found: Found,
    out: Path,
    options: Options,
    compute: Compute,
    *,
    batch_size: int,
    overlays: Path | None = None,
    overwrite: bool = False,
) -> Result:
    """Predict all images into `out/<set>/<id>.png`, and into `overlays/<set>/<id>.png` where asked for.

    Predictions that are there, whole, and made by the same model and options are kept.

    Raises:
        ScalerError: a folder is not usable (see `scaler.use.write.claimed`), or the disk is full. Unreadable images
            raise nothing; they are lines of the result.
    """
    folders = [out] if overlays is None else [out, overlays]
    _refuse_overlap(found, folders)
    record = _record(model, options, found)
    model = replace(model, network=compute.place(model.network))
    failed = list(found.refused)
    made = kept = 0
    with ExitStack() as stack:
        for folder in folders:
            stack.enter_context(claimed(folder, record, overwrite=overwrite))
        bar = stack.enter_context(progress(sum(map(length, found.sources)), "predict", unit="image"))
        for source in found.sources:
            missing = _missing_in(folders, source)
            unreadable = len(failed)
            for count, frames in batches(source, batch_size, lambda name, f=missing: not f(name), failed.append):  # type: ignore[misc]
                todo = [frame for frame in frames if missing(frame.id)]
                if todo:
                    _predict_batch(model, source, frames, options, compute, out, overlays, missing)
                made += len(todo)
                kept += count - len(todo)
                bar.update(count)
            if isinstance(source, Pictures):  # each unreadable file is one of those that were passed
                kept -= len(failed) - unreadable
    return Result(made, kept, failed)


def report_failures(result: Result) -> None:
    """Raise what could not be predicted.

    Raises:
        ScalerError: with a line for each of the first files.
    """
    if not result.failed:
        return
    more = len(result.failed) - MOST_SHOWN
    lines = [f"- {line}" for line in result.failed[:MOST_SHOWN]] + [f"... and {more} more"] * (more > 0)
    head = f"{len(result.failed)} could not be predicted; the other {result.made + result.kept} are done:"
    raise ScalerError("\n".join([head, *lines]))


def maps(model: LoadedModel, image: list[NDArray[np.uint8]], compute: Compute, *, tta: bool) -> NDArray[np.float32]:
    """Probabilities (n, S, S) of n images (H, W, 3) of any sizes, in the network's frame, as one batch."""
    stack = np.stack([to_square(one, None, None, model.size)[0] for one in image])
    if tta:
        views = [TTA_VIEWS] * len(stack)
        return ensemble(model.network, model.forward, stack, views, "probability", compute, len(stack))
    return predict(model.network, model.forward, stack, compute, len(stack))


def _predict_batch(
    model: LoadedModel,
    source: Pictures | Video,
    frames: list[Frame],
    options: Options,
    compute: Compute,
    out: Path,
    overlays: Path | None,
    missing: Callable[[str], bool],
) -> None:
    probability = maps(model, [frame.image for frame in frames], compute, tta=options.tta)
    for frame, p in zip(frames, probability, strict=True):
        if not missing(frame.id):
            continue
        height, width = frame.image.shape[:2]
        stored = to_bytes(p, (height, width), stretch=options.stretch, threshold=options.threshold)
        if overlays is not None:
            write_png(place(overlays, source, frame.id), overlay(frame.image, stored))
        write_png(place(out, source, frame.id), stored)


def place(folder: Path, source: Pictures | Video, name: str) -> Path:
    """Where the map of an image goes: the layout of the field's toolboxes."""
    return folder / source.set / f"{name}.png"


def _missing_in(folders: list[Path], source: Pictures | Video) -> Callable[[str], bool]:
    return lambda name: not all(is_whole_png(place(folder, source, name)) for folder in folders)


def _record(model: LoadedModel, options: Options, found: Found) -> dict[str, Any]:
    return {
        "model": {"path": model.path.as_posix(), "network": model.name, "fingerprint": model.header.fingerprint},
        "options": {"size": model.size, **asdict(options)},
        "sets": sorted({source.set for source in found.sources}),
    }


def _refuse_overlap(found: Found, folders: list[Path]) -> None:
    if len(folders) == 2 and folders[0].resolve() == folders[1].resolve():
        raise ScalerError(f"--overlay: {folders[1]} is the folder of the predictions; give another.")
    files = [
        path for source in found.sources for path in (source.files.values() if isinstance(source, Pictures) else ())
    ]
    for folder in folders:
        here = folder.resolve()
        root = next((root for root in found.roots if here.is_relative_to(root.resolve())), None)
        if root is not None:
            raise ScalerError(f"{folder}: lies in {root}, whose images are predicted; give a folder outside of it.")
        inside = next((path for path in files if path.resolve().is_relative_to(here)), None)
        if inside is not None:
            raise ScalerError(f"{inside}: lies in {folder}, where the predictions would go; give another folder.")
