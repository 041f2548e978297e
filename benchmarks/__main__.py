"""`python -m benchmarks [NAME [its options]]`: one benchmark, or all that compare with a peer.

Those with a peer are metrics, evaluation, attention, encoder, steps and labels; they take about a quarter of an hour.
The others have a name only: budget, cost, memory, streaming, agreement, inspection, laboratory_seeds.
`python -m benchmarks NAME --help` lists the options of one.
"""

from __future__ import annotations

import importlib
import sys

WITH_PEER = ("metrics", "evaluation", "attention", "encoder", "steps", "labels")
ALONE = ("budget", "cost", "memory", "streaming", "agreement", "inspection", "laboratory_seeds")


def main(arguments: list[str]) -> None:
    """Run the benchmark that the first argument names; without arguments all that have a peer."""
    names = arguments[:1] or list(WITH_PEER)
    if names[0] not in WITH_PEER + ALONE:
        asked_for_help = names[0] in ("-h", "--help")
        print(__doc__ if asked_for_help else f"{names[0]}: expected one of {', '.join(WITH_PEER + ALONE)}")
        sys.exit(0 if asked_for_help else 2)
    for name in names:
        print(f"\n## {name}\n", flush=True)
        importlib.import_module(f"benchmarks.{name}").main(arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
