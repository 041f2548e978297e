"""One file over HTTP into a `.part` file from which a later try continues.

On `requests`; pooch and torch.hub start over after a break, which is too much for files of gigabytes.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from urllib.parse import urlsplit

import requests

from scaler.errors import ScalerError
from scaler.progress import log, progress

BLOCK = 1 << 18
TIMEOUT = 30.0
WAITS = (1.0, 2.0, 4.0)  # seconds before each further try; the count restarts whenever bytes arrive
SPARE = 64 << 20  # bytes that a download leaves free on the disk
PASSING = {408, 416, 425, 429, 500, 502, 503, 504}
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class Unreachable(Exception):
    """The file could not be fetched; the message says why. The `.part` file stays for the next try."""


class _Broken(Exception):
    """Worth another try."""


def transfer(url: str, part: Path, size: int | None) -> None:
    """Fetch `url` into `part`, continuing what is there; the caller must verify a checksum of the whole.

    Args:
        url: of the file.
        part: where the bytes go; remove it first to start over.
        size: of the file in bytes; None: as the server says.

    Raises:
        Unreachable: no network, no such file, or the connection broke too often.
        ScalerError: another size than expected, no room on the disk, or a connection that is not encrypted.
    """
    tries = 0
    while True:
        before = _length(part)
        try:
            return _try(url, part, size)
        except _Broken as error:
            tries = 0 if _length(part) > before else tries
            if tries == len(WAITS):
                raise Unreachable(str(error)) from None
            log.info(f"{error}; trying again in {WAITS[tries]:g} s")
            time.sleep(WAITS[tries])
            tries += 1


def _try(url: str, part: Path, size: int | None) -> None:
    start = _length(part)
    if start and start == size:
        return  # it was ended between the last byte and the checksum
    headers = {"User-Agent": "scaler", "Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    try:  # requests takes proxies from the environment
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            _encrypted(response.url, url)
            _receive(response, part, size)
    except requests.exceptions.SSLError as error:
        raise Unreachable(f"no connection ({error})") from None
    except requests.exceptions.ConnectTimeout as error:
        raise _Broken(f"no connection ({error})") from None
    except requests.exceptions.RequestException as error:
        raise _Broken(f"no connection, or it broke ({error})") from None


def _receive(response: requests.Response, part: Path, size: int | None) -> None:
    if response.status_code not in (200, 206):
        if response.status_code == 416:  # no such range: the file there is a shorter one
            part.unlink(missing_ok=True)
        kind = _Broken if response.status_code in PASSING else Unreachable
        raise kind(f"HTTP {response.status_code} {response.reason}")
    first = _length(part) if response.status_code == 206 else 0
    length = response.headers.get("Content-Length", "")
    if not length.isdigit():
        raise Unreachable("the server does not say how long the file is")
    total = first + int(length)
    if size is not None and total != size:
        part.unlink(missing_ok=True)
        raise ScalerError(
            f"{response.url}: expected {size} bytes, the server offers {total}: another file. Nothing is kept."
        )
    _room(part.parent, total - first)
    with progress(total, part.stem, initial=first, unit="B") as bar:
        bar.unit_scale = True
        with part.open("ab" if first else "wb") as file:
            for block in response.iter_content(BLOCK):
                try:
                    file.write(block)
                    file.flush()  # so that a killed process leaves nearly all that came
                except OSError as error:
                    raise ScalerError(
                        f"{part}: cannot be written ({error.strerror}). Free some space and fetch again; the "
                        "download continues from here."
                    ) from None
                bar.update(len(block))
    if _length(part) != total:
        raise _Broken("the connection ended early")


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _encrypted(final: str, url: str) -> None:
    at_home = {urlsplit(final).hostname, urlsplit(url).hostname} <= LOOPBACK
    if urlsplit(final).scheme != "https" and not at_home:
        raise ScalerError(f"{url}: leads to {final}, which is not https. Nothing was downloaded.")


def _room(folder: Path, need: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < need + SPARE:
        raise ScalerError(
            f"{folder}: expected {(need + SPARE) / 1e6:.0f} MB of free space, found {free / 1e6:.0f} MB. Make room, or "
            "set SCALER_WEIGHTS=/path to a folder on a larger disk."
        )
