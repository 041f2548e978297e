"""environment.yml, pyproject.toml, uv.lock and what is installed say the same."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib

from ruamel.yaml import YAML

from tests.conftest import ROOT


def name_of(requirement: str) -> str:
    return re.split(r"[<>=\[ ]", requirement, maxsplit=1)[0].replace(".", "-").lower()


def conda_pins() -> dict[str, str]:
    text = YAML(typ="safe").load(ROOT / "environment.yml")
    pip = next(item["pip"] for item in text["dependencies"] if isinstance(item, dict))
    return dict(requirement.split("==") for requirement in pip)


def locked() -> dict[str, set[str]]:
    versions: dict[str, set[str]] = {}
    for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]:
        versions.setdefault(package["name"], set()).add(package.get("version", ""))
    return versions


def test_every_direct_dependency_is_pinned_for_conda_users() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    assert set(conda_pins()) == {name_of(requirement) for requirement in wanted}


def test_pins_are_those_of_the_lock_and_of_what_is_installed() -> None:
    lock = locked()
    for name, version in conda_pins().items():
        assert version in lock[name], name
        assert importlib.metadata.version(name) == version, name


def test_the_required_packages_are_there() -> None:
    required = {
        "torch",
        "segment-anything",
        "dvc",
        "snakemake",
        "numpy",
        "opencv-python-headless",
        "h5py",
        "pandas",
        "pytest",
    }
    assert required <= set(conda_pins())
