"""README's tree is the tree, and its links lead somewhere."""

from __future__ import annotations

import re

from tests.conftest import ROOT

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")

MATH = re.compile(r"\$\$.*?\$\$|\$`.*?`\$|\$[^$\n]+\$", re.DOTALL)


def tree_block() -> list[str]:
    """The lines of the tree, as they stand."""
    return TEXT.split("## The tree")[1].split("```")[1].strip("\n").splitlines()


def test_the_tree_names_every_room_and_no_other() -> None:
    rooms = {line.split("/")[0].strip() for line in tree_block() if line.startswith("  ")}
    packages = {path.parent.name for path in (ROOT / "scaler").glob("*/__init__.py")}
    assert rooms == packages - {"params"}


def test_the_tree_names_what_is_there() -> None:
    top = {line.split()[0].rstrip("/") for line in tree_block() if not line.startswith(" ")}
    assert [name for name in sorted(top - {"results"}) if not (ROOT / name).exists()] == []


def test_links_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    dead = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages
        for link in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", MATH.sub("", page.read_text(encoding="utf-8")))
        if not (page.parent / link).exists()
    ]
    assert dead == []
