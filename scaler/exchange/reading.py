"""A source of any format: opened, its images found, its shapes painted image by image, and its summary."""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from scaler.artifacts.filehash import sha256
from scaler.errors import Fault, Faults, ScalerError, grouped_lines, printable
from scaler.exchange.image_files import ImageFile, ImageFinder, files_by_id, open_image
from scaler.exchange.merge import EMPTY, Labels, Tally, check_categories, concerns, merge
from scaler.exchange.parsing import broken
from scaler.exchange.read_coco import read_coco
from scaler.exchange.read_cvat import read_cvat
from scaler.exchange.read_label_studio import read_label_studio
from scaler.exchange.read_labelme import read_labelme
from scaler.exchange.read_masks import read_masks
from scaler.exchange.read_yolo import read_yolo
from scaler.exchange.shapes import Annotated, Document, ImportOptions

READERS: dict[str, Callable[[Path, ImportOptions, Faults], Document]] = {
    "coco": read_coco,
    "labelme": read_labelme,
    "cvat": read_cvat,
    "yolo": read_yolo,
    "label-studio": read_label_studio,
    "masks": read_masks,
}
FOLDERS = ("labelme", "cvat", "yolo", "masks")  # formats whose source may be a folder, and so a zip of one


@dataclass
class Reading:
    """One source while it is read.

    Attributes:
        source: as the user named it.
        folder: where its files are; faults name files relative to it.
        document: what it holds.
        options: how it is read.
        faults: everything that is wrong or unusual; complete once `labels` is through.
        tally: what has been read so far.
    """

    source: Path
    folder: Path
    document: Document
    options: ImportOptions
    faults: Faults
    tally: Tally = field(default_factory=Tally)

    def labels(self, *, scan: bool = True) -> Iterator[Labels]:
        """The labels of each image, sorted by id; images of broken entries come without.

        Args:
            scan: whether images of a scanned folder that no entry names are among them, without labels.
        """
        for image, file in self._pairs(scan=scan):
            result = Labels(file)
            with self.faults.collect([file.id]):
                result = result if image is None else merge(image, file, self.options, self.tally, self.faults)
            yield result

    def finish(self) -> list[Fault]:
        """The broken entries that were left out.

        Raises:
            ScalerError: there are some, and `skip_broken` is not set.
        """
        errors = [item.relative_to(self.folder) for item in self.faults.of("error")]
        if errors and not self.options.skip_broken:
            raise ScalerError(*errors, source=self.source)
        return errors

    def summary(self) -> list[str]:
        """What was read, line by line."""
        tally, broken_ones = self.tally, self.faults.of("error")
        objects = ", ".join(f"{name} {n}" for name, n in sorted(tally.objects.items())) or "none"
        lines = [f"{sum(tally.objects.values())} objects and marks: {objects}"]
        for phrase, n in sorted(tally.counts.items()):
            beyond = f" (at most {tally.overhang:.1f} pixels)" if "cut at" in phrase else ""
            lines.append(f"{n} {phrase}{beyond}")
        if tally.counts[EMPTY] and self.options.empty_is_background:
            lines.append(f"{EMPTY} got an empty mask (--empty-is-background)")
        elif tally.counts[EMPTY]:
            lines.append(f"{EMPTY} stay unlabelled; --empty-is-background gives them an empty mask")
        if broken_ones:
            images = {name for item in broken_ones for name in item.ids}
            lines.append(
                f"{len(broken_ones)} broken entries left out, and with them the labels of {len(images)} images"
            )
        notes = [item.relative_to(self.folder) for item in self.faults.items if item.severity != "error"]
        return [printable(line) for line in (*lines, *self.document.remarks, *grouped_lines(notes))]

    def fingerprint(self) -> str:
        """SHA-256 (hex) of the source: of its file, or of the list of its files' names and digests."""
        paths = self.document.sources
        if len(paths) == 1:
            return sha256(paths[0])
        lines = [f"{path.name}\0{sha256(path)}\n" for path in paths]
        return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()

    def date(self) -> str:
        """When the newest file of the source was written, ISO 8601, UTC."""
        newest = max(path.stat().st_mtime for path in self.document.sources)
        return datetime.fromtimestamp(int(newest), UTC).isoformat()

    def _pairs(self, *, scan: bool) -> list[tuple[Annotated | None, ImageFile]]:
        """Each entry with its image; an image that several entries name is assigned to none."""
        finder = ImageFinder(self.options, self.faults)
        found: dict[str, list[tuple[Annotated, ImageFile]]] = {}
        for image in self.document.images:
            try:
                file = finder.find(image)
                found.setdefault(file.id, []).append((image, file))
            except ScalerError as error:
                if image.shapes and not concerns(image, self.options):
                    self.tally.counts["images of other categories only left out, which are not readable"] += 1
                else:
                    self.faults.add(*error.faults)
        pairs: dict[str, tuple[Annotated | None, ImageFile]] = {}
        for key, entries in found.items():
            pairs[key] = entries[0]
            if len(entries) > 1:
                names = ", ".join(entry.where for entry, _ in entries)
                reason = f"{len(entries)} entries for one image: {names}"
                self.faults.add(Fault("image_twice", (key,), reason, "keep one, or rename an image", ids=(key,)))
                pairs[key] = (None, entries[0][1])
        for root, prefix in self.document.scan if scan else ():
            with self.faults.collect():
                self._scan(root, f"{prefix}/" if prefix else "", pairs)
        return [pairs[key] for key in sorted(pairs)]

    def _scan(self, root: Path, prefix: str, pairs: dict[str, tuple[Annotated | None, ImageFile]]) -> None:
        wrong = {name for item in self.faults.of("error") for name in item.ids}
        for key, path in files_by_id(root).items():
            if prefix + key not in pairs:
                with self.faults.collect([prefix + key]):
                    pairs[prefix + key] = (None, open_image(prefix + path.relative_to(root).as_posix(), path))
                    self.tally.counts["images not annotated at all"] += prefix + key not in wrong


@contextmanager
def opened(kind: str, source: Path, options: ImportOptions) -> Iterator[Reading]:
    """Read a source; nothing is painted yet. A zip is unpacked as long as the block lasts.

    Args:
        kind: a key of `READERS`.
        source: file or folder.
        options: how to read.

    Raises:
        ScalerError: there is no such source, no image in it, or a category that it lacks; see the format's reader.
    """
    if not source.exists():
        raise broken(source, "no such file or folder", kind="source_missing")
    if options.images is not None and not options.images.is_dir():
        raise broken(options.images, "no such folder (--images)", kind="folder_missing")
    with _unpacked(kind, source) as inner:
        folder = inner if inner.is_dir() else inner.parent
        faults = Faults(source)
        document = READERS[kind](inner, options, faults)
        if not document.images and not faults.items:
            raise broken(source, f"no image in this source; expected the format {kind}", kind="source_empty")
        check_categories(document, options)
        if inner != source:
            document.sources[:] = [source]
        yield Reading(source, folder, document, options, faults)


@contextmanager
def _unpacked(kind: str, source: Path) -> Iterator[Path]:
    """The source, or the folder that a zip holds."""
    if not source.is_file() or not zipfile.is_zipfile(source):
        yield source
        return
    if kind not in FOLDERS:
        raise broken(source, f"a zip; expected a {kind} file", "unpack it, and name the .json inside", "zip")
    with tempfile.TemporaryDirectory(prefix="scaler-import-") as folder:
        try:
            with zipfile.ZipFile(source) as archive:
                archive.extractall(folder)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError) as error:
            raise broken(source, f"cannot be unpacked ({error})", "copy or export it again", "zip") from None
        except OSError as error:
            reason = f"cannot be unpacked into {folder} ({error.strerror})"
            raise broken(source, reason, "make room there, or unpack it yourself", "zip") from None
        inside = [path for path in Path(folder).iterdir() if not path.name.startswith(("__MACOSX", "."))]
        yield inside[0] if len(inside) == 1 and inside[0].is_dir() else Path(folder)
