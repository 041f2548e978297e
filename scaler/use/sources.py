"""What to predict: the images of folders, single files, and the frames of videos."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from scaler.artifacts.visible import entries
from scaler.data.decode import SUFFIXES, UNREAD_SUFFIXES, VIDEO_SUFFIXES, decode
from scaler.data.images import image_of, is_dim
from scaler.errors import Fault, ScalerError
from scaler.progress import log

IMAGE_FOLDERS = ("imgs", "images", "image", "img")  # names that say nothing: the folder above names the set

U8 = NDArray[np.uint8]
Found = dict[str, dict[str, list[Path]]]  # set -> path below the folder without suffix -> files


class Frame(NamedTuple):
    """One image: its id within the set, and how to get it as (H, W, 3) uint8 RGB (raises ScalerError).

    `read` takes the value of more than 8 bits that becomes white, see `scaler.data.images.read_image`.
    """

    id: str
    read: Callable[[int | None], U8]


@dataclass(frozen=True)
class Images:
    """Image files of one set.

    Attributes:
        set: its name.
        files: by id: the path below the folder, verbatim, without suffix unless two files differ in nothing else.
        dim: those that were nearly black when they were read (see `scaler.data.images.is_dim`).
    """

    set: str
    files: dict[str, Path]
    dim: list[Path] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.files)

    def frames(self, fail: Callable[[Fault], object]) -> Iterator[Frame]:
        """All images, in the order of their ids; a file that cannot be read fails when it is read."""
        return (Frame(name, partial(self._read, path)) for name, path in self.files.items())

    def _read(self, path: Path, white: int | None) -> U8:
        decoded = decode(path)
        if white is None and is_dim(decoded.top, int(decoded.values.max())):
            self.dim.append(path)
        return image_of(decoded, white)


@dataclass(frozen=True)
class Video:
    """A film; its frames have the ids `<stem>/<number>`, six digits from 000000."""

    set: str
    path: Path

    def __len__(self) -> int:
        """The number of frames that the container states; it may be a guess."""
        capture = cv2.VideoCapture(str(self.path))
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        capture.release()
        return max(count, 0)

    def frames(self, fail: Callable[[Fault], object]) -> Iterator[Frame]:
        """All frames in order; `fail` gets a fault if there is none."""
        capture, count = cv2.VideoCapture(str(self.path)), 0
        try:
            while True:
                there, image = capture.read()
                if not there:
                    break
                rgb = np.asarray(image[..., ::-1], np.uint8)
                yield Frame(f"{self.path.stem}/{count:06d}", lambda _, rgb=rgb: rgb)  # type: ignore[misc]
                count += 1
        finally:
            capture.release()
        if not count:
            remedy = "convert it to MP4 (H.264), or to a folder of PNG files"
            fail(Fault("video_unreadable", (self.path,), "no frame of this video can be read", remedy))
        elif count < len(self):  # containers without an index guess the number, so this is no error
            log.warning(f"note: {self.path}: the file states {len(self)} frames, {count} could be read")


@dataclass
class Sources:
    """What is to be predicted.

    Attributes:
        items: in the order of their sets; images before videos.
        left_out: a fault for each file in a folder that looks like an image or a video and is not predicted.
        roots: the folders that were searched.
    """

    items: list[Images | Video] = field(default_factory=list)
    left_out: list[Fault] = field(default_factory=list)
    roots: list[Path] = field(default_factory=list)

    @property
    def sets(self) -> list[str]:
        """Names of the sets, sorted."""
        return sorted({item.set for item in self.items})


def find_sources(paths: Sequence[Path], set_name: str | None, only: str | None = None) -> Sources:
    """Look up what the user named.

    Args:
        paths: folders (searched with all their sub-folders), image files, video files.
        set_name: name of the set of all of it; None: the name of each folder, or of the folder of a file.
        only: a pattern that files of folders must fit, such as "*.jpg" (see `fits`); None: all.

    Raises:
        ScalerError: a path is missing or of an unknown kind, a folder holds no image, a set's name cannot name a
            folder, or two files of one name in one set would have one prediction.
    """
    sources = Sources()
    found: Found = {}
    videos: list[Video] = []
    for path in paths:
        group = _set_of(path, set_name)
        if path.is_dir():
            sources.roots.append(path)
            _add_folder(path, group, only, found, sources.left_out)
        elif not path.is_file():
            raise ScalerError(f"{path}: no such file or folder.")
        elif path.suffix.lower() in VIDEO_SUFFIXES:
            videos.append(Video(group, path))
        elif path.suffix.lower() in SUFFIXES:
            _add(found, group, path.stem, path)
        else:
            known = ", ".join((*SUFFIXES, *VIDEO_SUFFIXES))
            raise ScalerError(f"{path}: neither an image nor a video; expected one of {known}. Convert it to PNG.")
    images = {group: _named(group, files) for group, files in found.items()}
    _refuse_clashes(images, videos)
    sources.items += [Images(name, dict(sorted(files.items()))) for name, files in sorted(images.items())]
    sources.items += videos
    return sources


def chunks(source: Images | Video, size: int, fail: Callable[[Fault], object]) -> Iterator[tuple[Frame, ...]]:
    """The frames, `size` at a time.

    What is in a chunk never depends on what is done already: a sum over a batch of another shape may round differently,
    and an interrupted run must end with the same bytes as an undisturbed one.
    """
    frames = source.frames(fail)
    return iter(lambda: tuple(islice(frames, size)), ())


def not_predicted(path: Path) -> Fault | None:
    """Why a file of a folder is left out; None if it is read, or is neither an image nor a video."""
    suffix = path.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        return Fault("video_in_folder", (path,), "videos in a folder are left out", "name them on the command line")
    if suffix in UNREAD_SUFFIXES:
        return Fault("format_not_read", (path,), f"{suffix} files cannot be read", "convert them to PNG")
    if suffix in SUFFIXES and not path.is_file():
        return Fault("not_a_file", (path,), "a link that leads nowhere, or no plain file", "fix or remove it")
    return None


def _set_of(path: Path, set_name: str | None) -> str:
    if set_name is not None:
        if not set_name or set_name != PurePosixPath(set_name).name or set_name.startswith(".") or "\\" in set_name:
            raise ScalerError(f"--set: expected a plain name such as CAMO, got '{set_name}'.")
        return set_name
    folder = path.absolute() if path.is_dir() else path.absolute().parent
    folder = folder.resolve() if folder.name in ("", ".", "..") else folder
    while folder.name.lower() in IMAGE_FOLDERS and folder.parent.name:
        folder = folder.parent
    if not folder.name or folder.name.startswith("."):
        raise ScalerError(f"{path}: its folder gives no name for the set of predictions; choose one with --set.")
    return folder.name


def fits(name: str, only: str | None) -> bool:
    """Whether a path fits a pattern of the shell's kind, in which "*" also matches "/"; case makes no difference."""
    return only is None or fnmatchcase(name.casefold(), only.casefold())


def _add_folder(root: Path, group: str, only: str | None, images: Found, left_out: list[Fault]) -> None:
    try:
        listing = sorted(entries(root))
    except OSError as error:
        raise ScalerError(f"{error.filename}: not readable ({error.strerror}); check its permissions.") from None
    found = False
    for name, kind in listing:
        path = root / name
        if kind == "folder" or not fits(name, only):
            continue
        if (fault := not_predicted(path)) is not None:
            left_out.append(fault)
        elif path.suffix.lower() in SUFFIXES:
            _add(images, group, name[: -len(path.suffix)], path)
            found = True
    if not found and not left_out:
        which = f" that fits --only {only!r}" if only else f"; expected {', '.join(SUFFIXES)}"
        raise ScalerError(f"{root}: no image in this folder{which}.")


def _add(images: Found, group: str, name: str, path: Path) -> None:
    same = images.setdefault(group, {}).setdefault(name, [])
    if path.absolute() not in (one.absolute() for one in same):
        same.append(path)


def _named(group: str, files: dict[str, list[Path]]) -> dict[str, Path]:
    """Each file by its id; files that differ only in suffix keep it (a.jpg and a.png)."""
    named: dict[str, Path] = {}
    for stem, same in files.items():
        for path in same:
            name = stem if len(same) == 1 else f"{stem}{path.suffix}"
            if name in named:
                raise ScalerError(
                    f"{named[name]} and {path}: both would be predicted as {group}/{name}.png. Rename one, "
                    "or predict them separately with --set."
                )
            named[name] = path
        if len(same) > 1:
            names = ", ".join(f"{stem}{path.suffix}.png" for path in same)
            text = f"{len(same)} images of this name; their predictions are {names} (--only chooses)"
            log.warning(f"note: {group}/{stem}: {text}")
    return named


def _refuse_clashes(images: dict[str, dict[str, Path]], videos: list[Video]) -> None:
    owners: dict[tuple[str, str], Path] = {}
    for group, files in images.items():
        owners |= {(group, name.split("/")[0]): path for name, path in files.items() if "/" in name}
    for video in videos:
        key = (video.set, video.path.stem)
        if key in owners:
            raise ScalerError(
                f"{owners[key]} and {video.path}: both would be predicted into {video.set}/{video.path.stem}/. Rename "
                "one, or predict them separately with --set."
            )
        owners[key] = video.path
