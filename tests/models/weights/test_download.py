"""scaler.models.weights.download over real HTTP: breaks, changes, lies, kills, and two at once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scaler.errors import ScalerError
from scaler.models.weights.download import fetch
from scaler.models.weights.registry import Checkpoint
from tests.conftest import ROOT
from tests.models.weights.conftest import CONTENT, MakeEntry
from tests.models.weights.server import FileServer

OTHER = CONTENT[::-1]
SCRIPT = """
import json, sys
from pathlib import Path
from scaler.models.weights.download import fetch
from scaler.models.weights.registry import Checkpoint
fetch(Checkpoint.model_construct(**json.loads(sys.argv[1])), Path(sys.argv[2]))
"""


def visible(store: Path) -> list[str]:
    return sorted(path.name for path in store.iterdir() if not path.name.startswith("."))


def start(entry: Checkpoint, store: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, json.dumps(entry.model_dump()), str(store)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_file_is_fetched_verified_and_fetched_only_once(server: FileServer, make_entry: MakeEntry, store: Path) -> None:
    entry = make_entry()
    path, digest = fetch(entry, store)
    assert path.read_bytes() == CONTENT
    assert digest == entry.sha256
    assert visible(store) == [entry.file]
    fetch(entry, store)
    assert len(server.requests) == 1


def test_broken_connections_are_continued(server: FileServer, make_entry: MakeEntry, store: Path) -> None:
    server.cuts = [1_000_000, 500_000, 0, 0, None]
    path, _ = fetch(make_entry(), store)
    assert path.read_bytes() == CONTENT
    ranges = [request.get("range") for request in server.requests]
    begins = [int(str(text).removeprefix("bytes=").removesuffix("-")) for text in ranges[1:]]
    assert ranges[0] is None
    assert 700_000 < begins[0] <= 1_000_000 < begins[1] <= 1_500_000  # whole blocks are kept
    assert begins[1:] == [begins[1]] * 3


def test_server_without_ranges_starts_over(server: FileServer, make_entry: MakeEntry, store: Path) -> None:
    server.ranges = False
    server.cuts = [1_000_000, None]
    path, _ = fetch(make_entry(), store)
    assert path.read_bytes() == CONTENT


def test_file_that_changed_in_between_is_not_mixed(server: FileServer, make_entry: MakeEntry, store: Path) -> None:
    entry = make_entry()
    store.mkdir()
    (store / f"{entry.file}.part").write_bytes(OTHER[:1_000_000])
    assert fetch(entry, store)[0].read_bytes() == CONTENT
    assert [request.get("range") for request in server.requests] == ["bytes=1000000-", None]


def test_unsatisfiable_range_starts_over(server: FileServer, make_entry: MakeEntry, store: Path) -> None:
    server.cuts = [1_000_000]
    server.statuses = [None, 416]
    path, _ = fetch(make_entry(), store)
    assert path.read_bytes() == CONTENT
    assert [request.get("range") is None for request in server.requests] == [True, False, True]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_passing_trouble_is_tried_again(server: FileServer, make_entry: MakeEntry, store: Path, status: int) -> None:
    server.statuses = [status, status]
    assert fetch(make_entry(), store)[0].read_bytes() == CONTENT


def test_wrong_checksum_leaves_nothing(server: FileServer, make_entry: MakeEntry, store: Path) -> None:
    server.content = OTHER
    with pytest.raises(ScalerError, match=r"expected SHA-256 .* got [0-9a-f]{64}(.|\n)*The file was removed"):
        fetch(make_entry(), store)
    assert visible(store) == []


def test_another_size_is_refused_before_anything_is_fetched(
    server: FileServer, make_entry: MakeEntry, store: Path
) -> None:
    with pytest.raises(ScalerError, match="expected 17 bytes, the server offers 3000000"):
        fetch(make_entry(size=17), store)
    assert visible(store) == []


def test_server_that_does_not_say_the_length(server: FileServer, make_entry: MakeEntry, store: Path) -> None:
    server.length = False
    with pytest.raises(ScalerError, match="does not say how long"):
        fetch(make_entry(size=None), store)


@pytest.mark.parametrize("how", ["404", "refused"])
def test_message_says_which_file_to_bring(server: FileServer, make_entry: MakeEntry, store: Path, how: str) -> None:
    entry = make_entry()
    if how == "404":
        server.statuses = [404]
    else:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        entry = make_entry(url=f"http://127.0.0.1:{port}/none.pth")  # closed again: nothing listens there
    with pytest.raises(ScalerError, match="404" if how == "404" else "no connection") as caught:
        fetch(entry, store)
    for part in (entry.url, str(entry.size), str(entry.sha256), str(store / entry.file), "SCALER_WEIGHTS=/path"):
        assert part in str(caught.value)
    assert len(server.requests) == (1 if how == "404" else 0)


def test_no_room_is_said_before_anything_is_written(
    make_entry: MakeEntry, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1_000_000))
    with pytest.raises(ScalerError, match="expected 70 MB of free space, found 1 MB"):
        fetch(make_entry(), store)
    assert visible(store) == []


def test_plain_http_from_elsewhere_is_refused(
    server: FileServer, make_entry: MakeEntry, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.address)
    with pytest.raises(ScalerError, match="not https"):
        fetch(make_entry(url="http://files.example/sam.pth"), store)
    assert server.requests[0]["host"] == "files.example"  # the proxy of the environment was used
    assert visible(store) == []


def test_two_processes_download_once(server: FileServer, make_entry: MakeEntry, store: Path) -> None:
    server.pause = 0.02
    both = [start(make_entry(), store) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert len(server.requests) == 1
    assert (store / make_entry().file).read_bytes() == CONTENT


def test_killed_download_is_continued(server: FileServer, make_entry: MakeEntry, store: Path) -> None:
    entry = make_entry()
    part = store / f"{entry.file}.part"
    server.pause = 0.05
    with start(entry, store) as process:
        while not (part.exists() and part.stat().st_size > 300_000):
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
    assert not (store / entry.file).exists()
    here = part.stat().st_size
    server.pause = 0.0
    path, _ = fetch(entry, store)
    assert path.read_bytes() == CONTENT
    assert server.requests[-1]["range"] == f"bytes={here}-"
    assert 300_000 < here < len(CONTENT)


def test_killed_between_last_byte_and_checksum(server: FileServer, make_entry: MakeEntry, store: Path) -> None:
    entry = make_entry()
    store.mkdir()
    (store / f"{entry.file}.part").write_bytes(CONTENT)
    assert fetch(entry, store)[0].read_bytes() == CONTENT
    assert server.requests == []


def test_file_brought_by_hand_is_verified_and_not_fetched(
    server: FileServer, make_entry: MakeEntry, store: Path
) -> None:
    entry = make_entry()
    store.mkdir()
    (store / entry.file).write_bytes(CONTENT)
    assert fetch(entry, store) == (store / entry.file, entry.sha256)
    assert [path.name for path in store.iterdir()] == [entry.file]  # nothing written: the folder may be read-only
    (store / entry.file).write_bytes(OTHER)
    with pytest.raises(ScalerError, match="delete it"):
        fetch(entry, store)
    assert server.requests == []
