"""Judge segmenter, teacher and SAM of one round on the validation and the test split."""

from __future__ import annotations

from scaler.pipeline.command import Artifact, Output
from scaler.pipeline.job import Job, run

PARAMS = ("segmenter", "sam", "evaluate")


def main(job: Job, *, val: Artifact, test: Artifact, segmenter: Artifact, sam: Artifact, out: Output) -> None:
    """Predict at the models' size, score at native size; write metrics.json, per_image.csv, curves.csv beside `out`."""
    from scaler.artifacts.evaluation import write_scores
    from scaler.metrics.evaluation import evaluate_split
    from scaler.metrics.scores import sidecar_texts
    from scaler.progress import progress
    from scaler.training.checkpoints import read_sam, read_segmenter
    from scaler.training.device import find_compute
    from scaler.training.prediction import predict_all
    from scaler.training.sets import load_split

    params, compute = job.params, find_compute()
    splits = {"val": load_split(val), "test": load_split(test)}
    student, teacher = read_segmenter(segmenter, params.segmenter, splits["test"].image.shape[1])
    foundation = read_sam(sam, params.sam)
    models = {name: compute.place(m) for name, m in (("segmenter", student), ("teacher", teacher), ("sam", foundation))}
    scores = {}
    with progress(2 * len(models) * sum(len(split.ids) for split in splits.values()), "evaluate", unit="image") as bar:
        for name, split in splits.items():
            predictions = predict_all(models, params.sam, split, compute, params.evaluate.batch_size, bar.update)
            stretch = params.evaluate.stretch == "per_image"
            scores[name] = evaluate_split(
                split.ids, predictions, split.native_masks, stretch=stretch, sets=split.set, advance=bar.update
            )
    with job.hdf5(out, "evaluation", sidecar_texts(scores)) as file:
        write_scores(file, scores)


if __name__ == "__main__":
    run(main)
