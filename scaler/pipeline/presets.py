"""Presets: a few values laid over `params.yaml`, its comments kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter

from scaler.errors import ScalerError
from scaler.params import PARAMS_FILE, load_params

FREE = ("options", "rounds")  # blocks without fixed keys: a preset's one takes the place of the old
FOLDER = Path(__file__).resolve().parents[2] / "workflow" / "presets"


def preset_names() -> list[str]:
    """The presets that come with the project; files that begin with "_" are only there for others to extend.

    Raises:
        ScalerError: there are none, since the package alone is installed.
    """
    if not FOLDER.is_dir():
        raise ScalerError(
            "preset: the presets come with the checkout of the project, but only its package is installed. "
            "Run the command in a checkout."
        )
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
    yaml = _editor()
    before = path.read_text(encoding="utf-8")
    values = yaml.load(before)
    changes = [line for part in preset_parts(name) for line in lay_over(values, _on_one_line(part))]
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
    """Change some values of a `params.yaml` in place; what changed, one "key: old -> new" each, as JSON."""
    done = []
    for key, new in changes.items():
        old = values.get(key)
        if isinstance(new, dict) and isinstance(old, dict) and key in FREE:
            done += _differences(dict(old), new, f"{prefix}{key}.")
            old.clear()  # in place: `stops` refers to `rounds`, and ruamel.yaml cannot remove one key of such a map
            old.update(new)
        elif isinstance(new, dict) and isinstance(old, dict):
            done += lay_over(old, new, f"{prefix}{key}.")
        elif old != new:
            done += _differences({key: old} if key in values else {}, {key: new}, prefix)
            values[key] = new
    return done


def _differences(old: dict[str, Any], new: dict[str, Any], prefix: str) -> list[str]:
    before, after = ({key: json.dumps(value) for key, value in block.items()} for block in (old, new))
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return [f"{prefix}{key}: {before.get(key, 'none')} -> {after.get(key, 'none')}" for key in keys]


def _editor() -> YAML:
    """A reader and writer that leaves quotes, `null`, comments and long lines as they are."""
    yaml = YAML()
    yaml.width = 4096
    yaml.preserve_quotes = True
    yaml.Representer = _Representer
    return yaml


class _Representer(RoundTripRepresenter):
    def represent_none(self, data: None) -> ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:null", "null")


_Representer.add_representer(type(None), _Representer.represent_none)


def _on_one_line(value: Any) -> Any:
    """The same, its maps and lists written as {key: value, ...} and [a, b], as `params.yaml` writes them."""
    if not isinstance(value, dict | list):
        return value
    line = (
        CommentedMap({key: _on_one_line(item) for key, item in value.items()})
        if isinstance(value, dict)
        else CommentedSeq(map(_on_one_line, value))
    )
    line.fa.set_flow_style()
    return line
