"""Inline SVG: lines over rounds or epochs, stacked shares, and image by image before against after.

Colours come from the page's style sheet by class, so that they follow light and dark; every series also has a marker
or a dash of its own, so that none is told apart by colour alone.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

WIDTH, HEIGHT = 380, 210
LEFT, RIGHT, TOP, BOTTOM = 42, 52, 22, 28
LABEL_GAP = 13.0
MOST_BARS = 160
MANY_STOPS = 5


@dataclass(frozen=True)
class Series:
    """A line: what it is called, its CSS class, its values (NaN where there is none)."""

    name: str
    kind: str
    values: Sequence[float]


@dataclass(frozen=True)
class Segment:
    """A stretch of the x axis of epochs: its title and how many epochs it has."""

    title: str
    length: int


@dataclass(frozen=True)
class _Frame:
    x: Callable[[float], float]
    y: Callable[[float], float]
    width: float


def stops_chart(title: str, labels: Sequence[str], series: Sequence[Series], note: str = "") -> Markup:
    """Lines over the stops of a run, with the last value written at the end of each.

    Args:
        title: of the chart.
        labels: one per stop.
        series: each with one value per stop.
        note: a few words behind the title.
    """
    frame, parts = _frame(series, len(labels))
    step = max(1, math.ceil(len(labels) / 8))
    for i, label in enumerate(labels):
        if i % step == 0:
            parts.append(_text(frame.x(i), HEIGHT - 9, short(label, len(labels) > MANY_STOPS), "middle"))
    for item in series:
        parts.append(_line(frame, item.kind, [(i, v) for i, v in enumerate(item.values)]))
        for i, value in enumerate(item.values):
            if math.isfinite(value):
                hover = f"{item.name}, {labels[i]}: {value:.3f}"
                parts.append(_marker(frame.x(i), frame.y(value), item.kind, hover))
    parts += _end_labels(frame, series)
    return _svg(title, note, parts)


def epochs_chart(title: str, segments: Sequence[Segment], series: Sequence[Series], note: str = "") -> Markup:
    """Lines over the epochs of several stages, one after the other; a line is broken where a stage begins."""
    count = sum(segment.length for segment in segments)
    frame, parts = _frame(series, count)
    parts += _segment_marks(frame, segments)
    for item in series:
        begin = 0
        for segment in segments:
            inside = range(begin, begin + segment.length)
            parts.append(_line(frame, item.kind, [(i, item.values[i]) for i in inside]))
            begin += segment.length
    parts += _end_labels(frame, series)
    return _svg(title, note, parts)


def shares_chart(title: str, segments: Sequence[Segment], series: Sequence[Series], note: str = "") -> Markup:
    """Stacked bars, one per epoch (several epochs together when there are many), each as shares of its total."""
    count = sum(segment.length for segment in segments)
    frame = _Frame(_scale(0, max(count, 1), LEFT, WIDTH - 12), _scale(0, 1, HEIGHT - BOTTOM, TOP), WIDTH - 12)
    parts = [_text(LEFT - 6, frame.y(v) + 4, f"{100 * v:.0f} %", "end") for v in (0.0, 0.5, 1.0)]
    width = max(1, math.ceil(count / MOST_BARS))
    for begin in range(0, count, width):
        end = min(begin + width, count)
        sums = [sum(item.values[i] for i in range(begin, end) if math.isfinite(item.values[i])) for item in series]
        parts.append(_bar(frame, begin, end, series, sums))
    parts += _segment_marks(frame, segments, shift=0.0)
    return _svg(title, note, parts)


def before_after_chart(
    title: str, kind: str, ids: Sequence[str], before: NDArray[np.float64], after: NDArray[np.float64]
) -> Markup:
    """A dot per image: its IoU before (x) and after (y); above the diagonal it gained. Near dots are drawn as one."""
    size, low, high = 270, 34, 258
    x, y = _scale(0, 1, low, high), _scale(0, 1, high - 14, 10)
    parts = [f'<path class="diagonal" d="M{x(0):.1f} {y(0):.1f}L{x(1):.1f} {y(1):.1f}"/>']
    for value in (0.0, 0.5, 1.0):
        parts.append(
            f'<path class="grid" d="M{x(0):.1f} {y(value):.1f}H{x(1):.1f}M{x(value):.1f} {y(0):.1f}V{y(1):.1f}"/>'
        )
        parts.append(_text(x(value), size - 10, f"{value:g}", "middle"))
        parts.append(_text(low - 6, y(value) + 4, f"{value:g}", "end"))
    together: dict[tuple[int, int], list[int]] = defaultdict(list)
    for i, (a, b) in enumerate(zip(before, after, strict=True)):
        together[round(50 * a), round(50 * b)].append(i)
    for _, members in sorted(together.items()):
        i = members[0]
        names = ", ".join(ids[m] for m in members[:3]) + (f" and {len(members) - 3} more" if len(members) > 3 else "")
        hover = f"{names}: {before[i]:.2f} → {after[i]:.2f}"
        radius = min(2.6 + 0.9 * (math.sqrt(len(members)) - 1), 9)
        parts.append(
            f'<circle class="dot {kind}" cx="{x(before[i]):.1f}" cy="{y(after[i]):.1f}" r="{radius:.1f}">'
            f"<title>{escape(hover)}</title></circle>"
        )
    return _svg(title, "", parts, size, size)


def _frame(series: Sequence[Series], count: int) -> tuple[_Frame, list[str]]:
    low, high, ticks, decimals = axis([v for item in series for v in item.values if math.isfinite(v)])
    frame = _Frame(
        _scale(0, max(count - 1, 1), LEFT + 8, WIDTH - RIGHT), _scale(low, high, HEIGHT - BOTTOM, TOP), WIDTH - RIGHT
    )
    parts = []
    for tick in ticks:
        parts.append(f'<path class="grid" d="M{LEFT} {frame.y(tick):.1f}H{WIDTH - RIGHT + 6}"/>')
        parts.append(_text(LEFT - 6, frame.y(tick) + 4, f"{tick:.{decimals}f}", "end"))
    return frame, parts


def axis(values: Sequence[float]) -> tuple[float, float, list[float], int]:
    """Range and three to six round ticks that hold all values, and the decimals that the ticks need."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if high - low < 1e-6:
        low, high = low - 0.05, high + 0.05
    rough = (high - low) / 4
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * k for k in (1, 2, 5, 10) if unit * k >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return first * step, last * step, [k * step for k in range(first, last + 1)], decimals


def _scale(low: float, high: float, begin: float, end: float) -> Callable[[float], float]:
    return lambda value: begin + (value - low) / (high - low) * (end - begin)


def _line(frame: _Frame, kind: str, points: Sequence[tuple[int, float]]) -> str:
    path, pen_down = "", False
    for i, value in points:
        if not math.isfinite(value):
            pen_down = False
            continue
        path += f"{'L' if pen_down else 'M'}{frame.x(i):.1f} {frame.y(value):.1f}"
        pen_down = True
    return f'<path class="line {kind}" d="{path}"/>' if path else ""


def _marker(x: float, y: float, kind: str, hover: str) -> str:
    shapes = {
        "teacher": f'<rect class="mark {kind}" x="{x - 3.5:.1f}" y="{y - 3.5:.1f}" width="7" height="7">',
        "sam": f'<path class="mark {kind}" d="M{x:.1f} {y - 4.6:.1f}l4.6 8.2h-9.2z">',
        "consensus": f'<path class="mark {kind}" d="M{x:.1f} {y - 4.8:.1f}l4.8 4.8l-4.8 4.8l-4.8 -4.8z">',
    }
    shape = shapes.get(kind, f'<circle class="mark {kind}" cx="{x:.1f}" cy="{y:.1f}" r="4">')
    return f"{shape}<title>{escape(hover)}</title></{shape[1:].split()[0]}>"


def _end_labels(frame: _Frame, series: Sequence[Series]) -> list[str]:
    ends = []
    for item in series:
        finite = [v for v in item.values if math.isfinite(v)]
        if finite:
            ends.append((frame.y(finite[-1]), finite[-1], item.kind))
    placed: list[tuple[float, float, str]] = []
    for y, value, kind in sorted(ends):
        floor = placed[-1][0] + LABEL_GAP if placed else TOP
        placed.append((max(y, floor), value, kind))
    overflow = placed[-1][0] - (HEIGHT - BOTTOM) if placed else 0.0
    lift = max(0.0, overflow)
    return [_text(frame.width + 9, y - lift + 4, f"{value:.3f}", "start", f"end {kind}") for y, value, kind in placed]


def _segment_marks(frame: _Frame, segments: Sequence[Segment], shift: float = 0.5) -> list[str]:
    parts, begin = [], 0
    crowded = len(segments) > 6
    for segment in segments:
        x = frame.x(begin - shift) if begin else frame.x(0)
        if begin:
            parts.append(f'<path class="border" d="M{x:.1f} {TOP - 4}V{HEIGHT - BOTTOM + 4}"/>')
        middle = frame.x(begin + segment.length / 2 - shift)
        label = short(segment.title) if not crowded else short(segment.title).split()[-1]
        parts.append(_text(middle, HEIGHT - 9, label, "middle"))
        begin += segment.length
    return parts


def _bar(frame: _Frame, begin: int, end: int, series: Sequence[Series], sums: Sequence[float]) -> str:
    total = sum(sums)
    if total <= 0:
        return ""
    x, width = frame.x(begin), frame.x(end) - frame.x(begin)
    gap = min(1.0, width / 5)
    base, parts = 0.0, []
    for item, value in zip(series, sums, strict=True):
        share = value / total
        if share > 0:
            top, bottom = frame.y(base + share), frame.y(base)
            parts.append(
                f'<rect class="{item.kind}" x="{x:.2f}" y="{top:.2f}" width="{width - gap:.2f}" '
                f'height="{bottom - top:.2f}"/>'
            )
        base += share
    hover = ", ".join(f"{item.name} {value:g}" for item, value in zip(series, sums, strict=True))
    when = f"epoch {begin + 1}" if end == begin + 1 else f"epochs {begin + 1}-{end}"
    return f"<g><title>{escape(f'{when}: {hover}')}</title>{''.join(parts)}</g>"


def _text(x: float, y: float, text: str, anchor: str, kind: str = "tick") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def short(label: str, very: bool = False) -> str:
    """A stop's title where there is little room, or very little."""
    label = label.replace("Initialization", "Init.")
    return label.replace("Warm-up", "Warm").replace("Round ", "R") if very else label


def _svg(title: str, note: str, parts: Sequence[str], width: int = WIDTH, height: int = HEIGHT) -> Markup:
    caption = f"<figcaption>{escape(title)}{f' <small>{escape(note)}</small>' if note else ''}</figcaption>"
    body = "".join(parts)
    return Markup(  # every text in it went through escape()
        f'<figure class="chart">{caption}<svg viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(title)}">{body}</svg></figure>'
    )
