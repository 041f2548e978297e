from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from scaler.data.split import assign_splits, choose, read_id_list
from scaler.errors import Faults, ScalerError

IDS = [f"{number:05d}" for number in range(4040)]
SHARES = np.random.default_rng(0).beta(1, 6, len(IDS)).tolist()


@pytest.mark.parametrize(
    ("count", "fraction", "expected"),
    [(4040, 0.125, 505), (4040, 0.0625, 253), (50, 0.29, 15), (10, 0.25, 3), (3, 0.01, 1), (7, 1.0, 7)],
    ids=["COD 1/8", "COD 1/16 is 252.5", "14.5", "2.5", "at least one", "all"],
)
def test_count_is_rounded_half_up(count: int, fraction: float, expected: int) -> None:
    assert len(choose(IDS[:count], SHARES[:count], fraction, 0)) == expected


def test_choice_depends_on_the_seed_and_not_on_the_order() -> None:
    pairs = list(zip(IDS[:200], SHARES[:200], strict=True))
    chosen = choose(*zip(*pairs, strict=True), 0.125, 3)
    random.Random(0).shuffle(pairs)
    assert choose(*zip(*pairs, strict=True), 0.125, 3) == chosen
    assert choose(*zip(*pairs, strict=True), 0.125, 4) != chosen


def test_choice_is_spread_over_object_sizes() -> None:
    chosen = choose(IDS, SHARES, 0.125, 0)
    share_of = dict(zip(IDS, SHARES, strict=True))
    ranks = {name: rank for rank, name in enumerate(sorted(IDS, key=lambda name: share_of[name]))}
    tenths = np.bincount([ranks[name] * 10 // len(IDS) for name in chosen], minlength=10)
    assert tenths.min() >= 49
    assert tenths.max() <= 52


def test_list_file(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes("\ufeffa/1\r\n\r\nö 2\r\na/1\r\n".encode())
    assert read_id_list(tmp_path, "list.txt", "prepare_data.train", {"a/1", "ö 2", "b"}) == ["a/1", "ö 2"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "list.txt",
            "train1.jpg\n",
            "list.txt: .*1 of 1 lines .*'train1.jpg'.*did you mean 'train_1'.*without its suffix",
        ),
        ("list.txt", "\n", "list.txt: .*the list is empty"),
        ("absent.txt", "", "absent.txt: .*not a readable text file"),
        ("../list.txt", "", "must be inside"),
    ],
)
def test_bad_lists(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(ScalerError, match=f"some.key.*{message}|{message}"):
        read_id_list(tmp_path, name, "some.key", ["train_1", "train_2"])


def test_lists_of_other_systems(tmp_path: Path) -> None:
    """Suffixes, a folder before the name, backslashes, a byte order mark and CRLF do no harm."""
    (tmp_path / "list.txt").write_bytes("\ufeffa.jpg\r\n\r\nimages\\sub\\b.png\r\nimages/c.d\r\n".encode())
    assert read_id_list(tmp_path, "list.txt", "key", ["a", "sub/b", "c.d"]) == ["a", "sub/b", "c.d"]


def test_patterns_and_lists_assign(tmp_path: Path, params) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "held_out.txt").write_text("b/1\n")
    faults = Faults(tmp_path)
    rules = params(train="a/*", val="held_out.txt", test="c")
    assert assign_splits(["a/x/2", "a/1", "b/1", "b/2", "c"], {}, rules, tmp_path, faults) == {
        "train": ["a/1", "a/x/2"],
        "val": ["b/1"],
        "test": ["c"],
    }
    faults.raise_if_errors()
    assert [item.kind for item in faults.of("note")] == ["split_left_out"]
    assert "1 of 5 images" in faults.items[0].reason


def test_overlap_and_empty_rules_are_told_together(tmp_path: Path, params) -> None:  # type: ignore[no-untyped-def]
    faults = Faults(tmp_path)
    assign_splits(["a1", "a2", "b1"], {}, params(train="*", val="b*", test="c*"), tmp_path, faults)
    assert [(item.kind, item.ids) for item in faults.of("error")] == [
        ("split_overlap", ("b1",)),
        ("test_matches_nothing", ()),
    ]
