"""Presets: a few values laid over `params.yaml`, its comments kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from scaler.errors import ScalerError
from scaler.params import PARAMS_FILE, load_params

FREE = ("options", "rounds")  # blocks without fixed keys: a preset's one takes the place of the old
FOLDER = Path(__file__).resolve().parents[2] / "workflow" / "presets"


def preset_names() -> list[str]:
    """The presets that come with the project; files that begin with "_" are only there for others to extend."""
    return sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("[!_]*.yaml"))


def apply_preset(name: str, path: Path = PARAMS_FILE) -> list[str]:
    """Lay a preset over `path`.

    Returns:
        What changed, one "key: old -> new" each.

    Raises:
        ScalerError: no such preset, or the result is no valid `params.yaml` (then the file is left as it was).
    """
    if name not in preset_names():
        raise ScalerError(f"preset: got '{name}', expected one of {', '.join(preset_names())}.")
    yaml = YAML()
    yaml.width = 4096
    before = path.read_text(encoding="utf-8")
    values = yaml.load(before)
    changes = [line for part in preset_parts(name) for line in lay_over(values, part)]
    yaml.dump(values, path)
    try:
        load_params(path)
    except ScalerError:
        path.write_text(before, encoding="utf-8")
        raise
    return changes


def preset_parts(name: str) -> list[dict[str, Any]]:
    """The preset's values, those of the presets that it `extends` before them."""
    own = YAML(typ="safe", pure=True).load(FOLDER / f"{name}.yaml")
    return [*(part for base in own.pop("extends", []) for part in preset_parts(base)), own]


def lay_over(values: dict[str, Any], changes: dict[str, Any], prefix: str = "") -> list[str]:
    """Change some values of a `params.yaml` in place; what changed, one "key: old -> new" each."""
    done = []
    for key, new in changes.items():
        if isinstance(new, dict) and isinstance(values.get(key), dict) and key not in FREE:
            done += lay_over(values[key], new, f"{prefix}{key}.")
        elif values.get(key) != new:
            done.append(f"{prefix}{key}: {values.get(key)} -> {new}")
            if key in FREE and isinstance(values.get(key), dict):  # in place: `stops` refers to `rounds`
                values[key].clear()
                values[key].update(new)
            else:
                values[key] = new
    return done
