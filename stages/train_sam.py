"""Stage 3 of the method, Phase II of a round: SAM's adapter learns from the segmenter's consensus labels."""

from __future__ import annotations

from scaler.pipeline.command import Artifact, Labels, Output
from scaler.pipeline.job import Job, run

PARAMS = ("seed", "shards", "sam", "augmentation", "weighting", "train_sam")


def main(
    job: Job, *, round: str, data: Artifact, val: Artifact, sam: Artifact, segmenter_labels: Labels, out: Output
) -> None:
    """Run Phase II (eq 16-19) from the given adapter."""
    from scaler.method.phase_two import train_sam
    from scaler.params import round_number
    from scaler.training.checkpoints import read_sam, write_sam
    from scaler.training.prompting import load_cues
    from scaler.training.run import TrainingRun
    from scaler.training.sets import load_labels

    params = job.params
    training = TrainingRun.open(
        params, "train_sam", data=data, val=val, steps=job.steps(out), round=round_number(round), start=sam
    )
    pool = load_labels(segmenter_labels, params.shards, "segmenter_labels", "probability", training.data.ids)
    cues = load_cues(params, training.data, segmenter_labels)
    model, log = train_sam(training, read_sam(sam, params.sam), pool, cues)
    with job.hdf5(out, "sam") as file:
        write_sam(file, model, params.sam, log, training.shown_to_foundation, training.past)


if __name__ == "__main__":
    run(main)
