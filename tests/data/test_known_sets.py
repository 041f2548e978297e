"""The papers' counts, and which mistake a wrong one is taken for."""

from __future__ import annotations

from pathlib import Path

import pytest

from scaler.data.folder import Sample
from scaler.data.known_sets import unusual_counts
from scaler.data.layouts import Split

from . import trees
from .conftest import Params

COD = {"TrainDataset": 4040, "TestDataset/CHAMELEON": 76, "TestDataset/CAMO": 250, "TestDataset/COD10K": 2026,
       "TestDataset/NC4K": 4121}  # fmt: skip
POLYPS = {
    "TrainDataset": 1450, "TestDataset/CVC-300": 60, "TestDataset/CVC-ClinicDB": 62, "TestDataset/CVC-ColonDB": 380,
    "TestDataset/ETIS-LaribPolypDB": 196, "TestDataset/Kvasir": 100,
}  # fmt: skip
GLASS = {"GDD/train": 2980, "GDD/test": 936, "GSD/test": 810}
DRIVE = {"training": 20, "test": 20}
SALIENT = {"DUTS-TR": 10553, "DUTS-TE": 5019, "ECSSD": 1000, "PASCAL-S": 850, "HKU-IS": 4447, "DUT-OMRON": 5168}


def samples(counts: dict[str, int]) -> list[Sample]:
    made = []
    for path, count in counts.items():
        split: Split = "train" if any(word in path.casefold() for word in ("train", "-tr")) else "test"
        name = path.split("/")[0] if path.startswith(("GDD", "GSD")) else path.split("/")[-1]
        name = "" if name in ("TrainDataset", "training", "test") else name
        made += [Sample(f"{path}/{n}", split, Path("x.png"), None, None, name) for n in range(count)]
    return made


@pytest.mark.parametrize(
    ("layout", "counts"),
    [("cod", COD), ("pranet", POLYPS), ("gdd", GLASS), ("drive", DRIVE), ("sod", SALIENT)],
)
def test_the_papers_counts_give_no_warning(layout: str, counts: dict[str, int], params: Params) -> None:
    assert unusual_counts(Path("data/DRIVE"), params(layout=layout), samples(counts)) == []


@pytest.mark.parametrize(
    ("layout", "counts", "told"),
    [
        ("cod", COD | {"TestDataset/COD10K": 4000}, "COD10K: 4,000 test images, but 2,026 in the papers; this looks "
         "like COD10K with its 1,974 non-camouflaged"),
        ("cod", COD | {"TestDataset/COD10K": 5066}, "all its camouflaged images"),
        ("cod", COD | {"TestDataset/CAMO": 1250}, "CAMO in full: 1,000 of these are training images"),
        ("cod", COD | {"TestDataset/NC4K": 2121}, "NC4K: 2,121 test images, but 4,121 in the papers; this looks like a "
         "re-split NC4K"),
        ("cod", COD | {"TestDataset/CHAMELEON": 75}, "CHAMELEON: 75 test images, but 76 in the papers"),
        ("cod", COD | {"TrainDataset": 3040}, "CAMO's 1,000 training images are missing"),
        ("cod", COD | {"TrainDataset": 7000}, "COD10K with its 2,960 non-camouflaged"),
        ("cod", COD | {"TrainDataset": 505}, "the 1/8 with masks: prepare_data.train names all training images"),
        ("pranet", POLYPS | {"TrainDataset": 900}, "CVC-ClinicDB's 550 are missing"),
        ("pranet", POLYPS | {"TestDataset/CVC-ColonDB": 300}, "the older release"),
        ("gdd", GLASS | {"GSD/test": 813}, "GSD: 813 test images, but 810 in the papers; this looks like a mirror"),
        ("drive", {"training": 19, "test": 20}, "DRIVE: 19 train images, but 20 in the papers"),
        ("sod", SALIENT | {"DUT-OMRON": 5172}, "the first release"),
    ],
)  # fmt: skip
def test_a_wrong_count_is_explained(layout: str, counts: dict[str, int], told: str, params: Params) -> None:
    (warning,) = unusual_counts(Path("data/drive"), params(layout=layout), samples(counts))
    assert told in warning.reason


def test_strangers_in_the_same_folders_are_left_alone(params: Params) -> None:
    own = {"TrainDataset": 700, "TestDataset/Moths": 50}
    assert unusual_counts(Path("data/moths"), params(layout="cod"), samples(own)) == []
    assert unusual_counts(Path("data/vessels"), params(layout="drive"), samples({"training": 5, "test": 5})) == []


def test_images_drawn_for_validation_count_as_training_images(params: Params) -> None:
    found = samples(COD)
    drawn = [Sample(s.id, "val", s.image, None, None, s.set) if s.id.endswith("7") and s.split == "train" else s
             for s in found]  # fmt: skip
    assert {s.split for s in drawn} == {"train", "val", "test"}
    assert unusual_counts(Path("data/cod"), params(layout="cod"), drawn) == []


@pytest.mark.parametrize(("count", "warned"), [(505, False), (504, True), (253, False), (252, True), (400, False)])
def test_a_list_rounded_otherwise(count: int, warned: bool, tmp_path: Path, params: Params) -> None:
    (tmp_path / "list.txt").write_text("".join(f"TrainDataset/{n}\n" for n in range(count)))
    found = unusual_counts(tmp_path, params(layout="cod", labelled_list="list.txt"), samples(COD))
    expected = {504: "but 1/8 of 4,040 is 505", 252: "but 1/16 of 4,040 is 253"}
    assert [item.reason for item in found] == (
        [f"list.txt: {count} labelled images, {expected[count]}"] if warned else []
    )


def test_the_check_reports_it(tmp_path: Path, params: Params) -> None:
    from scaler.data.checks.examine import examine

    rules = params(layout="cod", train="auto", val=None, val_fraction=0.3, test="auto")
    findings = examine(trees.cod(tmp_path), rules, quick=True)
    assert not findings.faults.of("error")
    told = [item.reason for item in findings.faults.of("warning") if item.kind == "set_count"]
    assert "CAMO: 1 test images, but 250 in the papers" in told
