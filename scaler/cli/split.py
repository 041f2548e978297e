"""`python -m scaler split`: draw labelled and validation images, and write them as lists that can be committed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scaler.cli.values import share
from scaler.errors import Faults, ScalerError

if TYPE_CHECKING:
    from scaler.data.folder import Sample
    from scaler.params import PrepareDataParams


@dataclass(frozen=True)
class Request:
    """What the command line asks for."""

    data: Path
    out: Path
    params: Path | None
    fraction: float | None
    val_fraction: float | None
    groups: str | None
    seed: int | None


def split(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Folder of a data set, or a train.h5 of a run.")],
    out: Annotated[Path, typer.Option(metavar="FILE.txt", help="The list to write; an existing file is kept.")],
    params: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Read layout, splits, groups and seed from this params.yaml.")
    ] = None,
    fraction: Annotated[
        float | None,
        typer.Option(metavar="F", parser=share, help="Share of the training images to label, such as 1/8."),
    ] = None,
    val_fraction: Annotated[
        float | None,
        typer.Option(metavar="F", parser=share, help="Share of the training images to validate with, such as 0.1."),
    ] = None,
    groups: Annotated[
        str | None,
        typer.Option(metavar="REGEX", help="Expression whose first (...) names an id's group (CSV: or a column)."),
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", min=0, show_default="that of the params, or 0")] = None,
) -> None:
    """Write lists of labelled and of validation images.

    Draws which training images are labelled, or which of them validate, and writes the ids as text files, one id a
    line, for prepare_data.labelled_list, train and val. Only images with a mask are drawn, evenly over the sizes of
    their objects, and groups are never divided. With --val-fraction, FILE_val.txt and FILE_train.txt are written beside
    FILE.txt. For a prepared split (results/data/train.h5) the labelled images of that run are written.

    \b
      python -m scaler split data/my_set --params params.yaml --fraction 1/8 --out data/my_set/labelled.txt
      python -m scaler split data/my_set --val-fraction 0.1 --groups "^(patient[0-9]+)_" --out data/my_set/split.txt
      python -m scaler split results/data/train.h5 --out labelled.txt
    """
    from scaler.artifacts.writing import write_file

    request = Request(data, out, params, fraction, val_fraction, groups, seed)
    if data.suffix == ".h5":
        lists = {out: _labelled_of(request)}
    elif fraction is None and val_fraction is None:
        raise ScalerError("split: say what to draw: --fraction 1/8 (labelled images), --val-fraction 0.1, or both.")
    else:
        lists = _draw(request)
    for path in lists:
        if path.exists():
            raise ScalerError(f"{path}: exists already; choose another name with --out, or remove it.")
    for path, ids in lists.items():
        write_file(path, "".join(f"{name}\n" for name in ids).encode("utf-8"))
        print(f"{path}: {len(ids)} images")


def _labelled_of(request: Request) -> list[str]:
    from scaler.artifacts.splits import open_data
    from scaler.data.tiling import image_of_tile

    given = [name for name in ("params", "fraction", "val_fraction", "groups") if getattr(request, name) is not None]
    if given:
        raise ScalerError(f"split: --{given[0].replace('_', '-')} draws from a folder; a prepared split is only read.")
    split = open_data(request.data)
    names = [name for name, chosen in zip(split.ids, split.labelled, strict=True) if chosen]
    return names if split.tile is None else list(dict.fromkeys(map(image_of_tile, names)))


def _draw(request: Request) -> dict[Path, list[str]]:
    from scaler.data.folder import survey
    from scaler.data.split import choose

    params, seed = _settings(request)
    faults = Faults(request.data)
    samples = survey(request.data, params, faults, seed)
    if request.params is None:  # guessed rules may match nothing
        unwritten = ("val_matches_nothing", "test_matches_nothing")
        faults.items = [item for item in faults.items if item.kind not in unwritten]
    faults.raise_if_errors()
    training = [sample for sample in samples if sample.split == "train"]
    groups = {sample.id: sample.group for sample in training if sample.group is not None}
    lists = {}
    if params.val_fraction is not None:
        lists[_beside(request.out, "val")] = [sample.id for sample in samples if sample.split == "val"]
        lists[_beside(request.out, "train")] = [sample.id for sample in training]
    if request.fraction is not None:
        shares = _shares(training, params.mask_threshold, faults)
        faults.raise_if_errors()
        chosen = choose(list(shares), list(shares.values()), request.fraction, seed, groups=groups)
        lists[request.out] = sorted(chosen)
    return lists


def _settings(request: Request) -> tuple[PrepareDataParams, int]:
    """The params of the draw: the given file's or guessed ones, under what the command line says."""
    from pydantic import ValidationError

    from scaler.data.checks.guess import guess
    from scaler.data.entries import RECIPE
    from scaler.params import PrepareDataParams, load_params

    if not request.data.is_dir():
        raise ScalerError(f"{request.data}: no such folder; expected a data set, or a train.h5 of a run.")
    if (request.data / RECIPE).is_file():
        raise ScalerError(f"{request.data}: the built-in laboratory is generated for each run; split a folder.")
    whole = None if request.params is None else load_params(request.params)
    params = guess(request.data) if whole is None else whole.prepare_data
    changes: dict[str, object] = {} if request.groups is None else {"groups": request.groups}
    if request.val_fraction is not None:
        changes |= {"val": None, "val_fraction": request.val_fraction, "labelled_list": None}
    try:
        params = PrepareDataParams.model_validate(params.model_dump() | changes)
    except ValidationError as error:
        reasons = [str(item.get("ctx", {}).get("error", item["msg"])) for item in error.errors()]
        raise ScalerError(f"split: {'; '.join(reasons)}.") from None
    seed = request.seed if request.seed is not None else 0 if whole is None else whole.seed
    return params, seed


def _shares(training: Sequence[Sample], threshold: int, faults: Faults) -> Mapping[str, float]:
    from scaler.data.images import read_mask
    from scaler.progress import progress

    masks = {sample.id: sample.mask for sample in training if sample.mask is not None}
    if not masks:
        raise ScalerError("split: no training image has a mask, so none can be labelled; add masks first.")
    shares = {}
    with progress(len(masks), "reading masks", unit="mask") as bar:
        for name, path in masks.items():
            with faults.collect([name]):
                shares[name] = float(read_mask(path, threshold).mean())
            bar.update()
    return shares


def _beside(path: Path, name: str) -> Path:
    return path.with_name(f"{path.stem}_{name}{path.suffix}")
