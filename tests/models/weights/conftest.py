"""A server, a registry entry for its file, and a store and project of their own for each test."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scaler.models.weights import registry, transfer
from scaler.models.weights.registry import Checkpoint
from tests.models.weights.server import FileServer

CONTENT = random.Random(0).randbytes(3_000_000)
MakeEntry = Callable[..., Checkpoint]


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("SCALER_WEIGHTS", str(tmp_path / "store"))
    monkeypatch.setattr(transfer, "WAITS", (0.0, 0.0, 0.0))
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer(CONTENT) as running:
        yield running


@pytest.fixture
def make_entry(server: FileServer, monkeypatch: pytest.MonkeyPatch) -> MakeEntry:
    """An entry for the server's file, alone in the registry; checksum and size as they are unless changed."""
    real = registry.by_name("sam_vit_b")

    def make(**changes: object) -> Checkpoint:
        values: dict[str, object] = {
            "url": f"{server.address}/{real.file}",
            "size": len(CONTENT),
            "sha256": hashlib.sha256(CONTENT).hexdigest(),
        }
        entry = real.model_copy(update=values | changes)  # not validated: the registry itself takes https only
        monkeypatch.setattr(registry, "checkpoints", lambda: (entry,))
        return entry

    return make
