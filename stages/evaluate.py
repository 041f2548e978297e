"""Judge segmenter, teacher and SAM of one round on the validation and the test split."""

from __future__ import annotations

from scaler.pipeline.command import Artifact, Output
from scaler.pipeline.job import Job, run

PARAMS = ("segmenter", "sam", "evaluate")


def main(job: Job, *, val: Artifact, test: Artifact, segmenter: Artifact, sam: Artifact, out: Output) -> None:
    """Predict at the models' size, score at native size; write metrics.json, per_image.csv, curves.csv beside `out`."""
    from scaler.artifacts.evaluation import PredictionWriter, write_scores
    from scaler.metrics.evaluation import Judged, evaluate_batches
    from scaler.metrics.scores import SIDECARS, sidecar_texts
    from scaler.progress import progress
    from scaler.training.checkpoints import read_sam, read_segmenter
    from scaler.training.device import find_compute
    from scaler.training.prediction import predict_batches
    from scaler.training.processes import leads
    from scaler.training.sets import load_split

    params, compute = job.params, find_compute()
    splits = {"val": load_split(val), "test": load_split(test)}
    side = splits["test"].image.shape[1]
    student, teacher = read_segmenter(segmenter, params.segmenter, side)
    foundation = read_sam(sam, params.sam)
    models = {name: compute.place(m) for name, m in (("segmenter", student), ("teacher", teacher), ("sam", foundation))}
    stretch, at_a_time = params.evaluate.stretch == "per_image", params.evaluate.batch_size
    scores, texts = {}, dict.fromkeys(SIDECARS, "")
    work = 2 * len(models) * sum(len(split.ids) for split in splits.values())
    with job.hdf5(out, "evaluation", texts) as file, progress(work, "evaluate", unit="image") as bar:
        for name, split in splits.items():
            batches = predict_batches(models, params.sam, split, compute, at_a_time, bar.update)
            kept = PredictionWriter(file, name, (len(split.ids), side, side))
            judged = Judged(split.ids, split.native_masks, stretch, split.set)
            scores[name] = evaluate_batches(judged, batches, kept.put, bar.update)
        if leads():  # and so has had all batches
            write_scores(file, scores)
            texts |= sidecar_texts(scores)


if __name__ == "__main__":
    run(main)
