"""Pictures that stay on the disk."""

from __future__ import annotations

import multiprocessing
import pickle
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from scaler.artifacts import pictures
from scaler.artifacts.hdf5 import create_images, put_image, put_images, read_ids, write_images
from scaler.artifacts.labels import LabelBatch, ShardLabels, open_labels, to_uint8, write_labels
from scaler.artifacts.large import LargeImages
from scaler.artifacts.names import shard_files
from scaler.artifacts.pictures import NamedPictures, PictureReader
from scaler.artifacts.splits import DataSet, open_data
from scaler.errors import ScalerError
from tests.artifacts.world import seal
from tests.artifacts.writing import write_data

SIDE = 6
COUNT = 7


@pytest.fixture
def stack() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (COUNT, SIDE, SIDE)).astype(np.uint8)


@pytest.fixture
def reader(stack: np.ndarray, tmp_path: Path) -> PictureReader:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        write_images(file, "x", stack)
    return PictureReader.whole(tmp_path / "a.h5", "x")


@pytest.mark.parametrize(
    "index",
    [
        0,
        -1,
        np.int64(3),
        slice(None),
        slice(5, 1, -2),
        [6, 0, 0],
        np.asarray([2, 4]),
        np.arange(COUNT) % 2 == 0,
        np.zeros(0, int),
    ],
    ids=str,
)
def test_a_reader_is_indexed_like_an_array(reader: PictureReader, stack: np.ndarray, index: object) -> None:
    np.testing.assert_array_equal(reader[index], stack[index])
    assert reader[index].dtype == np.uint8


def test_a_reader_has_the_shape_of_its_pictures(reader: PictureReader, stack: np.ndarray) -> None:
    assert (len(reader), reader.shape) == (COUNT, stack.shape)
    np.testing.assert_array_equal(np.asarray(reader), stack)
    np.testing.assert_array_equal(np.stack(list(reader)), stack)
    with pytest.raises(IndexError):
        reader[COUNT]
    chosen = reader.subset([5, 1, 1])
    np.testing.assert_array_equal(chosen[:], stack[[5, 1, 1]])


def test_workers_open_the_file_for_themselves(reader: PictureReader, stack: np.ndarray) -> None:
    before = reader[2]  # the file is open now
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(reader))[2], before)
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    worker = context.Process(target=lambda: queue.put((reader[2], len(reader._open))))
    worker.start()
    found, opened = queue.get()
    worker.join()
    np.testing.assert_array_equal(found, before)
    assert opened == 1


def test_pictures_that_are_zero_take_no_room(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = create_images(file, "marks", (1000, 64, 64), top=2)
        put_image(data, 7, np.ones((64, 64), np.uint8))
        assert data.id.get_storage_size() < 200
        assert not data[6].any()
        assert data[7].all()
    assert create_images(h5py.File.in_memory(), "none", (0, 8, 8)).shape == (0, 8, 8)


def split_of(count: int) -> DataSet:
    rng = np.random.default_rng(1)
    return DataSet(
        ids=[f"ü/{number}" for number in range(count)],
        image=rng.integers(0, 256, (count, SIDE, SIDE, 3)).astype(np.uint8),
        mask=rng.integers(0, 2, (count, SIDE, SIDE)).astype(np.uint8),
        labelled=np.arange(count) % 2 == 0,
        marks=np.where(np.arange(count) == 3, 1, 0)[:, None, None] * np.ones((1, SIDE, SIDE), np.uint8),
        native_size=np.full((count, 2), 9, np.int32),
        native_masks=[np.full((number + 1, 2), 1, np.uint8) for number in range(count)],
        set=["a"] * count,
        file=[f"{number}.png" for number in range(count)],
        large=LargeImages([np.full((SIDE + k % 2, SIDE + 2, 3), k + 1, np.uint8) for k in range(count)], 2 * SIDE),
        white=4095,
        tile=64,
    )


def test_a_split_on_the_disk_is_the_split_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "data.h5"
    with seal(path, "data") as file:
        write_data(file, split_of(COUNT))
    in_memory, on_disk = split_of(COUNT), open_data(path)
    for chosen in (range(COUNT), [4, 3, 0]):
        one, other = (split.part(list(chosen)) for split in (in_memory, on_disk))
        assert (one.white, one.tile) == (other.white, other.tile) == (4095, 64)
        for name, value in vars(one).items():
            if name in ("white", "tile"):
                continue
            same = all(np.array_equal(a, b) for a, b in zip(value, getattr(other, name), strict=True))
            assert same, name
    assert on_disk.is_marked().tolist() == [number == 3 for number in range(COUNT)]
    assert isinstance(on_disk.native_masks, NamedPictures)
    assert on_disk.native_masks[-1].shape == (COUNT, 2)
    assert [mask.shape for mask in pickle.loads(pickle.dumps(on_disk.native_masks))[1:3]] == [(2, 2), (3, 2)]


def test_few_files_are_open_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "OPEN_FILES", 2)
    paths = [tmp_path / f"{number}.h5" for number in range(5)]
    for number, path in enumerate(paths):
        with h5py.File(path, "w") as file:
            write_images(file, "map", np.full((1, SIDE, SIDE), number, np.uint8))
    reader = PictureReader(paths, "map", range(5), [0] * 5)
    for order in ([0, 1, 2, 3, 4], [4, 0, 4, 1, 3]):
        assert reader[order][:, 0, 0].tolist() == order
        assert len(reader._open) == 2


def test_labels_are_found_by_id_over_all_shards(tmp_path: Path) -> None:
    paths = shard_files(tmp_path, ["0", "1"])
    for number, (path, ids) in enumerate(zip(paths, (["b", "a"], ["c"]), strict=True)):
        maps = np.stack([np.full((SIDE, SIDE), (10 * number + k) / 255, np.float32) for k in range(len(ids))])
        with seal(path, "sam_labels") as file:
            batch = LabelBatch({"probability": maps}, {"weight": np.zeros(len(ids))})
            write_labels(file, ShardLabels(ids, SIDE, ["probability"], ["weight"], [batch]))
    pool = open_labels(paths, "sam_labels", "probability", ["a", "b", "c"])
    assert pool[:][:, 0, 0].tolist() == [1, 0, 10]
    assert pool.shape == (3, SIDE, SIDE)
    with pytest.raises(ScalerError, match="2 ids differ, such as 'c'"):
        open_labels(paths, "sam_labels", "probability", ["a", "b", "d"])


@pytest.mark.parametrize("size", [1, 2, 3])
def test_labels_written_in_batches_are_those_written_at_once(size: int) -> None:
    ids, rng = ["a", "b", "c"], np.random.default_rng(0)
    maps = {name: rng.random((3, SIDE, SIDE)).astype(np.float32) for name in ("probability", "teacher")}
    columns = {"entropy": np.asarray([0.5, 0.25, 0.125], np.float32), "branch": np.asarray([0, 2, 1])}
    cuts = [slice(first, first + size) for first in range(0, 3, size)]
    batches = [
        LabelBatch({name: m[cut] for name, m in maps.items()}, {name: c[cut] for name, c in columns.items()})
        for cut in cuts
    ]
    file = h5py.File.in_memory()
    write_labels(file, ShardLabels(ids, SIDE, list(maps), list(columns), batches))
    assert read_ids(file) == ids
    for name, stack in maps.items():
        np.testing.assert_array_equal(file[name][()], to_uint8(stack))
    for name, column in columns.items():
        np.testing.assert_array_equal(file[name][()], column.astype(np.float32))


def test_a_shard_without_images_has_all_data_sets() -> None:
    file = h5py.File.in_memory()
    write_labels(file, ShardLabels([], SIDE, ["probability"], ["weight"], []))
    assert file["probability"].shape == (0, SIDE, SIDE)
    assert file["weight"].shape == (0,)


@pytest.mark.parametrize("shape", [(6, 20, 24), (6, 20, 24, 3)])
def test_libdeflate_reads_what_hdf5_reads(
    shape: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = np.random.default_rng(0).integers(0, 3, shape, dtype=np.uint8)
    pictures[2] = 0  # takes no room
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        put_images(create_images(file, "fast", shape), 0, pictures)
        file.create_dataset("plain", data=pictures)
        file.create_dataset("checked", data=pictures, chunks=(1, *shape[1:]), compression="gzip", fletcher32=True)
        file.create_dataset("together", data=pictures, chunks=(2, *shape[1:]), compression="gzip")
    for name in ("fast", "plain", "checked", "together"):
        assert np.array_equal(PictureReader.whole(path, name)[[5, 2, 0, 5]], pictures[[5, 2, 0, 5]]), name
    decoded: list[int] = []
    monkeypatch.setattr("imagecodecs.deflate_decode", lambda chunk, out: decoded.append(len(chunk)) or out)
    PictureReader.whole(path, "fast")[:]
    assert len(decoded) == 5
    monkeypatch.setenv("SCALER_PLAIN", "labels")
    assert np.array_equal(PictureReader.whole(path, "fast")[:], pictures)
    assert len(decoded) == 5


@pytest.mark.parametrize("chunk", [b"not deflated at all", zlib.compress(bytes(100))])
def test_a_damaged_picture_is_an_error(chunk: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        data = create_images(file, "a", (2, 20, 24))
        put_images(data, 0, np.ones((2, 20, 24), np.uint8))
        data.id.write_direct_chunk((1, 0, 0), chunk)
    reader = PictureReader.whole(path, "a")
    assert reader[0].all()
    with pytest.raises(OSError, match=r"filter|cut short"):
        reader[1]
