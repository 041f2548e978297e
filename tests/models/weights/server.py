"""A real HTTP server on 127.0.0.1 that knows ranges, and misbehaves on demand."""

from __future__ import annotations

import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType


class FileServer:
    """Serves `content` under every path.

    Attributes:
        content: the file.
        ranges: whether `Range` is heeded.
        cuts: for each coming request, after how many bytes of the body the connection is closed (None: not at all).
        statuses: for each coming request, a status to answer with instead (None: the file).
        pause: seconds before each block of 64 KiB.
        length: whether Content-Length is sent.
        requests: headers of all requests so far, lower-case.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.ranges = self.length = True
        self.cuts: list[int | None] = []
        self.statuses: list[int | None] = []
        self.pause = 0.0
        self.requests: list[dict[str, str]] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> FileServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        files = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                files.answer(self)

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        return Handler

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        headers = {key.lower(): value for key, value in request.headers.items()}
        self.requests.append(headers)
        status = self.statuses.pop(0) if self.statuses else None
        if status is not None:
            request.send_error(status)
            return
        total, start = len(self.content), 0
        wanted = re.fullmatch(r"bytes=(\d+)-", headers.get("range", ""))
        if wanted and self.ranges:
            start = int(wanted[1])
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        else:
            request.send_response(200)
        if self.length:
            request.send_header("Content-Length", str(total - start))
        request.end_headers()
        self._body(request, self.content[start:])

    def _body(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        cut = self.cuts.pop(0) if self.cuts else None
        body = body[:cut]
        try:
            for first in range(0, len(body), 1 << 16):
                time.sleep(self.pause)
                request.wfile.write(body[first : first + (1 << 16)])
        except OSError:  # the client was killed
            pass
        request.close_connection = True
