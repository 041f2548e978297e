"""`python -m scaler split`: draw labelled and validation images, and write them as lists that can be committed."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaler.errors import ScalerError

if TYPE_CHECKING:
    from scaler.data.folder import Sample
    from scaler.params import PrepareDataParams

DESCRIPTION = """\
Draw which training images are labelled, or which of them validate, and write the choice as text files, one image id per
line, for prepare_data.labelled_list, train and val. Drawn are images with a mask, evenly over sizes of the object, and
whole groups only. With --val-fraction, FILE_val.txt and FILE_train.txt are written beside FILE.txt. From a prepared
split (results/data/train.h5) the labelled images of that run are written.

  python -m scaler split data/my_set --params params.yaml --fraction 1/8 --out data/my_set/labelled.txt
  python -m scaler split data/my_set --val-fraction 0.1 --groups "^(patient[0-9]+)_" --out data/my_set/split.txt
  python -m scaler split results/data/train.h5 --out labelled.txt
"""


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Register the command."""
    parser = commands.add_parser(
        "split",
        help="write lists of labelled and of validation images",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("data", metavar="DATA", type=Path, help="folder of the data set, or a train.h5 of a run")
    add("--params", metavar="FILE", type=Path, help="read layout, splits, groups and seed from this params.yaml")
    add("--fraction", metavar="F", type=fraction, help="share of the training images with mask to label, such as 1/8")
    add("--val-fraction", metavar="F", type=fraction, help="share of the training images to validate with, such as 0.1")
    add("--groups", metavar="REGEX", help="expression on the id whose first (...) names the group (csv: or a column)")
    add("--seed", metavar="N", type=int, help="default: that of the params, or else 0")
    add("--out", metavar="FILE.txt", type=Path, required=True, help="the list; not overwritten if it is there")
    parser.set_defaults(run=run)


def fraction(text: str) -> float:
    """A share above 0 and at most 1, written 0.125 or 1/8.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    over, slash, under = text.partition("/")
    try:
        value = float(over) / float(under) if slash else float(text)
    except (ValueError, ZeroDivisionError):
        value = -1.0
    if not 0.0 < value <= 1.0:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a share above 0 and at most 1, such as 1/8 or 0.125")
    return value


def run(arguments: argparse.Namespace) -> None:
    """Draw and write.

    Raises:
        ScalerError: data at fault, nothing to draw, or a file that is there already.
    """
    if arguments.data.suffix == ".h5":
        lists = {arguments.out: _labelled_of(arguments)}
    else:
        if arguments.fraction is None and arguments.val_fraction is None:
            raise ScalerError("split: say what to draw: --fraction 1/8 (labelled images), --val-fraction 0.1, or both.")
        lists = _draw(arguments)
    from scaler.use.write import write_whole

    for path in lists:
        if path.exists():
            raise ScalerError(f"{path}: is there already; give another name by --out, or remove it.")
    for path, ids in lists.items():
        write_whole(path, "".join(f"{name}\n" for name in ids).encode("utf-8"))
        print(f"{path}: {len(ids)} images")


def _labelled_of(arguments: argparse.Namespace) -> list[str]:
    from scaler.artifacts.layout import read_ids
    from scaler.artifacts.reading import open_artifact

    given = [name for name in ("params", "fraction", "val_fraction", "groups") if getattr(arguments, name) is not None]
    if given:
        raise ScalerError(f"split: --{given[0].replace('_', '-')} draws from a folder; a prepared split is only read.")
    with open_artifact(arguments.data, "data") as file:
        labelled = file["labelled"][()]
        return [name for name, chosen in zip(read_ids(file), labelled, strict=True) if chosen]


def _draw(arguments: argparse.Namespace) -> dict[Path, list[str]]:
    from scaler.data.folder import survey
    from scaler.data.problems import Problems
    from scaler.data.split import choose

    class OfRulesGiven(Problems):
        """Without params, rules of splits that nobody wrote are no fault."""

        def add(self, line: str) -> None:
            if arguments.params is not None or not line.startswith(("prepare_data.val: ", "prepare_data.test: ")):
                super().add(line)

    params, seed = _settings(arguments)
    problems = OfRulesGiven(arguments.data)
    samples = survey(arguments.data, params, problems, seed)
    problems.raise_if_any()
    training = [sample for sample in samples if sample.split == "train"]
    groups = {sample.id: sample.group for sample in training if sample.group is not None}
    lists = {}
    if params.val_fraction is not None:
        lists[_beside(arguments.out, "val")] = [sample.id for sample in samples if sample.split == "val"]
        lists[_beside(arguments.out, "train")] = [sample.id for sample in training]
    if arguments.fraction is not None:
        shares = _shares(training, problems)
        problems.raise_if_any()
        chosen = choose(list(shares), list(shares.values()), arguments.fraction, seed, groups=groups)
        lists[arguments.out] = sorted(chosen)
    return lists


def _settings(arguments: argparse.Namespace) -> tuple[PrepareDataParams, int]:
    """The params of the draw: the given file's or guessed ones, under what the command line says."""
    from pydantic import ValidationError

    from scaler.data.checks.inventory import guess
    from scaler.data.entries import RECIPE
    from scaler.params import PrepareDataParams, load_params

    if not arguments.data.is_dir():
        raise ScalerError(f"{arguments.data}: no such folder; expected a data set, or a train.h5 of a run.")
    if (arguments.data / RECIPE).is_file():
        raise ScalerError(f"{arguments.data}: the built-in laboratory is drawn anew for each run; split a folder.")
    whole = None if arguments.params is None else load_params(arguments.params)
    params = guess(arguments.data) if whole is None else whole.prepare_data
    changes: dict[str, object] = {} if arguments.groups is None else {"groups": arguments.groups}
    if arguments.val_fraction is not None:
        changes |= {"val": None, "val_fraction": arguments.val_fraction, "labelled_list": None}
    try:
        params = PrepareDataParams.model_validate(params.model_dump() | changes)
    except ValidationError as error:
        told = [str(item.get("ctx", {}).get("error", item["msg"])) for item in error.errors()]
        raise ScalerError(f"split: {'; '.join(told)}.") from None
    seed = arguments.seed if arguments.seed is not None else 0 if whole is None else whole.seed
    if seed < 0:
        raise ScalerError(f"split: --seed {seed}: expected a number of at least 0.")
    return params, seed


def _shares(training: Sequence[Sample], problems: Any) -> Mapping[str, float]:
    from scaler.data.images import read_mask
    from scaler.progress import progress

    masks = {sample.id: sample.mask for sample in training if sample.mask is not None}
    if not masks:
        raise ScalerError("split: no training image has a mask, so none can be labelled; add masks first.")
    shares = {}
    with progress(len(masks), "reading masks", unit="mask") as bar:
        for name, path in masks.items():
            try:
                shares[name] = float(read_mask(path).mean())
            except ScalerError as error:
                problems.add(str(error))
            bar.update()
    return shares


def _beside(path: Path, name: str) -> Path:
    return path.with_name(f"{path.stem}_{name}{path.suffix}")
