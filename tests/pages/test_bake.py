"""The folder of the page: the same bytes each time, harmless whatever images are called, nothing else destroyed."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from scaler.artifacts.run import Run
from scaler.errors import ScalerError
from scaler.pages.assets import PAGE
from scaler.pages.inspection import bake as baking
from scaler.pages.inspection.bake import page_files, remove_others, script, write_page
from scaler.pages.inspection.content import Content
from tests.pages.world import make_results

HOSTILE = [
    "<script>alert(1)</script>",
    "<!-- --><img src=x onerror=alert(1)>",
    "\"quoted\" and 'single' and `back`",
    "../../x",
    "line\u2028separator\u2029and\nbreak",
    "back\\slash and null?\x07",
    "x" * 2000,
    "&lt;b&gt; &amp; %3Cscript%3E",
    "日本語 é \U0001f600",
    "__proto__",
]


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def value_of(folder: Path, key: str) -> Any:
    """What a data file puts, read as a script without escapes of its own would be."""
    text = (folder / "data" / f"{key}.js").read_text(encoding="ascii")
    name, _, rest = text.removeprefix("SCALER.put(").partition(",")
    assert json.loads(name) == key
    assert text.endswith(");\n")
    return json.loads(rest.removesuffix(");\n"))


def test_the_folder_is_whole(content: Content, tmp_path: Path) -> None:
    write_page([content], tmp_path / "deep" / "page")
    names = tree(tmp_path / "deep" / "page")
    data = {"data/index.js", *(f"data/a/{key}.js" for key in content.all_keys())}
    assert set(names) == data | set(page_files()) | {"index.html"}
    assert value_of(tmp_path / "deep" / "page", "index")["runs"] == ["a"]
    assert value_of(tmp_path / "deep" / "page", "a/table/init") == content.value("table/init")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["page"]


def test_the_same_artifacts_give_the_same_bytes(content: Content, tmp_path: Path) -> None:
    write_page([content], tmp_path / "one")
    write_page([content], tmp_path / "two")
    write_page([content], tmp_path / "two")  # over an older page
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_two_runs_side_by_side(content: Content, tmp_path: Path) -> None:
    other = make_results(tmp_path / "other", rounds=1, seed=5)
    page = tmp_path / "page"
    write_page([content, Content(Run(other), 192)], page)
    assert value_of(page, "index")["runs"] == ["a", "b"]
    assert len(value_of(page, "a/run")["stops"]) == 4
    assert len(value_of(page, "b/run")["stops"]) == 3
    assert value_of(page, "b/run")["path"] == other.as_posix()
    write_page([content], page)
    assert not (page / "data" / "b").exists()


def test_hostile_names_do_no_harm(tmp_path: Path) -> None:
    results = make_results(tmp_path / "results", {"train": HOSTILE, "val": ["v"], "test": ["t"]}, rounds=0)
    page = tmp_path / "page"
    write_page([Content(Run(results), 192)], page)
    assert value_of(page, "a/images")["id"][: len(HOSTILE)] == HOSTILE
    for path in (page / "data").rglob("*"):
        assert re.fullmatch(r"[a-z0-9_/.-]+", path.relative_to(page).as_posix())
        if path.is_file():
            text = path.read_bytes().decode("ascii")
            assert not set("<>&") & set(text)
            assert text.count("\n") == 1


@pytest.mark.parametrize("text", ["</script>", "<!--", "]]>", "\u2028", "\u2029", "\ud800", "a\nb", "\\", '"', "\x00"])
def test_text_in_a_script_stays_text(text: str) -> None:
    made = script("a/b", [text])
    assert made.isascii()
    assert "<" not in made
    assert ">" not in made
    assert json.loads(made.removeprefix('SCALER.put("a/b",').removesuffix(");\n")) == [text]


def test_what_is_not_a_number_never_gets_into_a_page() -> None:
    with pytest.raises(ValueError, match="JSON"):
        script("a", float("nan"))


@pytest.mark.parametrize("kind", ["file", "folder", "results", "look-alike"])
def test_other_things_are_not_overwritten(content: Content, copy: Path, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "out"
    if kind == "file":
        out.write_text("mine")
    elif kind == "folder":
        out.mkdir()
        (out / "notes.txt").write_text("mine")
    elif kind == "look-alike":
        (out / "data").mkdir(parents=True)
        (out / "data" / "index.js").write_text("export const mine = 1;")
    else:
        out = copy
    before = out.read_bytes() if out.is_file() else tree(out)
    with pytest.raises(ScalerError, match="choose another --out"):
        write_page([content], out)
    assert before == (out.read_bytes() if out.is_file() else tree(out))


def test_what_was_put_into_a_page_is_not_lost(content: Content, tmp_path: Path) -> None:
    page = tmp_path / "page"
    write_page([content], page)
    (page / "selection.csv").write_text("mine")
    with pytest.raises(ScalerError, match=r"selection\.csv: does not belong to the inspection page"):
        write_page([content], page)
    assert (page / "selection.csv").read_text() == "mine"


def test_an_empty_folder_and_a_stale_one_are_taken(content: Content, tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    (tmp_path / ".page.new").mkdir()
    (tmp_path / ".page.new" / "left.js").write_text("of a bake that was killed")
    write_page([content], tmp_path / "page")
    assert not (tmp_path / "page" / "left.js").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["page"]


def test_an_error_leaves_the_older_page(content: Content, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page"
    write_page([content], page)
    before = tree(page)

    def fail(contents: object, advance: object) -> object:
        yield "index.js", "half"
        raise OSError(28, "No space left on device", "data/x.js")

    monkeypatch.setattr(baking, "side_files", fail)
    with pytest.raises(ScalerError, match="No space left on device"):
        write_page([content], page)
    assert tree(page) == before
    assert [path.name for path in tmp_path.iterdir()] == ["page"]


def test_the_older_page_comes_back_when_the_new_one_cannot_take_its_place(
    content: Content, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page"
    write_page([content], page)
    before = tree(page)
    rename = Path.rename

    def refuse_new(self: Path, target: Path) -> Path:
        if self.name == ".page.new":
            raise OSError(13, "Permission denied", str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse_new)
    with pytest.raises(ScalerError, match="Permission denied"):
        write_page([content], page)
    assert tree(page) == before


def test_a_page_written_file_by_file_loses_what_is_out_of_date(content: Content, tmp_path: Path) -> None:
    page = tmp_path / "page"
    write_page([content], page)
    expected = tree(page)
    shutil.copytree(page / "data" / "a", page / "data" / "b")
    (page / "data" / "a" / "table" / "round_9.js").write_text("old")
    remove_others(page, [content])
    assert tree(page) == expected
    assert not (page / "data" / "b").exists()


def test_progress_counts_every_data_file(content: Content, tmp_path: Path) -> None:
    told: list[None] = []
    write_page([content], tmp_path / "page", lambda: told.append(None))
    assert len(told) == len(baking.data_names([content]))


def test_the_library_is_the_one_that_was_vendored() -> None:
    import hashlib

    folder = PAGE / "vendor"
    named = dict(re.findall(r"\| (\S+) \| ([0-9a-f]{64}) \|", (folder / "VENDORED.md").read_text()))
    assert set(named) == {path.name for path in folder.iterdir()} - {"VENDORED.md"}
    for name, digest in named.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
