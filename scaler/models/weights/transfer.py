"""One file over HTTP into a `.part` file that a later try goes on from.

Own code, since none of the libraries at hand does all of it: pooch and torch.hub start over after a break, and
huggingface_hub resumes without asking whether the file is still the same one (If-Range).
"""

from __future__ import annotations

import http.client
import json
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from scaler.errors import ScalerError
from scaler.progress import log, progress

BLOCK = 1 << 18
TIMEOUT = 30.0
WAITS = (1.0, 2.0, 4.0)  # seconds before each further try; counted anew whenever bytes came in
SPARE = 64 << 20  # bytes that a download leaves free on the disk
PASSING = {408, 425, 429, 500, 502, 503, 504}
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class Unreachable(Exception):
    """The file could not be got; the message says why. The `.part` file stays for the next try."""


class _Broken(Exception):
    """Worth another try."""


@dataclass(frozen=True)
class Part:
    """What has come so far, and the validator by which the server can tell whether its file is still the same.

    Attributes:
        data: the bytes so far.
        about: JSON beside it: url, total, validator.
    """

    data: Path
    about: Path

    @classmethod
    def of(cls, target: Path) -> Part:
        """The part of `target`, in the same folder."""
        return cls(target.with_name(f"{target.name}.part"), target.with_name(f"{target.name}.part.json"))

    def read(self, url: str) -> tuple[int, int | None, str | None]:
        """Bytes so far, total and validator; (0, None, None) where there is nothing that can be gone on from."""
        try:
            about = json.loads(self.about.read_text(encoding="utf-8"))
            if about["url"] == url and about["validator"]:
                return self.data.stat().st_size, about["total"], about["validator"]
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return 0, None, None

    def remove(self) -> None:
        """Forget it."""
        self.data.unlink(missing_ok=True)
        self.about.unlink(missing_ok=True)


def transfer(url: str, part: Part, size: int | None) -> int:
    """Fetch `url` into `part.data`, going on from what is there.

    Args:
        size: what the file must have, bytes; None: as the server says.

    Returns:
        The size, equal to what the server said (and to `size`).

    Raises:
        Unreachable: no network, no such file, or the connection broke too often.
        ScalerError: another size than expected, no room on the disk, or a connection that is not encrypted.
    """
    tries = 0
    while True:
        before = part.read(url)[0]
        try:
            return _try(url, part, size)
        except _Broken as error:
            if part.read(url)[0] > before:
                tries = 0
            if tries == len(WAITS):
                raise Unreachable(str(error)) from None
            log.info(f"{error}; trying again in {WAITS[tries]:g} s")
            time.sleep(WAITS[tries])
            tries += 1


def _try(url: str, part: Part, size: int | None) -> int:
    start, total, validator = part.read(url)
    if total is not None and start == total:
        return total  # it was ended between the last byte and the checksum
    if total is not None and start > total:
        part.remove()
        start, validator = 0, None
    headers = {"User-Agent": "scaler", "Accept-Encoding": "identity"}
    if start and validator:
        headers |= {"Range": f"bytes={start}-", "If-Range": validator}
    with _open(urllib.request.Request(url, headers=headers), part) as response:
        _encrypted(response.geturl(), url)
        first, total = _extent(response, part)
        if size is not None and total != size:
            part.remove()
            raise ScalerError(
                f"{url}: expected {size} bytes, the server offers {total}: another file. Nothing is kept."
            )
        if first == 0 and start:
            log.info(f"{url}: starting over (the file has changed, or the server cannot go on in mid-file)")
        _room(part.data.parent, total - first)
        _receive(response, part, url, first, total)
    return total


@contextmanager
def _open(request: urllib.request.Request, part: Part) -> Iterator[Any]:
    """An open response; every failure of the network, then or while reading, as `_Broken` or `Unreachable`."""
    try:
        with urllib.request.build_opener().open(request, timeout=TIMEOUT) as response:  # proxies: of the environment
            yield response
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:
            part.remove()
            raise _Broken("the server has no such range") from None
        kind = _Broken if error.code in PASSING else Unreachable
        raise kind(f"HTTP {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        certificate = "CERTIFICATE_VERIFY_FAILED" in str(error.reason)
        raise (Unreachable if certificate else _Broken)(f"no connection ({error.reason})") from None
    except OSError as error:
        raise _Broken(f"the connection broke ({error})") from None
    except http.client.HTTPException as error:
        raise _Broken(f"the connection broke ({error!r})") from None


def _encrypted(final: str, url: str) -> None:
    at_home = {urlsplit(final).hostname, urlsplit(url).hostname} <= LOOPBACK
    if urlsplit(final).scheme != "https" and not at_home:
        raise ScalerError(f"{url}: leads to {final}, which is not https. Nothing was taken from there.")


def _extent(response: Any, part: Part) -> tuple[int, int]:
    """First byte that the response brings, and the file's size."""
    if response.status == 206:
        came = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", response.headers.get("Content-Range", ""))
        here = part.data.stat().st_size if part.data.exists() else 0
        if came is None or int(came[1]) > here:
            part.remove()
            raise _Broken("the server answered with another range than asked for")
        return int(came[1]), int(came[3])
    length = response.headers.get("Content-Length")
    if length is None or not length.isdigit():
        raise Unreachable("the server does not say how long the file is")
    return 0, int(length)


def _room(folder: Path, need: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < need + SPARE:
        raise ScalerError(
            f"{folder}: expected {(need + SPARE) / 1e6:.0f} MB of free space, got {free / 1e6:.0f} MB. Make room, or "
            "set SCALER_WEIGHTS=/path to a folder on a larger disk."
        )


def _receive(response: Any, part: Part, url: str, first: int, total: int) -> None:
    mode = "r+b" if part.data.exists() else "w+b"
    with part.data.open(mode) as file, progress(total, part.data.stem, initial=first, unit="B") as bar:
        bar.unit_scale = True
        file.truncate(first)  # before the note: old bytes must never stand beside a new validator
        file.seek(first)
        if first == 0:
            _note(part, url, total, response.headers)
        count = total - first
        while count and (block := response.read(min(BLOCK, count))):
            _write(file, block)
            bar.update(len(block))
            count -= len(block)
    if count:
        raise _Broken(f"the connection ended {count} bytes early")


def _note(part: Part, url: str, total: int, headers: Any) -> None:
    """Keep by what the file can be recognised; a weak ETag cannot stand for bytes (RFC 9110, 13.1.5)."""
    tag = headers.get("ETag")
    validator = tag if tag and not tag.startswith("W/") else headers.get("Last-Modified")
    part.about.write_text(json.dumps({"url": url, "total": total, "validator": validator}), encoding="utf-8")


def _write(file: IO[bytes], block: bytes) -> None:
    try:
        file.write(block)
        file.flush()  # so that a killed process leaves nearly all that came
    except OSError as error:
        raise ScalerError(
            f"{file.name}: cannot be written ({error}). Make room and fetch again: it goes on from here."
        ) from None
