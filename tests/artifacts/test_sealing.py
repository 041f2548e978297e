from __future__ import annotations

import resource
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from scaler.artifacts.hdf5 import read_ids, write_ids, write_images
from scaler.artifacts.header import Header, Input, read_header
from scaler.artifacts.reading import open_artifact
from scaler.artifacts.sealing import seal_html, sealed_hdf5
from scaler.artifacts.writing import LONGEST_NAME, write_file
from scaler.errors import ScalerError

HEADER = Header(
    kind="sam_labels",
    schema=1,
    stage="label_with_sam",
    output="out",
    arguments={"round": 1, "shard": "0"},
    inputs=[Input("data", "results/data/train.h5", False, "f" * 64)],
    params={"seed": 0, "note": "a -- b"},
    code="c" * 64,
    versions={"python": "3"},
    fingerprint="1" * 64,
)
STACK = np.arange(2 * 8 * 8, dtype=np.uint8).reshape(2, 8, 8)


def write(path: Path, header: Header = HEADER) -> None:
    with sealed_hdf5(path, header) as file:
        write_ids(file, ["ä/1", "b"])
        write_images(file, "probability", STACK)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    write(path)
    with open_artifact(path, "sam_labels") as file:
        assert read_ids(file) == ["ä/1", "b"]
        np.testing.assert_array_equal(file["probability"][()], STACK)
        assert file["probability"].chunks == (1, 8, 8)
        assert file["probability"].compression == "gzip"
        assert file.attrs["fingerprint"] == HEADER.fingerprint
        assert "label_with_sam" in file.attrs["provenance"]
    header = read_header(path)
    assert header is not None
    assert replace(header, payload_sha256=HEADER.payload_sha256, payload_offset=0) == HEADER


def test_plain_h5py_reads_it(tmp_path: Path) -> None:
    write(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert file.userblock_size >= 512
        assert list(file) == ["id", "probability"]


def test_same_contents_are_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a.h5")
    write(tmp_path / "b.h5")
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_a_long_header_fits(tmp_path: Path) -> None:
    inputs = [Input("results", f"results/stops/round_{i}/sam.h5", False, "a" * 64) for i in range(200)]
    write(tmp_path / "a.h5", replace(HEADER, inputs=inputs))
    header = read_header(tmp_path / "a.h5")
    assert header is not None
    assert len(header.inputs) == 200
    with open_artifact(tmp_path / "a.h5", "sam_labels") as file:
        assert file.userblock_size >= 200 * 64


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    write(path)
    before = path.read_bytes()
    with pytest.raises(TypeError), sealed_hdf5(path, HEADER) as file:
        write_ids(file, [b"\xff", 3])  # type: ignore[list-item]
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]


def test_what_a_killed_process_left_is_cleared(tmp_path: Path) -> None:
    (tmp_path / ".a.h5.tmp").write_bytes(b"half")
    write(tmp_path / "a.h5")
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]


def test_every_flipped_byte_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    write(path)
    good = path.read_bytes()
    header = read_header(path)
    assert header is not None
    rng = np.random.default_rng(0)
    for position in [
        header.payload_offset,
        len(good) - 1,
        *rng.integers(header.payload_offset, len(good), 40).tolist(),
    ]:
        bad = bytearray(good)
        bad[position] ^= 0x10
        path.write_bytes(bad)
        with pytest.raises(ScalerError, match="checksum"), open_artifact(path, "sam_labels"):
            pass


@pytest.mark.parametrize("limit", [0, 600, 5_000, 40_000, 150_000])
def test_a_full_disk_is_reported_and_leaves_the_old_file(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "a.h5"
    write(path)
    before = path.read_bytes()
    noise = np.random.default_rng(0).integers(0, 256, (200, 64, 64)).astype(np.uint8)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))  # the size of files is limited: writing fails half-way
    try:
        with pytest.raises(ScalerError, match=r"a\.h5: the file cannot be written"), sealed_hdf5(path, HEADER) as file:
            write_images(file, "noise", noise)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]


@pytest.mark.parametrize("kind", ["data", "report"])
def test_every_flipped_byte_of_the_header_is_found(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    if kind == "report":
        seal_html(path, replace(HEADER, kind=kind), "page\n", [("metrics.json", "{}\n")])
    else:
        write(path, replace(HEADER, kind=kind))  # with a digest of its content in the header
    good = path.read_bytes()
    header = read_header(path)
    assert header is not None
    bits = np.random.default_rng(0).integers(0, 8, header.payload_offset)
    with path.open("r+b", buffering=0) as file:
        for position, bit in enumerate(bits.tolist()):
            for value in (good[position] ^ (1 << bit), good[position]):
                file.seek(position)
                file.write(bytes([value]))
                is_whole = value == good[position]
                assert (read_header(path) is not None) is is_whole, f"bit {bit} of byte {position}"


@pytest.mark.parametrize("length", [0, 100, 600, -1])
def test_a_truncated_file_is_refused(tmp_path: Path, length: int) -> None:
    path = tmp_path / "a.h5"
    write(path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ScalerError, match="snakemake"), open_artifact(path, "sam_labels"):
        pass


def test_another_kind_version_or_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    write(path)
    with pytest.raises(ScalerError, match="expected an artifact of kind 'data', got one of kind 'sam_labels'"):
        open_artifact(path, "data").__enter__()
    write(path, replace(HEADER, schema=99))
    with pytest.raises(ScalerError, match="expected schema version 1 of kind 'sam_labels', got 99"):
        open_artifact(path, "sam_labels").__enter__()
    with h5py.File(path, "w") as file:
        file["x"] = 1
    with pytest.raises(ScalerError, match="does not begin with a whole header"):
        open_artifact(path, "sam_labels").__enter__()
    with pytest.raises(ScalerError, match="no such file"):
        open_artifact(tmp_path / "b.h5", "sam_labels").__enter__()


def test_sidecars_and_pages(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    seal_html(path, replace(HEADER, kind="report"), "<!doctype html><p>ü", [("metrics.json", "{}\n")])
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<!-- SCALER-ARTIFACT ")
    assert text.index("-->") == text.rindex("-->"), "nothing in the header may end the comment"
    assert text.endswith("-->\n<!doctype html><p>ü")
    header = read_header(path)
    assert header is not None
    assert list(header.sidecars) == ["metrics.json"]
    assert (tmp_path / "metrics.json").read_text() == "{}\n"


def test_the_longest_names_can_be_written(tmp_path: Path) -> None:
    for letter in ("x", "ü"):
        path = tmp_path / (letter * ((LONGEST_NAME - 4) // len(letter.encode())) + ".png")
        write_file(path, b"there")
        assert path.read_bytes() == b"there"
    assert len(list(tmp_path.iterdir())) == 2
