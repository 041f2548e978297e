"""The served page: the same bytes as the baked one, to this machine's own page alone, and nothing but reading."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaler.artifacts.run import Run
from scaler.errors import ScalerError
from scaler.pages.inspection.bake import write_page
from scaler.pages.inspection.content import Content
from scaler.pages.inspection.serve import make_server

Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture(scope="module")
def port(content: Content) -> Iterator[int]:
    with make_server([content]) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def ask(port: int, path: str, method: str = "GET", headers: dict[str, str] | None = None) -> Answer:
    """One request, its path sent as it is."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.putrequest(method, path, skip_host=bool(headers and "Host" in headers))
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        return response.status, dict(response.headers), response.read()
    finally:
        connection.close()


def test_served_and_baked_are_the_same(content: Content, tmp_path: Path, port: int) -> None:
    folder = tmp_path / "page"
    write_page([content], folder)
    for path in (path for path in folder.rglob("*") if path.is_file()):
        status, headers, body = ask(port, f"/{path.relative_to(folder).as_posix()}")
        assert status == 200, path
        assert body == path.read_bytes(), path
        assert headers["Content-Length"] == str(len(body))
    assert ask(port, "/")[2] == (folder / "index.html").read_bytes()
    assert ask(port, "/?x=1#y")[0] == 200


def test_every_answer_is_guarded(port: int) -> None:
    for path in ("/", "/data/index.js", "/data/a/run.js", "/nothing"):
        _, headers, _ = ask(port, path)
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"
        assert "Python" not in headers["Server"]
    assert ask(port, "/data/a/run.js")[1]["Content-Type"] == "text/javascript; charset=utf-8"
    assert ask(port, "/nothing")[1]["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    "path",
    [
        "/../params.yaml",
        "/..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/data/../../params.yaml",
        "/data/a/../index.js",
        "/data/a/run",
        "/data/a/tiles/images/0",
        "/data/a/tiles/images/-1.js",
        "/data/a/tiles/images/99999.js",
        "/data/a/tiles/../0.js",
        "/data/a/table/__class__.js",
        "/data/b/run.js",
        "/data/a.js",
        "/results/data/train.h5",
        "/vendor/VENDORED.md",
        "/vendor",
        "/js/",
        "/index.html%00.js",
        "/<script>",
        "\\..\\x",
    ],
)
def test_nothing_else_is_there(port: int, path: str) -> None:
    status, _, body = ask(port, path)
    assert status == 404
    assert body == b"not found\n"


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "localhost:1", "127.0.0.1:1", "", "[::1]:{port}"],
)
def test_another_host_is_refused(port: int, host: str) -> None:
    status, _, body = ask(port, "/data/a/run.js", headers={"Host": host.format(port=port)})
    assert status == 403
    assert b"SCALER" not in body


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "localhost"])
def test_its_own_names_are_taken(port: int, host: str) -> None:
    assert ask(port, "/data/index.js", headers={"Host": host.format(port=port)})[0] == 200


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)]
)
def test_other_pages_get_nothing(port: int, site: str, status: int) -> None:
    assert ask(port, "/data/a/images.js", headers={"Sec-Fetch-Site": site})[0] == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"])
def test_it_can_only_be_read(port: int, method: str) -> None:
    status, _, body = ask(port, "/data/index.js", method)
    assert status in (405, 501)
    assert b"SCALER.put" not in body


def test_head_says_what_get_would(port: int) -> None:
    status, headers, body = ask(port, "/data/a/images.js", "HEAD")
    assert (status, body) == (200, b"")
    assert headers["Content-Length"] == str(len(ask(port, "/data/a/images.js")[2]))
    assert ask(port, "/nothing", "HEAD")[::2] == (404, b"")


def test_it_listens_on_loopback_alone(port: int, content: Content) -> None:
    with make_server([content]) as server:
        assert server.server_address[0] == "127.0.0.1"
    for address in {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}:
        if not str(address).startswith("127."):
            with pytest.raises(OSError, match=r"."), socket.create_connection((str(address), port), timeout=5):
                pass


def test_a_taken_port_is_named(content: Content, port: int) -> None:
    with pytest.raises(ScalerError, match=f"--port {port}: cannot be used"):
        make_server([content], port)


def test_many_ask_at_once(port: int) -> None:
    expected = ask(port, "/data/a/tiles/round_1/0.js")[2]
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(ask(port, "/data/a/tiles/round_1/0.js")[2])) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 8


def test_an_artifact_that_went_away_is_an_answer(copy: Path) -> None:
    content = Content(Run(copy), 192)
    content.run.close()
    (copy / "stops" / "round_1" / "evaluation.h5").unlink()
    with make_server([content]) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        status, _, body = ask(server.server_port, "/data/a/tiles/round_1/0.js")
        server.shutdown()
        thread.join()
    assert status == 500
    assert b"evaluation.h5" in body
