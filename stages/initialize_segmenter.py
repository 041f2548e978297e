"""Stage 1 of the method: the mean-teacher segmenter on the labelled images only."""

from __future__ import annotations

from scaler.pipeline.command import Artifact, Output
from scaler.pipeline.job import Job, run

PARAMS = ("seed", "segmenter", "mean_teacher", "augmentation", "initialize_segmenter")


def main(job: Job, *, data: Artifact, val: Artifact, out: Output) -> None:
    """Train student and teacher from random (or pre-trained) weights."""
    from scaler.method.initialization import initialize_segmenter
    from scaler.training.checkpoints import write_segmenter
    from scaler.training.run import TrainingRun

    training = TrainingRun.open(job.params, "initialize_segmenter", data=data, val=val, steps=job.steps(out))
    pair, log = initialize_segmenter(training)
    with job.hdf5(out, "segmenter") as file:
        write_segmenter(file, *pair, log, training.shown, training.past)


if __name__ == "__main__":
    run(main)
