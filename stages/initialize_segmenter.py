"""Stage 1 of the method: the mean-teacher segmenter on the labelled images only."""

from __future__ import annotations

from scaler.pipeline.command import Artifact, Output
from scaler.pipeline.job import Job, run

PARAMS = ("seed", "segmenter", "mean_teacher", "augmentation", "initialize_segmenter")


def main(job: Job, *, data: Artifact, val: Artifact, out: Output) -> None:
    """Train student and teacher from random (or pre-trained) weights."""
    from scaler.method.initialization import initialize_segmenter
    from scaler.training.batches import load_split
    from scaler.training.checkpoints import write_segmenter
    from scaler.training.device import find_compute

    split = load_split(data)
    student, teacher, log = initialize_segmenter(job.params, split, load_split(val), find_compute(), job.steps(out))
    with job.hdf5(out, "segmenter") as file:
        write_segmenter(file, student, teacher, log, split.image.shape[1])


if __name__ == "__main__":
    run(main)
