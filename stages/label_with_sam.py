"""The SAM ensemble (eq 2-3): one shard of SAM's pseudo-labels, cached."""

from __future__ import annotations

from scaler.pipeline.command import Artifact, Output
from scaler.pipeline.job import Job, run

PARAMS = ("seed", "shards", "weighting", "sam", "label_with_sam")


def main(job: Job, *, stop: str, shard: str, data: Artifact, sam: Artifact, out: Output) -> None:
    """Label the images of one shard with K augmented views each.

    Where `sam.prompts` asks for the teacher's, they are made from the labels that this SAM learned from. Its header
    names them, and they are part of its fingerprint; at the initialization there are none, and SAM is not prompted.
    """
    from scaler.artifacts.header import input_folder
    from scaler.artifacts.labels import write_labels
    from scaler.method.labelling import label_with_sam
    from scaler.params import round_number
    from scaler.training.checkpoints import read_sam
    from scaler.training.device import find_compute
    from scaler.training.prompting import load_cues
    from scaler.training.sets import load_split

    compute = find_compute()
    model = compute.place(read_sam(sam, job.params.sam))
    split = load_split(data)
    cues = load_cues(job.params, split, input_folder(sam, "segmenter_labels"))
    labels = label_with_sam(job.params, split, model, compute, (round_number(stop), shard), cues)
    with job.hdf5(out, "sam_labels") as file:
        write_labels(file, labels)


if __name__ == "__main__":
    run(main)
