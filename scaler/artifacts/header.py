"""The header that begins every artifact: what it is, what made it, and a checksum of the rest.

An HDF5 file may begin with a user block that HDF5 itself skips, an HTML page with a comment; both hold the same line:
a magic word, the SHA-256 of the JSON that follows, and that JSON, which holds the SHA-256 of the rest of the file. So
one read of a few hundred bytes identifies a file, without HDF5, and a flipped bit anywhere is noticed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

NEUTRAL = True  # it decides about files, not about what is in them

MAGIC = b"SCALER-ARTIFACT "
HTML_OPEN = b"<!-- "
HTML_CLOSE = b"-->\n"
MINIMUM_SIZE = 512  # HDF5 asks for a power of two of at least 512 bytes
DIGEST_LENGTH = 64


@dataclass(frozen=True)
class Input:
    """One file or folder that an artifact was made from.

    Attributes:
        name: the stage's argument that it came by.
        path: as given on the command line, relative to the project's root.
        raw: True for what the user brought (a folder of images, a weights file), False for an artifact.
        fingerprint: the artifact's identity, or the content digest of a raw input.
    """

    name: str
    path: str
    raw: bool
    fingerprint: str


@dataclass(frozen=True)
class Header:
    """Kind and provenance of one artifact.

    `content` is a digest of what is in it, for kinds that are known by that and not by how they were made (see
    `names.KNOWN_BY_CONTENT`), else "".
    """

    kind: str
    schema: int
    stage: str
    output: str
    arguments: dict[str, int | str]
    inputs: list[Input]
    params: dict[str, Any]
    code: str
    versions: dict[str, str]
    fingerprint: str
    sidecars: dict[str, str] = field(default_factory=dict)
    content: str = ""
    payload_sha256: str = "0" * DIGEST_LENGTH
    payload_offset: int = 0

    @property
    def identity(self) -> str:
        """What the recipes of artifacts that are made from this one hold of it."""
        return self.content or self.fingerprint

    def provenance(self) -> str:
        """All but the checksums, as JSON: what goes into the HDF5 attribute `provenance`."""
        values = asdict(self)
        for name in ("payload_sha256", "payload_offset", "sidecars", "content"):
            del values[name]
        return json.dumps(values, sort_keys=True, ensure_ascii=True)


def block_size(header: Header, *, html: bool = False) -> int:
    """Bytes that the header needs: a power of two that HDF5 accepts as a user block."""
    size = MINIMUM_SIZE
    needed = len(_line(header)) + len(HTML_OPEN + HTML_CLOSE) + 16  # 16: payload_offset has no fixed width
    while size < needed:
        size *= 2
    return size if not html else needed


def encode(header: Header, size: int, *, html: bool = False) -> bytes:
    """The header padded with blanks to `size` bytes."""
    opening, closing = (HTML_OPEN, HTML_CLOSE) if html else (b"", b"\n")
    body = opening + _line(header)
    padding = size - len(body) - len(closing)
    if padding < 0:
        raise ValueError(f"header of {len(body)} bytes does not fit into {size}")
    return body + b" " * padding + closing


def read_header(path: Path) -> Header | None:
    """The header of `path`; None when there is no such file, or it does not begin with a whole one."""
    try:
        with path.open("rb") as file:
            start = file.read(len(HTML_OPEN + MAGIC))
            line = start + file.readline() if MAGIC in start else b""  # another file may have no end of line at all
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    return _decoded(line)


def _decoded(line: bytes) -> Header | None:
    """A damaged header is no header: the artifact counts as missing and is made again."""
    text = line.removesuffix(b"\n")
    if text.startswith(HTML_OPEN):
        text = text.removeprefix(HTML_OPEN).removesuffix(HTML_CLOSE.rstrip(b"\n"))
    if not text.startswith(MAGIC):
        return None
    digest, _, body = text.removeprefix(MAGIC).partition(b" ")
    if _sha256(body.rstrip(b" ")) != digest:
        return None
    try:
        values = json.loads(body)
        values["inputs"] = [Input(**item) for item in values["inputs"]]
        return Header(**values)
    except (ValueError, TypeError, KeyError):
        return None  # of another version


def _line(header: Header) -> bytes:
    text = json.dumps(asdict(header), sort_keys=True, ensure_ascii=True)
    body = text.replace("--", "-\\u002d").encode("ascii")  # `--` may not stand in an HTML comment
    return MAGIC + _sha256(body) + b" " + body


def _sha256(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode("ascii")


def input_folder(path: Path, name: str) -> Path | None:
    """Folder of the inputs that an artifact's stage was given as argument `name`; None if there were none."""
    header = read_header(path)
    found = [Path(item.path).parent for item in header.inputs if item.name == name] if header else []
    return found[0] if found else None
