"""The stops of a run, and how the rounds of mutual training are wired: which model learns from whose labels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from scaler.params.blocks import Block

INIT = "init"
WARM_UP = "warm_up"
LAST = "last"
"""The last round of a run, whatever its number, where a study names stops."""
Order = Literal["paper", "newest_first"]
"""The order of the two phases of a round.

- `paper`: Phase I of round k learns from the labels of SAM of k-1, then Phase II from those of the segmenter of k.
- `newest_first`: Phase II of round k learns from the labels of the segmenter of k-1, then Phase I from those of SAM
  of k. So round 1 does not repeat the warm-up's labels, and the last SAM still teaches the segmenter.
"""


class PhaseParams(Block):
    """What one phase of a round reads.

    Attributes:
        start: the stop whose model it continues from.
        labels: the stop whose labels it learns from: SAM's in Phase I, the segmenter's consensus labels in Phase II.
    """

    start: str
    labels: str


class StopParams(Block):
    """One stop of a run: the initialization, the warm-up, or a round.

    Attributes:
        sam: the stop whose SAM is the newest here; the warm-up has none of its own.
        phase_one: how the segmenter of a round is made.
        phase_two: how the SAM of a round is made.
    """

    sam: str
    phase_one: PhaseParams | None = None
    phase_two: PhaseParams | None = None


Stops = Mapping[str, StopParams]


def round_name(number: int) -> str:
    """`round_1` for 1."""
    return f"round_{number}"


def round_number(stop: str) -> int:
    """1 for `round_1`; 0 for everything else: the initialization, the warm-up, and what is no stop."""
    match = re.fullmatch(r"round_([1-9][0-9]*)", stop)
    return int(match[1]) if match else 0


def wiring(order: Order, count: int) -> dict[str, StopParams]:
    """The map `rounds` of `params.yaml` for a number of rounds."""
    rounds = {}
    for number in range(1, count + 1):
        own, before = round_name(number), round_name(number - 1)
        segmenter, sam = (WARM_UP, INIT) if number == 1 else (before, before)
        taught_by = (sam, own) if order == "paper" else (own, segmenter)
        rounds[own] = StopParams(
            sam=own,
            phase_one=PhaseParams(start=segmenter, labels=taught_by[0]),
            phase_two=PhaseParams(start=sam, labels=taught_by[1]),
        )
    return rounds


def stop_maps(rounds: Stops) -> tuple[dict[str, StopParams], dict[str, StopParams]]:
    """The maps `stops` and `sam_stops` that belong to `rounds`: all stops, and those with a SAM of their own."""
    first = StopParams(sam=INIT)
    return {INIT: first, WARM_UP: first, **rounds}, {INIT: first, **rounds}


def order_of(rounds: Stops, stops: Stops, sam_stops: Stops) -> Order:
    """The order that the three maps of `params.yaml` describe.

    Raises:
        ValueError: they describe none, or do not fit together; the message shows the right lines.
    """
    orders: tuple[Order, ...] = get_args(Order)
    order = next((name for name in orders if dict(rounds) == wiring(name, len(rounds))), None)
    if order is None:
        shown = "\n".join(f"{name}:\n{_lines(wiring(name, max(1, len(rounds))))}" for name in orders)
        raise ValueError(
            f"rounds: the wiring of {', '.join(rounds) or 'no round'} is in neither of the two orders. "
            f"Expected the lines of one of them:\n{shown}"
        )
    if (dict(stops), dict(sam_stops)) != stop_maps(rounds):
        raise ValueError(
            "stops and sam_stops must hold the rounds and what comes before them. Expected the lines\n"
            "stops: {init: {sam: init}, warm_up: {sam: init}, <<: *rounds}\n"
            "sam_stops: {init: {sam: init}, <<: *rounds}\n"
            "and `rounds: &rounds` above them"
        )
    return order


def _lines(rounds: Stops) -> str:
    return "\n".join(f"  {name}: {_line(stop)}" for name, stop in rounds.items())


def _line(stop: StopParams) -> str:
    """One round as it is written in `params.yaml`."""
    phases: Iterable[tuple[str, PhaseParams | None]] = (("phase_one", stop.phase_one), ("phase_two", stop.phase_two))
    parts = [f"{name}: {{start: {phase.start}, labels: {phase.labels}}}" for name, phase in phases if phase]
    return "{" + ", ".join([*parts, f"sam: {stop.sam}"]) + "}"
