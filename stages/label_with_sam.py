"""The SAM ensemble (eq 2-3): one shard of SAM's pseudo-labels, cached."""

from __future__ import annotations

from scaler.pipeline.command import Artifact, Labels, Output
from scaler.pipeline.job import Job, run

PARAMS = ("seed", "shards", "weighting", "sam", "label_with_sam")


def main(
    job: Job,
    *,
    round: int,
    shard: str,
    data: Artifact,
    sam: Artifact,
    segmenter_labels: Labels | None,
    out: Output,
) -> None:
    """Label the images of one shard with K augmented views each; the teacher's labels are for `sam.prompts`."""
    from scaler.artifacts.labels import write_labels
    from scaler.method.labelling import label_with_sam
    from scaler.training.batches import load_split
    from scaler.training.checkpoints import read_sam
    from scaler.training.cues import load_cues
    from scaler.training.device import find_compute

    compute = find_compute()
    model = compute.place(read_sam(sam, job.params.sam))
    split = load_split(data)
    cues = load_cues(job.params, split, segmenter_labels)
    labels = label_with_sam(job.params, split, model, compute, round, shard, cues)
    with job.hdf5(out, "sam_labels") as file:
        write_labels(file, labels.ids, labels.maps, labels.columns)


if __name__ == "__main__":
    run(main)
