"""Whole groups: in our own draws always, in the user's rules or else an error."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from scaler.data.folder import find_samples, survey
from scaler.data.split import choose
from scaler.errors import Faults, ScalerError
from scaler.laboratory.dataset import generate
from tests.data.prepared import prepare

from . import trees
from .conftest import Params

PATIENTS = {f"train/p{p:02d}_{n}": f"p{p:02d}" for p in range(20) for n in range(1 + p % 5)}
PATTERN = r"(p\d+)_"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    trees.pairs(tmp_path / "images", tmp_path / "masks", [*PATIENTS, "val/q1_0", "test/q2_0"])
    return tmp_path


def rules(params: Params, **changes: object):  # type: ignore[no-untyped-def]
    return params(**{"train": "train/*", "val": "val/*", "test": "test/*", "groups": PATTERN} | changes)


def drawn_val(params: Params, **changes: object):  # type: ignore[no-untyped-def]
    return rules(params, **{"val": None, "val_fraction": 0.2} | changes)


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
@pytest.mark.parametrize("seed", range(4))
def test_groups_are_drawn_whole_and_their_images_are_as_many_as_wanted(fraction: float, seed: int) -> None:
    ids = list(PATIENTS)
    shares = np.random.default_rng(seed).uniform(size=len(ids)).tolist()
    chosen = choose(ids, shares, fraction, seed, groups=PATIENTS)
    touched = {PATIENTS[name] for name in chosen}
    assert chosen == {name for name, group in PATIENTS.items() if group in touched}
    assert abs(len(chosen) - fraction * len(ids)) <= 2


def test_large_and_small_objects_are_drawn_alike() -> None:
    groups = {f"g{g:03d}_{n}": f"g{g:03d}" for g in range(200) for n in range(2)}
    ids = list(groups)
    shares = np.random.default_rng(0).beta(1, 6, 200).repeat(2)
    chosen = choose(ids, shares.tolist(), 0.25, 0, groups=groups)
    ranks = shares.argsort().argsort() * 4 // len(ids)
    quarters = Counter(int(ranks[ids.index(name)]) for name in chosen)
    assert all(abs(quarters[quarter] - len(chosen) / 4) <= 4 for quarter in range(4))


def test_labelled_images_of_a_run_are_whole_groups(root: Path, params: Params) -> None:
    train = prepare(root, rules(params, labelled_fraction=0.25), 0).train
    labelled = {PATIENTS[name] for name, chosen in zip(train.ids, train.labelled, strict=True) if chosen}
    assert 2 <= len(labelled) < 20
    assert [PATIENTS[name] in labelled for name in train.ids] == train.labelled.tolist()


def test_drawn_validation_takes_whole_groups_with_masks(
    root: Path, params: Params, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("train/p04_0", "train/p07_1"):
        (root / "masks" / f"{name}.png").unlink()
    (root / "chosen.txt").write_text("train/p09_0\ntrain/p03_1\n")
    samples = find_samples(root, drawn_val(params, labelled_list="chosen.txt"), seed=3)
    by_split = {split: {s.group for s in samples if s.split == split} for split in ("train", "val", "test")}
    assert by_split["test"] == {None}
    assert len(by_split["val"]) >= 2
    assert not by_split["val"] & (by_split["train"] | {"p04", "p07", "p09", "p03"})
    assert len(samples) == len(PATIENTS) + 1
    faults = Faults(root)
    assert survey(root, drawn_val(params, labelled_list="chosen.txt"), faults, seed=3) == samples
    notes = {item.kind: item.reason for item in faults.of("note")}
    assert "images with mask are drawn for validation (seed 3)" in notes["val_drawn"]
    assert notes["groups"] == f"20 groups of {len(PATIENTS)} images; 2 images belong to none"
    for seed in range(20):
        others = find_samples(root, drawn_val(params, labelled_list="chosen.txt"), seed)
        assert not {s.group for s in others if s.split == "val"} & {"p04", "p07", "p09", "p03"}
    again = find_samples(root, drawn_val(params, labelled_list="chosen.txt"), seed=3)
    assert again == samples
    assert find_samples(root, drawn_val(params), seed=4) != find_samples(root, drawn_val(params), seed=3)


def test_drawn_validation_is_evaluated_and_not_trained_on(root: Path, params: Params) -> None:
    prepared = prepare(root, drawn_val(params, groups=None), 1)
    assert len(prepared.val.ids) == round(0.2 * len(PATIENTS))
    assert not set(prepared.val.ids) & set(prepared.train.ids)
    assert prepared.val.labelled.all()
    assert len(prepared.val.native_masks) == len(prepared.val.ids)


def test_the_laboratory_can_draw_its_validation_too(tmp_path: Path, params: Params) -> None:
    text = Path("data/laboratory/recipe.yaml").read_text()
    for old, new in (("train: 128", "train: 10"), ("val: 64", "val: 1"), ("test: 128", "test: 2")):
        text = text.replace(old, new)
    (tmp_path / "recipe.yaml").write_text(text)
    prepared = prepare(tmp_path, drawn_val(params, groups=None, labelled_fraction=0.5), 0, generate=generate)
    assert (len(prepared.train.ids), len(prepared.val.ids), int(prepared.train.labelled.sum())) == (8, 2, 4)
    assert all(name.startswith("train/") for name in prepared.val.ids)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"groups": r"/(.)"}, "in several splits: val (val/q1_0), test (test/q2_0); put all its images into one"),
        ({"groups": "(patient)"}, "the expression '(patient)' finds no group in the 62 image ids"),
    ],
)
def test_faults(root: Path, params: Params, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ScalerError, match=re.escape(message)):
        find_samples(root, rules(params, **changes))


def test_nothing_to_draw_validation_from(root: Path, params: Params) -> None:
    for name in PATIENTS:
        if name != "train/p00_0":
            (root / "masks" / f"{name}.png").unlink()
    with pytest.raises(ScalerError, match=r"val_fraction: validation images need masks, and only 1 training"):
        find_samples(root, drawn_val(params))


def test_the_papers_protocol_lets_test_groups_validate(root: Path, params: Params) -> None:
    changes = {"groups": r"/(q2)", "val": "test/*", "paper_protocol": True}
    assert {s.split for s in find_samples(root, rules(params, **changes)) if s.group} == {"val", "test"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"groups": "(p[0-9]+"}, "is no regular expression"),
        ({"groups": "p[0-9]+_"}, "needs a part in parentheses"),
        ({"val": None}, "either val .* or val_fraction"),
        ({"val_fraction": 0.1}, "either val .* or val_fraction"),
        ({"val": None, "val_fraction": 1.0}, "less than 1"),
    ],
)
def test_settings_that_cannot_be(params: Params, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rules(params, **changes)
