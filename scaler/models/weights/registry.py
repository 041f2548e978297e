"""The registry of official checkpoints, from `registry.yaml`, checked at load."""

from __future__ import annotations

import difflib
from functools import cache
from pathlib import Path
from string import Template
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from scaler.errors import ScalerError

REGISTRY_FILE = Path(__file__).with_name("registry.yaml")

Text = Annotated[str, Field(min_length=1)]
Https = Annotated[str, Field(pattern=r"^https://[^\s/]+/\S+$")]


class Package(BaseModel):
    """Where a file is in a Python package.

    Attributes:
        requirement: what the package's installer is asked for, with the version.
        module: the importable package.
        path: of the file below the module, "/" between its parts.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    requirement: Annotated[str, Field(pattern=r"^[a-z0-9-]+==[0-9.]+$")]
    module: Text
    path: Text


class Checkpoint(BaseModel):
    """One official file.

    Attributes:
        name: what the commands call it.
        file: the official file name; it keeps that name in the store and in `weights/`.
        url: where the publisher has it; of a package, its page in the package index.
        package: where it is in a Python package; None: it is downloaded from `url`.
        size: bytes; None: no source found.
        sha256: lower-case hex.
        sha256_source: public pages that state `sha256`.
        note: what a user should know about the checksum, or None.
        licence: SPDX identifier.
        page: the publisher's page.
        purpose: what it is for.
        params: lines of `params.yaml` that use it, with the placeholders `$path` and `$sha256`.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.(pth|pt|safetensors)$")]
    url: Https
    package: Package | None = None
    size: Annotated[int, Field(gt=0)] | None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    sha256_source: Annotated[list[Https], Field(min_length=1)]
    note: Text | None
    licence: Text
    page: Https
    purpose: Text
    params: Text

    def params_lines(self, path: str) -> str:
        """The lines for `params.yaml`, for the file at `path`."""
        return Template(self.params).substitute(path=path, sha256=self.sha256).rstrip()


@cache
def checkpoints(path: Path = REGISTRY_FILE) -> tuple[Checkpoint, ...]:
    """All entries, in the file's order.

    Raises:
        ScalerError: the file is no valid registry, or two entries share a name or a file name.
    """
    try:
        entries = TypeAdapter(list[Checkpoint]).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise ScalerError(f"{path}: not readable as a registry of weights: {error}") from None
    for field in ("name", "file"):
        values = [getattr(entry, field) for entry in entries]
        if repeated := sorted({value for value in values if values.count(value) > 1}):
            raise ScalerError(f"{path}: expected every {field} once, found again: {', '.join(repeated)}.")
    return tuple(entries)


def find(name: str) -> Checkpoint | None:
    """The entry of this name or official file name, or None."""
    return next((entry for entry in checkpoints() if name in (entry.name, entry.file)), None)


def by_name(name: str) -> Checkpoint:
    """The entry of this name or official file name.

    Raises:
        ScalerError: there is none; the message names the nearest and all others.
    """
    if (entry := find(name)) is not None:
        return entry
    names = [entry.name for entry in checkpoints()]
    near = difflib.get_close_matches(name, names, n=1)
    meant = f" Did you mean {near[0]}?" if near else ""
    raise ScalerError(f"weights: got '{name}', expected one of {', '.join(names)}, or an official file name.{meant}")


def megabytes(size: int | None) -> str:
    """A size for people: "375.0 MB" (10^6 bytes), or "unknown"."""
    return "unknown" if size is None else f"{size / 1e6:.1f} MB"


def markdown_table() -> str:
    """The registry as the table of `docs/weights.md`."""
    lines = ["| name | file | size | SHA-256 | licence | what it is |", "|---|---|---|---|---|---|"]
    for entry in checkpoints():
        lines.append(
            f"| `{entry.name}` | [`{entry.file}`]({entry.url}) | {megabytes(entry.size)} | `{entry.sha256[:16]}…` "
            f"| {entry.licence} | [{entry.purpose}]({entry.page}) |"
        )
    return "\n".join(lines)
