"""The SAM ensemble (eq 2-3): one shard of SAM's pseudo-labels, cached."""

from __future__ import annotations

from scaler.pipeline.command import Artifact, Output
from scaler.pipeline.job import Job, run

PARAMS = ("seed", "shards", "weighting", "sam", "label_with_sam")


def main(job: Job, *, round: int, shard: str, data: Artifact, sam: Artifact, out: Output) -> None:
    """Label the images of one shard with K augmented views each."""
    from scaler.artifacts.layout import write_labels
    from scaler.batches import load_split
    from scaler.checkpoints import read_sam
    from scaler.device import find_compute
    from scaler.labelling import label_with_sam

    compute = find_compute()
    model = compute.place(read_sam(sam, job.params.sam))
    labels = label_with_sam(job.params, load_split(data), model, compute, round, shard)
    with job.hdf5(out, "sam_labels") as file:
        write_labels(file, labels.ids, labels.maps, labels.columns)


if __name__ == "__main__":
    run(main)
