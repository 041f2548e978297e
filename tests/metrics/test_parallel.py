from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from scaler.metrics.parallel import AHEAD, map_in_order


def test_results_come_in_the_order_of_the_items() -> None:
    first_waits = threading.Event()

    def slow_first(item: int) -> int:
        if item == 0:
            first_waits.wait(0.2)
        return item * item

    assert list(map_in_order(slow_first, range(50))) == [item * item for item in range(50)]


def test_items_are_taken_only_a_few_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1})
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(1000):
            taken.append(item)
            yield item

    results = map_in_order(str, items())
    assert next(results) == "0"
    assert len(taken) <= 2 * AHEAD
    results.close()  # type: ignore[attr-defined]


def test_an_error_is_raised_in_its_turn() -> None:
    def fails_at_three(item: int) -> int:
        if item == 3:
            raise ValueError("three")
        return item

    results = map_in_order(fails_at_three, range(10))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)
