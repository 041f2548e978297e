"""Stage 3 of the method, Phase I of a round: the segmenter learns from its teacher and from SAM's labels."""

from __future__ import annotations

from scaler.pipeline.command import Artifact, Labels, Output
from scaler.pipeline.job import Job, run

PARAMS = (
    "seed",
    "shards",
    "segmenter",
    "mean_teacher",
    "augmentation",
    "weighting",
    "cold_start",
    "phase_one",
    "train_segmenter",
)


def main(
    job: Job, *, round: str, data: Artifact, val: Artifact, segmenter: Artifact, sam_labels: Labels, out: Output
) -> None:
    """Run Phase I (eq 1, 4-15) from the given student and teacher."""
    from scaler.method.phase_one import train_segmenter
    from scaler.params import round_number
    from scaler.training.checkpoints import read_segmenter, write_segmenter
    from scaler.training.run import TrainingRun
    from scaler.training.sets import load_column, load_labels

    number = round_number(round)
    training = TrainingRun.open(
        job.params, "train_segmenter", data=data, val=val, steps=job.steps(out), round=number, start=segmenter
    )
    pair = read_segmenter(segmenter, job.params.segmenter, training.size)
    pool = load_labels(sam_labels, job.params.shards, "sam_labels", "probability", training.data.ids)
    agreement = load_column(sam_labels, job.params.shards, "sam_labels", "agreement", training.data.ids)
    pair, log = train_segmenter(training, pair, pool, agreement)
    with job.hdf5(out, "segmenter") as file:
        write_segmenter(file, *pair, log, training.shown, training.past)


if __name__ == "__main__":
    run(main)
