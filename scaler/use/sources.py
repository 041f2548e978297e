"""What to predict: the images of folders, single files, and the frames of videos, in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from scaler.artifacts.visible import entries
from scaler.data.decode import SUFFIXES
from scaler.data.folder import OTHER_PICTURES
from scaler.data.images import read_image
from scaler.errors import ScalerError
from scaler.progress import log

VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv")
IMAGE_FOLDERS = ("imgs", "images", "image", "img")  # names that say nothing: then the folder above names the set

U8 = NDArray[np.uint8]


class Frame(NamedTuple):
    """One image: its id within the set, and (H, W, 3) uint8 RGB."""

    id: str
    image: U8


@dataclass(frozen=True)
class Pictures:
    """Image files of one set, by id: the path below the folder without suffix, verbatim."""

    set: str
    files: dict[str, Path]


@dataclass(frozen=True)
class Video:
    """A film; its frames have the ids `<stem>/<number>`, six digits from 000000."""

    set: str
    path: Path

    def id(self, number: int) -> str:
        """Id of a frame."""
        return f"{self.path.stem}/{number:06d}"


@dataclass
class Found:
    """What was given.

    Attributes:
        sources: in the order of their sets; pictures before videos.
        refused: a line for each file that looks like an image and cannot be read.
        roots: the folders that were searched.
    """

    sources: list[Pictures | Video] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    roots: list[Path] = field(default_factory=list)


def find_sources(paths: Sequence[Path], set_name: str | None) -> Found:
    """Look up what the user named.

    Args:
        paths: folders (searched with all their sub-folders), image files, video files.
        set_name: name of the set of all of it; None: the name of each folder, or of the one that a file lies in.

    Raises:
        ScalerError: a path is missing or of an unknown kind, a folder holds no image, a set's name is not usable as
            that of a folder, or two files would have one prediction.
    """
    found = Found()
    pictures: dict[str, dict[str, Path]] = {}
    videos: list[Video] = []
    for path in paths:
        group = _set_of(path, set_name)
        if path.is_dir():
            found.roots.append(path)
            _add_folder(path, group, pictures, found.refused)
        elif not path.is_file():
            raise ScalerError(f"{path}: no such file or folder.")
        elif path.suffix.lower() in VIDEO_SUFFIXES:
            videos.append(Video(group, path))
        elif path.suffix.lower() in SUFFIXES:
            _add(pictures, group, path.stem, path)
        else:
            known = ", ".join((*SUFFIXES, *VIDEO_SUFFIXES))
            raise ScalerError(f"{path}: neither an image nor a video; expected one of {known}. Convert it to PNG.")
    _refuse_clashes(pictures, videos)
    found.sources += [Pictures(name, dict(sorted(files.items()))) for name, files in sorted(pictures.items())]
    found.sources += videos
    return found


def length(source: Pictures | Video) -> int:
    """Number of images; of a video what its container says, which may be a guess."""
    if isinstance(source, Pictures):
        return len(source.files)
    capture = cv2.VideoCapture(str(source.path))
    count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    capture.release()
    return max(count, 0)


def batches(
    source: Pictures | Video, size: int, is_done: Callable[[str], bool], fail: Callable[[str], object]
) -> Iterator[tuple[int, list[Frame]]]:
    """The images in batches whose members never depend on what is done already.

    A batch in which anything is missing comes with all its images, since a sum over a batch of another shape may
    round differently: so an interrupted run ends with the same bytes as an undisturbed one.

    Args:
        source: pictures or a video.
        size: images a batch.
        is_done: whether the prediction of an id exists.
        fail: told of every unreadable file, a line each.

    Yields:
        How many images were passed, and the frames to predict (none where all are done).
    """
    if isinstance(source, Pictures):
        return _picture_batches(source, size, is_done, fail)
    return _video_batches(source, size, is_done, fail)


def _picture_batches(
    source: Pictures, size: int, is_done: Callable[[str], bool], fail: Callable[[str], object]
) -> Iterator[tuple[int, list[Frame]]]:
    names = list(source.files)
    for begin in range(0, len(names), size):
        chosen = names[begin : begin + size]
        frames: list[Frame] = []
        for name in chosen if not all(map(is_done, chosen)) else ():
            try:
                frames.append(Frame(name, read_image(source.files[name])))
            except ScalerError as error:
                fail(str(error))
        yield len(chosen), frames


def _video_batches(
    source: Video, size: int, is_done: Callable[[str], bool], fail: Callable[[str], object]
) -> Iterator[tuple[int, list[Frame]]]:
    capture = cv2.VideoCapture(str(source.path))
    promised, count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0
    batch: list[Frame] = []
    try:
        while True:
            there, image = capture.read()
            if there:
                batch.append(Frame(source.id(count), np.asarray(image[..., ::-1], np.uint8)))
                count += 1
            if batch and (not there or len(batch) == size):
                yield len(batch), [] if all(is_done(frame.id) for frame in batch) else batch
                batch = []
            if not there:
                break
    finally:
        capture.release()
    if not count:
        fail(f"{source.path}: no frame could be read; convert it to MP4 (H.264), or to a folder of PNG files.")
    elif count < promised:  # containers without an index guess this number, so it is no error
        log.warning(f"note: {source.path} says {promised} frames, {count} could be read")


def _set_of(path: Path, set_name: str | None) -> str:
    if set_name is not None:
        if not set_name or set_name != PurePosixPath(set_name).name or set_name.startswith(".") or "\\" in set_name:
            raise ScalerError(f"--set: expected a plain name such as CAMO, got '{set_name}'.")
        return set_name
    folder = path.absolute() if path.is_dir() else path.absolute().parent
    folder = folder.resolve() if folder.name in ("", ".", "..") else folder
    name = folder.parent.name if folder.name.lower() in IMAGE_FOLDERS else folder.name
    if not name or name.startswith("."):
        raise ScalerError(f"{path}: its folder gives no name for the set of predictions; say one by --set.")
    return name


def _add_folder(root: Path, group: str, pictures: dict[str, dict[str, Path]], refused: list[str]) -> None:
    try:
        listing = sorted(entries(root))
    except OSError as error:
        raise ScalerError(f"{error.filename}: not readable ({error.strerror}); check its permissions.") from None
    seen = films = 0
    for name, kind in listing:
        suffix = PurePosixPath(name).suffix.lower()
        films += suffix in VIDEO_SUFFIXES
        if suffix in OTHER_PICTURES and kind == "file":
            refused.append(f"{root / name}: {suffix} files are not read; convert it to PNG.")
        elif suffix in SUFFIXES and kind == "other":
            refused.append(f"{root / name}: a link that leads nowhere, or no plain file.")
        elif suffix in SUFFIXES and kind == "file":
            _add(pictures, group, name[: -len(suffix)], root / name)
            seen += 1
    if not seen and not refused:
        cure = "its videos are taken when they are given by name" if films else f"expected {', '.join(SUFFIXES)}"
        raise ScalerError(f"{root}: no image in this folder; {cure}.")


def _add(pictures: dict[str, dict[str, Path]], group: str, name: str, path: Path) -> None:
    files = pictures.setdefault(group, {})
    if name in files and files[name].absolute() != path.absolute():
        raise ScalerError(
            f"{files[name]} and {path}: both would be predicted as {group}/{name}.png. Rename one, "
            "or predict them apart with --set."
        )
    files[name] = path


def _refuse_clashes(pictures: dict[str, dict[str, Path]], videos: list[Video]) -> None:
    owners: dict[tuple[str, str], Path] = {}
    for group, files in pictures.items():
        owners |= {(group, name.split("/")[0]): path for name, path in files.items() if "/" in name}
    for video in videos:
        key = (video.set, video.path.stem)
        if key in owners:
            raise ScalerError(
                f"{owners[key]} and {video.path}: both would be predicted into {video.set}/{video.path.stem}/. Rename "
                "one, or predict them apart with --set."
            )
        owners[key] = video.path
