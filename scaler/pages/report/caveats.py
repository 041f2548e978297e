"""What a reader should know before trusting a run."""

from __future__ import annotations

import numpy as np

from scaler.metrics.overlap import binarize, iou
from scaler.pages.report.inputs import ReportInputs
from scaler.pages.report.quality import label_quality, pseudo_labelled
from scaler.pages.report.tables import BRANCHES

PHASE_ONE = ("warm_up", "train_segmenter")
CONFIDENT = 0.8
WRONG = 0.3


def find_warnings(inputs: ReportInputs) -> list[str]:
    """Sentences, the gravest first; an empty list when nothing stands out."""
    checks = (_cold_start, _confident_and_wrong, _labels_decay, _branches, _setup)
    return [sentence for check in checks for sentence in check(inputs)]


def branch_totals(inputs: ReportInputs) -> dict[str, int]:
    """How many images took each branch, summed over every epoch of Phase I."""
    logs = [log.columns for log in inputs.training if log.stage in PHASE_ONE]
    return {
        name: int(sum(float(np.nansum(columns[f"n_{name}"])) for columns in logs if f"n_{name}" in columns))
        for name in BRANCHES
    }


def _branches(inputs: ReportInputs) -> list[str]:
    totals = branch_totals(inputs)
    everything = sum(totals.values())
    if not everything:
        return ["Phase I saw no unlabelled image: no pseudo-label was used."]
    found = []
    if totals["difficult"] == 0:
        limit = inputs.params.get("weighting", {}).get("difficult_entropy")
        reached = "the threshold" if limit is None else f"E ≥ {limit}"
        found.append(
            f"The difficult branch (eq 9-10) never fired: no label reached {reached} (weighting.difficult_entropy). "
            "That is usual with the mean over all pixels; weighting.entropy_region: foreground looks near the object."
        )
    for name in BRANCHES:
        if totals[name] > 0.95 * everything:
            share = 100 * totals[name] / everything
            found.append(f"Nearly every image took the {name} branch ({share:.1f} % over all epochs of Phase I).")
    return found


def _cold_start(inputs: ReportInputs) -> list[str]:
    quality = label_quality(inputs)
    if not quality or not quality[-1].empty:
        return []
    last = quality[-1]
    text = (
        f"Both models see nothing in {_images(last.empty)} of the training set at the end (cold start): "
        "there they can only confirm each other."
    )
    if last.empty_wrongly:
        text += f" In {last.empty_wrongly} of them there is an object."
    return [text]


def _confident_and_wrong(inputs: ReportInputs) -> list[str]:
    labels, train = inputs.rounds[-1].segmenter_labels, inputs.train
    if labels is None:
        return []
    judged = pseudo_labelled(train) & train.known
    wrong = (
        judged
        & (labels.columns["weight"] >= CONFIDENT)
        & (iou(binarize(labels.maps["teacher"]), train.mask > 0) < WRONG)
    )
    if not wrong.any():
        return []
    return [
        f"In {_images(int(wrong.sum()))} the teacher's label has a high weight (w ≥ {CONFIDENT}) and is wrong "
        f"(IoU < {WRONG}): eq 4 cannot see such errors."
    ]


def _labels_decay(inputs: ReportInputs) -> list[str]:
    quality = label_quality(inputs)
    names = {"sam": "SAM's labels", "teacher": "The teacher's labels", "consensus": "The consensus labels"}
    return [
        f"{title} fit the truth less well at the end (IoU {quality[-1].iou[name]:.3f}) "
        f"than after the warm-up ({quality[0].iou[name]:.3f})."
        for name, title in names.items()
        if len(quality) > 1 and quality[-1].iou[name] < quality[0].iou[name] - 0.005
    ]


def _setup(inputs: ReportInputs) -> list[str]:
    found = []
    if inputs.params.get("train_sam", {}).get("epochs") == 0:
        found.append("train_sam.epochs is 0: a one-way run, in which SAM never learns.")
    if inputs.params.get("evaluate", {}).get("stretch") == "per_image":
        found.append(
            "Each prediction was stretched to [0, 1] before it was scored (evaluate.stretch: per_image): "
            "compare these figures with stretched ones only."
        )
    empty = int((~inputs.test.mask.any(axis=(1, 2))).sum())
    if empty:
        found.append(
            f"{_images(empty)} of the test split {'has' if empty == 1 else 'have'} no object: "
            "every F-measure is 0 there whatever is predicted."
        )
    if not (pseudo_labelled(inputs.train) & inputs.train.known).any():
        found.append("The truth of the training images is not known: the quality of the pseudo-labels is not judged.")
    return found


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"
