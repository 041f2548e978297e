"""Stage 1 of the method: SAM's adapter on the labelled images only."""

from __future__ import annotations

from scaler.pipeline.command import Artifact, Output, Raw
from scaler.pipeline.job import Job, run

PARAMS = ("seed", "sam", "augmentation", "initialize_sam")


def main(job: Job, *, data: Artifact, val: Artifact, weights: Raw, out: Output) -> None:
    """Fine-tune the adapter; `weights` is sam.weights of params.yaml: an input, so that a new file counts as new."""
    from scaler.method.initialization import initialize_sam
    from scaler.training.checkpoints import write_sam
    from scaler.training.run import TrainingRun

    training = TrainingRun.open(job.params, "initialize_sam", data=data, val=val, steps=job.steps(out))
    model, log = initialize_sam(training)
    with job.hdf5(out, "sam") as file:
        write_sam(file, model, job.params.sam, log, training.shown_to_foundation, training.past)


if __name__ == "__main__":
    run(main)
