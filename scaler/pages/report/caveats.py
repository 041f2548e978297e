"""What a reader should know before trusting a run."""

from __future__ import annotations

from scaler.artifacts.run import TrainingLog
from scaler.pages.report.training import branch_totals
from scaler.pages.table import Measured

CONFIDENT = 0.8
WRONG = 0.3


def find_warnings(measured: Measured, logs: list[TrainingLog]) -> list[str]:
    """Sentences, the gravest first; an empty list when nothing stands out."""
    labels = [check(measured) for check in (_cold_start, _confident_and_wrong, _labels_decay)]
    return [sentence for found in (*labels, _branches(measured, logs), _setup(measured)) for sentence in found]


def _branches(measured: Measured, logs: list[TrainingLog]) -> list[str]:
    totals = branch_totals(logs)
    everything = sum(totals.values())
    if not everything:
        return ["Phase I saw no unlabelled image: no pseudo-label was used."]
    found = []
    limit = measured.params.get("weighting", {}).get("difficult_entropy")
    if totals["difficult"] == 0 and limit is not None:  # None: this branch is switched off
        found.append(
            f"The difficult branch (eq 9-10) was never taken: no label reached E ≥ {limit} "
            "(weighting.difficult_entropy). That is usual when E is the mean over all pixels; "
            "weighting.entropy_region: foreground takes it near the object."
        )
    for name, total in totals.items():
        if total > 0.95 * everything:
            share = 100 * total / everything
            found.append(f"Nearly every image took the {name} branch ({share:.1f} % over all epochs of Phase I).")
    return found


def _cold_start(measured: Measured) -> list[str]:
    stops = measured.labelled_stops()
    if not stops:
        return []
    table = measured.at[stops[-1].name]
    empty = [
        row for row in measured.learning() if table["teacher_components"][row] == table["sam_components"][row] == 0
    ]
    if not empty:
        return []
    text = (
        f"Both models see nothing in {_images(len(empty))} of the training set at the end (cold start): "
        "there they can only confirm each other."
    )
    wrongly = sum(bool(measured.images["truth_area"][row]) for row in empty)
    return [text + (f" {wrongly} of them {'shows' if wrongly == 1 else 'show'} an object." if wrongly else "")]


def _confident_and_wrong(measured: Measured) -> list[str]:
    stops = measured.labelled_stops()
    if not stops:
        return []
    table = measured.at[stops[-1].name]
    wrong = [
        row
        for row in measured.judged()
        if table["teacher_weight"][row] >= CONFIDENT and table["teacher_truth"][row] < WRONG
    ]
    if not wrong:
        return []
    return [
        f"In {_images(len(wrong))} the teacher's label has a high weight (w ≥ {CONFIDENT}) and is wrong "
        f"(IoU < {WRONG}): eq 4 cannot see such errors."
    ]


def _labels_decay(measured: Measured) -> list[str]:
    stops, rows = measured.labelled_stops(), measured.judged()
    if len(stops) < 2 or not rows:
        return []
    names = {"sam": "SAM's labels", "teacher": "The teacher's labels", "consensus": "The consensus labels"}
    found = []
    for source, title in names.items():
        first, last = (measured.mean(stops[i], f"{source}_truth", rows) or 0.0 for i in (0, -1))
        if last < first - 0.005:
            found.append(
                f"{title} fit the truth less well at the end (IoU {last:.3f}) "
                f"than after the {stops[0].title.lower()} ({first:.3f})."
            )
    return found


def _setup(measured: Measured) -> list[str]:
    found = []
    params = measured.params
    if params.get("train_sam", {}).get("epochs") == 0:
        found.append("train_sam.epochs is 0: teaching goes one way, and SAM never learns.")
    if params.get("evaluate", {}).get("stretch") == "per_image":
        found.append(
            "Each prediction was stretched to [0, 1] before it was scored (evaluate.stretch: per_image): "
            "compare these figures with stretched ones only."
        )
    empty = [measured.images["truth_area"][row] for row in measured.run.rows("test")].count(0)
    if empty:
        found.append(
            f"{_images(empty)} of the test split {'has' if empty == 1 else 'have'} no object: "
            "there, IoU and F are 1 where nothing is found, and 0 where anything is."
        )
    if not measured.judged():
        found.append(
            "The truth of the training images is not known, so the quality of the pseudo-labels is not judged."
        )
    return found


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"
