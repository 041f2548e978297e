"""Read the data set, check it, split it, choose what is labelled, and bring all to one size."""

from __future__ import annotations

from scaler.pipeline.command import Output, Raw
from scaler.pipeline.job import Job, run

PARAMS = ("seed", "prepare_data")


def main(job: Job, *, source: Raw, train: Output, val: Output, test: Output, truth: Output) -> None:
    """Write the three splits, and the training images' truth apart from them: no training stage ever opens it.

    Every file is checked first, as by `python -m scaler check`: errors stop here, warnings go to the log.
    """
    from scaler.artifacts.names import LEFT_OUT
    from scaler.data.checks.examine import examine
    from scaler.data.checks.summary import summary
    from scaler.data.dataset import prepare
    from scaler.errors import fault_table
    from scaler.laboratory.dataset import generate
    from scaler.progress import log

    examination = examine(source, job.params.prepare_data, seed=job.params.seed)
    log.info(summary(examination, full=True))
    examination.faults.raise_if_errors()
    left_out = {LEFT_OUT: ""} if job.params.prepare_data.skip_broken else {}
    with (
        job.hdf5(train, "data", left_out) as train_file,
        job.hdf5(val, "data") as val_file,
        job.hdf5(test, "data") as test_file,
        job.hdf5(truth, "truth") as truth_file,
    ):
        files = {"train": train_file, "val": val_file, "test": test_file, "truth": truth_file}
        faults = prepare(source, job.params.prepare_data, job.params.seed, files, generate=generate)
        if left_out:
            left_out[LEFT_OUT] = fault_table(faults)


if __name__ == "__main__":
    run(main)
