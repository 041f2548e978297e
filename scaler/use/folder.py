"""The folder of predictions: whose model and options made them, and who may write there now."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from scaler.artifacts.locking import file_lock
from scaler.artifacts.writing import write_file
from scaler.errors import ScalerError

RECORD = "predictions.json"
FORMAT = "scaler-predictions"
LOCK = ".predictions.lock"


@contextmanager
def claimed(folder: Path, record: Mapping[str, Any], *, overwrite: bool) -> Iterator[None]:
    """Hold a folder for the predictions of one model under one set of options.

    Args:
        folder: new, empty, or with the record of earlier predictions.
        record: what the predictions depend on; JSON values.
        overwrite: where the folder's record differs, remove its predictions (all PNG files in the sets that it
            names) and start over.

    Raises:
        ScalerError: the folder holds other things, or predictions of another model or other options; or another
            process is writing to it.
    """
    busy = f"{folder}: another process is writing predictions there"
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _refuse_foreign(folder)
            stack.enter_context(file_lock(folder / LOCK, busy, wait=False))
        except OSError as error:
            raise ScalerError(f"{folder}: cannot be used for predictions ({error.strerror}).") from None
        _claim(folder, record, overwrite)
        yield


def _claim(folder: Path, record: Mapping[str, Any], overwrite: bool) -> None:
    _refuse_foreign(folder)
    before = _read_record(folder)
    differs = [] if before is None else _differences(before, record)
    if differs and not overwrite:
        raise ScalerError(
            f"{folder}: holds predictions of another model or other options ({'; '.join(differs)}). Choose another "
            "folder, or use --overwrite to remove them."
        )
    sets = set(record["sets"])
    if before is not None and overwrite:
        _remove(folder, before["sets"])
    elif before is not None:
        sets |= set(before["sets"])
    text = json.dumps({"format": FORMAT, **record, "sets": sorted(sets)}, indent=2, ensure_ascii=True) + "\n"
    write_file(folder / RECORD, text.encode())


def _refuse_foreign(folder: Path) -> None:
    if not (folder / RECORD).exists() and any(not item.name.startswith(".") for item in folder.iterdir()):
        raise ScalerError(f"{folder}: holds files but no {RECORD}; choose a new or empty folder.")


def _read_record(folder: Path) -> dict[str, Any] | None:
    try:
        values = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, OSError):
        values = None
    shape = isinstance(values, dict) and values.get("format") == FORMAT and isinstance(values.get("sets"), list)
    if not shape or not all(isinstance(values.get(key), dict) for key in ("model", "options")):
        raise ScalerError(f"{folder / RECORD}: not a record of predictions; choose another folder.")
    return dict(values)


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return [
        f"{part}.{key}: {_short(before[part].get(key))} there, {_short(now[part].get(key))} now"
        for part in ("model", "options")
        for key in sorted({*before[part], *now[part]} - {"path"})  # a model that was moved is the same one
        if before[part].get(key) != now[part].get(key)
    ]


def _short(value: object) -> str:
    return value[:12] if isinstance(value, str) else str(value)


def _remove(folder: Path, sets: list[str]) -> None:
    for name in sets:
        root = folder / name
        if root.resolve().parent == folder.resolve() and not root.is_symlink():  # the record may have been edited
            for path in sorted(root.rglob("*.png")):
                path.unlink()
