"""The same page from the HDF5 on this machine alone: read-only, for sets too large to bake."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from scaler.errors import ScalerError
from scaler.pages.inspection.bake import FIRST_DATA, INDEX, index_of, page_files, script
from scaler.pages.inspection.content import NAMES, Content

HOST = "127.0.0.1"
OWN_NAMES = (HOST, "localhost")
FROM_ITSELF = (None, "same-origin", "none")  # of Sec-Fetch-Site: the page, or what a reader typed
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".txt": "text/plain"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data: blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",  # a data file is a script: no other page may load it
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Site:
    """Answers by path; the runs' files are read by one request at a time, as HDF5 demands."""

    def __init__(self, contents: Sequence[Content]) -> None:
        self._contents = dict(zip(NAMES, contents, strict=False))
        self._index = script("index", index_of(contents))
        self._pages = page_files()
        self._lock = threading.Lock()

    def answer(self, path: str) -> tuple[str, bytes] | None:
        """Content type and body of a path below the root, or None where there is nothing.

        A path is looked up among known names and keys; it never becomes a path on the disk.
        """
        name = unquote(path).removeprefix("/") or INDEX
        if name in self._pages:
            file = self._pages[name]
            return TYPES[file.suffix], file.read_bytes()
        if name == FIRST_DATA:
            return TYPES[".js"], self._index.encode()
        run, _, key = name.removeprefix("data/").removesuffix(".js").partition("/")
        if not (name.startswith("data/") and name.endswith(".js") and run in self._contents):
            return None
        try:
            with self._lock:
                return TYPES[".js"], script(f"{run}/{key}", self._contents[run].value(key)).encode()
        except KeyError:
            return None


class Handler(BaseHTTPRequestHandler):
    """GET and HEAD of a `Site`; all else is refused, and so is what another web page asks for (DNS rebinding too)."""

    server_version = "SCALER"
    sys_version = ""
    timeout = 60  # seconds that an idle connection is kept

    def __init__(self, site: Site, port: int, *arguments: object) -> None:
        self._site, self._port = site, port
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Answer with the body."""
        self._answer(body=True)

    def do_HEAD(self) -> None:
        """Answer without the body."""
        self._answer(body=False)

    def _refuse_method(self) -> None:
        self._error(HTTPStatus.METHOD_NOT_ALLOWED, "this page can only be read")

    do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _refuse_method

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: the page asks often."""

    def _answer(self, *, body: bool) -> None:
        if not self._is_ours():
            self._error(HTTPStatus.FORBIDDEN, "this page is for this machine only")
            return
        try:
            found = self._site.answer(urlsplit(self.path).path)
        except (ScalerError, OSError, ValueError) as error:
            self._error(HTTPStatus.INTERNAL_SERVER_ERROR, f"an artifact cannot be read: {error}")
            return
        if found is None:
            self._error(HTTPStatus.NOT_FOUND, "not found")
            return
        self._send(HTTPStatus.OK, *found, body=body)

    def _is_ours(self) -> bool:
        host, _, port = (self.headers.get("Host") or "").partition(":")
        known = host in OWN_NAMES and port in ("", str(self._port))
        return known and self.headers.get("Sec-Fetch-Site") in FROM_ITSELF

    def _error(self, status: HTTPStatus, message: str) -> None:
        self._send(status, "text/plain", f"{message}\n".encode(), body=self.command != "HEAD")

    def _send(self, status: HTTPStatus, kind: str, content: bytes, *, body: bool) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)


def make_server(contents: Sequence[Content], port: int = 0) -> ThreadingHTTPServer:
    """A server on 127.0.0.1; port 0 takes any free one.

    Raises:
        ScalerError: the port is taken.
    """
    try:
        server = ThreadingHTTPServer((HOST, port), Handler)
    except OSError as error:
        raise ScalerError(f"--port {port}: cannot be used ({error.strerror}); take another, or none.") from None
    server.RequestHandlerClass = partial(Handler, Site(contents), server.server_port)
    server.daemon_threads = True
    return server
