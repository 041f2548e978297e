"""Turns pydantic's findings into sentences that name the key, its value, and what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError


def explain(error: ValidationError, model: type[BaseModel], path: Path) -> str:
    """All faults of one file, a line each."""
    lines = [f"{path}: {_sentence(item, model)}" for item in error.errors(include_url=False)]
    return "\n".join(dict.fromkeys(lines))


def _sentence(item: Any, model: type[BaseModel]) -> str:
    location: tuple[Any, ...] = tuple(item["loc"])
    key = ".".join(str(part) for part in location) or "(top level)"
    came = item["input"]
    context = item.get("ctx", {})
    match item["type"]:
        case "extra_forbidden":
            allowed = _keys_at(model, location[:-1])
            close = difflib.get_close_matches(str(location[-1]), allowed, n=1)
            hint = f" Did you mean `{close[0]}`?" if close else ""
            return f"unknown key `{key}`.{hint} Allowed here: {', '.join(allowed)}."
        case "missing":
            return f"`{key}` is missing; every value must be given (the default is in the project's own params.yaml)."
        case "literal_error":
            return f"`{key}`: got {came!r}, allowed: {context['expected']}."
        case "value_error":
            return f"`{key}`: {context['error']}." if location else f"{context['error']}."
        case _:
            return f"`{key}`: got {came!r} ({type(came).__name__}). {item['msg']}."


def _keys_at(model: type[BaseModel], location: Sequence[Any]) -> list[str]:
    """The keys that the block at `location` knows; empty for a free mapping."""
    current: Any = model
    for part in location:
        if isinstance(current, type) and issubclass(current, BaseModel):
            current = current.model_fields[part].annotation
        else:  # dict[str, Block] or list[Block]
            current = get_args(current)[-1]
    if isinstance(current, type) and issubclass(current, BaseModel):
        return list(current.model_fields)
    return []
