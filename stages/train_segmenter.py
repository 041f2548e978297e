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
    from scaler.training.batches import load_labels, load_split
    from scaler.training.checkpoints import read_segmenter, write_segmenter
    from scaler.training.device import find_compute

    params, split = job.params, load_split(data)
    pair = read_segmenter(segmenter, params.segmenter, split.image.shape[1])
    pool = load_labels(sam_labels, params.shards, "sam_labels", "probability", split.ids)
    student, teacher, log = train_segmenter(
        params,
        params.train_segmenter,
        pair,
        split,
        load_split(val),
        pool,
        find_compute(),
        ("train_segmenter", round_number(round)),
        job.steps(out),
    )
    with job.hdf5(out, "segmenter") as file:
        write_segmenter(file, student, teacher, log, split.image.shape[1])


if __name__ == "__main__":
    run(main)
