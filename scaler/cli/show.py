"""`python -m scaler show FILE`: the story of one artifact in the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scaler.errors import ScalerError, printable

if TYPE_CHECKING:
    import h5py

    from scaler.artifacts.header import Header

WORDS = {
    "data": "images, masks and marks of one split, resized for the models",
    "truth": "true masks of the training images, which no training stage opens",
    "segmenter": "the task network: student and teacher (eq 15)",
    "sam": "the trained part of the foundation model: adaptation and mask decoder",
    "sam_labels": "SAM's pseudo-labels of training images (eq 2-3), with their weights (eq 4-6)",
    "segmenter_labels": "the segmenter's pseudo-labels of training images: consensus, teacher, student, and weights",
    "evaluation": "metrics and predictions of segmenter, teacher and SAM on validation and test images",
    "report": "the page that shows what the two models taught each other",
    "inspection": "the page that shows every image at every round",
}
SHOWN = 12  # tensors of a model that are listed one by one
MANY = 60  # data sets of a group from which on only the first are listed


def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An .h5 file or a page that a stage made.")],
    image: Annotated[str | None, typer.Option(metavar="ID", help="Show one image of it.")] = None,
) -> None:
    """Show what an artifact is, what it was made from, and what it holds.

    With --image, show one image's numbers and pictures.

    \b
      python -m scaler show results/stops/round_2/sam_labels/shard_0.h5
      python -m scaler show results/stops/round_2/sam_labels/shard_0.h5 --image train/0007
      python -m scaler show results/report.html
    """
    ascii_only = "utf" not in (sys.stdout.encoding or "").lower()
    try:
        for line in story(file, image, ascii_only=ascii_only):
            shown = printable(line)
            print(shown.encode("ascii", "backslashreplace").decode("ascii") if ascii_only else shown)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of the pipe (`| head`) has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def story(path: Path, image: str | None = None, *, ascii_only: bool = False) -> Iterator[str]:
    """The lines of `show`.

    Args:
        path: an artifact.
        image: id of the image to show; None: the artifact as a whole.
        ascii_only: draw with letters instead of blocks.
    """
    from scaler.artifacts.reading import open_artifact
    from scaler.cli.show_image import image_lines

    header = _header(path)
    if path.suffix == ".html":
        if image is not None:
            raise ScalerError(f"--image: {path} is a page and has no image of its own; open it in a browser.")
        _refuse_altered(path, header)
        yield from _provenance(path, header)
        return
    with open_artifact(path, header.kind) as file:
        if image is not None:
            yield from image_lines(path, file, image, ascii_only=ascii_only)
            return
        yield from _provenance(path, header)
        yield from _figures(file)
        yield from _log(file)
        yield from _contents(file)


def _header(path: Path) -> Header:
    from scaler.artifacts.header import read_header
    from scaler.artifacts.names import SCHEMA

    wanted = "expected an .h5 file or a page that a stage made, such as results/stops/init/segmenter.h5."
    if not path.is_file():
        raise ScalerError(f"{path}: {'this is a folder' if path.is_dir() else 'there is no such file'}; {wanted}")
    try:
        header = read_header(path)
    except OSError as error:
        raise ScalerError(f"{path}: cannot be read ({error.strerror}).") from None
    if header is None:
        raise ScalerError(f"{path}: not an artifact of this pipeline, or its header is damaged; {wanted}")
    if header.kind not in SCHEMA:
        raise ScalerError(f"{path}: unknown kind of artifact {header.kind!r}; known kinds are {', '.join(SCHEMA)}.")
    return header


def _refuse_altered(path: Path, header: Header) -> None:
    from scaler.artifacts.filehash import sha256

    if sha256(path, header.payload_offset) != header.payload_sha256:
        raise ScalerError(
            f"{path}: the checksum does not match the contents (truncated or altered). "
            "Make it again with `snakemake --cores all` or `dvc repro`."
        )


def _provenance(path: Path, header: Header) -> Iterator[str]:
    yield f"{path}: {header.kind}, schema {header.schema}, {path.stat().st_size / 1e6:.2f} MB, whole"
    yield f"what         {WORDS.get(header.kind, header.kind)}"
    arguments = "".join(f" --{name} {value}" for name, value in header.arguments.items())
    yield f"made by      python -m stages.{header.stage}{arguments}"
    yield f"fingerprint  {header.fingerprint}"
    yield "made from" if header.inputs else "made from    its parameters alone"
    for item in header.inputs:
        yield f"  {item.path}  {item.fingerprint[:16]}{'  (provided by the user)' if item.raw else ''}"
    yield "with"
    for block, values in header.params.items():
        yield f"  {block}: {_compact(values)}"
    yield "under        " + ", ".join(f"{name} {version}" for name, version in header.versions.items())
    if header.sidecars:
        first = list(header.sidecars)[:5]
        more = len(header.sidecars) - len(first)
        yield f"beside it    {', '.join(first)}{f' and {more} more' if more else ''}"


def _compact(values: object) -> str:
    if isinstance(values, dict):
        return ", ".join(f"{key} {_compact(value) if value != {} else 'none'}" for key, value in values.items())
    return ", ".join(map(str, values)) if isinstance(values, list) else str(values)


def _figures(file: h5py.File) -> Iterator[str]:
    """Of an evaluation: the metrics of each split and model."""
    if file.attrs["kind"] != "evaluation":
        return
    from scaler.artifacts.evaluation import read_scores
    from scaler.metrics.names import METRICS

    yield ""
    yield "metrics" + " " * 15 + " ".join(f"{metric.label:>10}" for metric in METRICS.values())
    for split, scores in read_scores(file, predictions=False).items():
        for name, summary in {"": scores.summary, **scores.sets}.items():
            for model, values in summary.items():
                numbers = " ".join(f"{values[metric]:10.3f}" for metric in METRICS)
                yield f"  {split:5} {model:12}  {numbers}  {name}".rstrip()


def _log(file: h5py.File) -> Iterator[str]:
    """Of a model: how each logged quantity went from the first epoch to the last."""
    if "log" not in file or "epoch" not in file["log"]:
        return
    import numpy as np

    from scaler.artifacts.models import read_log

    columns = dict(read_log(file))
    yield ""
    yield f"log of {len(columns.pop('epoch'))} epochs: first to last (lowest, highest)"
    for name, values in columns.items():
        known = values[np.isfinite(values)]
        if known.size:
            yield f"  {name:20} {known[0]:.4g} to {known[-1]:.4g} ({known.min():.4g}, {known.max():.4g})"


def _contents(file: h5py.File) -> Iterator[str]:
    """Every data set with type, shape and statistics; of a model's tensors the first and how many there are."""
    from scaler.cli.show_image import data_sets

    yield ""
    yield "holds"
    for name, item in file.items():
        sets = list(data_sets(item, name))
        listed = sets if len(sets) < MANY else sets[:SHOWN]
        for path, data in listed:
            yield f"  {path:34} {_type(data):8} {'x'.join(map(str, data.shape)) or 'scalar':16} {_statistics(data)}"
        if len(listed) < len(sets):
            numbers = sum(int(data.size) for _, data in sets)
            yield f"  {name}/...: {len(sets)} data sets, {numbers:,} numbers in all"


def _type(data: h5py.Dataset) -> str:
    return "string" if data.dtype.kind == "O" else str(data.dtype)


def _statistics(data: h5py.Dataset) -> str:
    import numpy as np

    if data.size == 0:
        return "empty"
    if data.dtype.kind == "O":
        return f"{len(set(data[()]))} different, first {data.asstr()[0]!r}"
    if data.dtype.kind == "b":
        return f"{int(np.count_nonzero(data[()]))} true"
    low, high, total, count = np.inf, -np.inf, 0.0, 0
    for part in data[()].reshape(1, -1) if data.ndim < 3 else data:  # pictures one by one: they can be many
        known = part[np.isfinite(part)]
        if known.size:
            low, high = min(low, known.min()), max(high, known.max())
            total, count = total + float(known.sum(dtype=np.float64)), count + known.size
    strange = f", {data.size - count} not finite" if count < data.size else ""
    return f"{low:.4g} to {high:.4g}, mean {total / count:.4g}{strange}" if count else f"all {data.size} not finite"
