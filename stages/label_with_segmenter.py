"""The consensus label P_G of teacher and student: one shard of the segmenter's pseudo-labels, cached."""

from __future__ import annotations

from scaler.pipeline.command import Artifact, Output
from scaler.pipeline.job import Job, run

PARAMS = ("shards", "weighting", "segmenter", "label_with_segmenter")


def main(job: Job, *, shard: str, data: Artifact, segmenter: Artifact, out: Output) -> None:
    """Label the images of one shard, each as it is (no augmentation)."""
    from scaler.artifacts.labels import write_labels
    from scaler.method.labelling import label_with_segmenter
    from scaler.training.checkpoints import read_segmenter
    from scaler.training.device import find_compute
    from scaler.training.sets import load_split

    compute = find_compute()
    split = load_split(data)
    student, teacher = read_segmenter(segmenter, job.params.segmenter, split.image.shape[1])
    pair = (compute.place(student), compute.place(teacher))
    labels = label_with_segmenter(job.params, split, pair, compute, shard)
    with job.hdf5(out, "segmenter_labels") as file:
        write_labels(file, labels)


if __name__ == "__main__":
    run(main)
