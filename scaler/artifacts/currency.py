"""Is this artifact what the parameters, the code and its inputs would give now? Answered without torch or h5py.

An artifact's *fingerprint* hashes its recipe: the stage, its scalar arguments, the parameter blocks that the stage
reads, the code that it runs, and the identities of its inputs. It is *current* when the recipe gives the same
fingerprint today, its inputs are current themselves, and its bytes are those that were written. Its *identity* is the
fingerprint, or, for prepared data, a digest of the content. Library versions are
recorded in the header but are no part of the recipe: a colleague with another torch can use what was pulled.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scaler.artifacts.code import code_version
from scaler.artifacts.filehash import DigestMemory, source_digest
from scaler.artifacts.header import Header, Input, read_header
from scaler.params import Params

NEUTRAL = True  # it decides about files, not about what is in them

ModulesOf = Callable[[dict[str, Any]], tuple[str, ...]]


@dataclass(frozen=True)
class Recipe:
    """How one command makes its outputs.

    Attributes:
        stage: name of the module in `stages/`.
        arguments: scalar arguments, such as the round.
        inputs: (argument name, path, raw) of every file that is read, in order.
    """

    stage: str
    arguments: dict[str, int | str] = field(default_factory=dict)
    inputs: tuple[tuple[str, str, bool], ...] = ()

    @property
    def blocks(self) -> tuple[str, ...]:
        """The parameter blocks that the stage declares in its constant PARAMS."""
        return tuple(importlib.import_module(f"stages.{self.stage}").PARAMS)

    @staticmethod
    def of(header: Header) -> Recipe:
        """The recipe that a header records."""
        return Recipe(header.stage, header.arguments, tuple((i.name, i.path, i.raw) for i in header.inputs))


class Currency:
    """Answers about many artifacts under one set of parameters; every file is read at most once.

    Args:
        params: what the artifacts should have been made with.
        modules_of: names the modules that a stage loads by name under its parameter blocks: their code counts too.
        memory: digests of files that have not changed since they were last read.
    """

    def __init__(self, params: Params, modules_of: ModulesOf, memory: DigestMemory | None = None) -> None:
        self.params = params
        self.modules_of = modules_of
        self.memory = memory or DigestMemory()
        self.sources: set[str] = set()  # folders of the user that were read
        self._current: dict[str, str | None] = {}

    def identity(self, path: str | Path) -> str | None:
        """The identity of the artifact at `path` if it is current by its own header, else None."""
        key = Path(path).as_posix()
        if key not in self._current:
            self._current[key] = None  # a file that claims to be made from itself is not current
            header = read_header(Path(path))
            if header is not None and self.is_current(path, header.output, Recipe.of(header)):
                self._current[key] = header.identity
        return self._current[key]

    def is_current(self, path: str | Path, output: str, recipe: Recipe) -> bool:
        """Whether `path` holds what `recipe` would write as its output `output`, whole and unchanged."""
        header = read_header(Path(path))
        if header is None:
            return False
        try:
            expected = self.expected(output, recipe)
        except (ImportError, AttributeError, KeyError):
            return False  # made by a stage that this version does not have
        return expected == header.fingerprint and self._is_whole(Path(path), header)

    def expected(self, output: str, recipe: Recipe) -> str | None:
        """The fingerprint that running `recipe` would give; None while an input is missing or not current."""
        inputs = self.inputs(recipe)
        if inputs is None:
            return None
        params = self.params.subset(recipe.blocks)
        return fingerprint(output, recipe, params, self.code(recipe, params), inputs)

    def code(self, recipe: Recipe, params: dict[str, Any]) -> str:
        """The code version of the recipe's stage under its parameters."""
        return code_version(f"stages.{recipe.stage}", self.modules_of(params))

    def inputs(self, recipe: Recipe) -> list[Input] | None:
        """The recipe's inputs with their identities; None if any is missing or not current."""
        found: list[Input] = []
        for name, path, raw in recipe.inputs:
            value = self.raw_digest(path) if raw else self.identity(path)
            if value is None:
                return None
            found.append(Input(name, path, raw, value))
        return found

    def raw_digest(self, path: str) -> str | None:
        """Content digest of what the user brought: a file, or all files of a folder; None if it is not there."""
        root = Path(path)
        if root.is_file():
            return self.memory.digest(root)
        self.sources.add(path)
        return source_digest(root, self.memory) if root.is_dir() else None

    def _is_whole(self, path: Path, header: Header) -> bool:
        try:
            if self.memory.digest(path, header.payload_offset) != header.payload_sha256:
                return False
            return all(self.memory.digest(path.parent / n) == digest for n, digest in header.sidecars.items())
        except OSError:
            return False


def fingerprint(output: str, recipe: Recipe, params: dict[str, Any], code: str, inputs: list[Input]) -> str:
    """SHA-256 (hex) over the recipe of one output; paths take no part, so that a moved tree stays current."""
    values = {
        "stage": recipe.stage,
        "output": output,
        "arguments": recipe.arguments,
        "params": params,
        "code": code,
        "inputs": [[item.name, item.fingerprint] for item in inputs],
    }
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
