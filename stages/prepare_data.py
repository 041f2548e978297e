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
    from scaler.artifacts.splits import write_data, write_truth
    from scaler.data.checks.examine import examine
    from scaler.data.checks.summary import summary
    from scaler.data.dataset import prepare
    from scaler.errors import fault_table
    from scaler.laboratory.dataset import generate
    from scaler.progress import log

    examination = examine(source, job.params.prepare_data, seed=job.params.seed)
    log.info(summary(examination, full=True))
    examination.faults.raise_if_errors()
    prepared = prepare(source, job.params.prepare_data, job.params.seed, generate=generate)
    left_out = {LEFT_OUT: fault_table(prepared.left_out)} if job.params.prepare_data.skip_broken else {}
    for split, out, sidecars in ((prepared.train, train, left_out), (prepared.val, val, {}), (prepared.test, test, {})):
        with job.hdf5(out, "data", sidecars) as file:
            write_data(file, split)
    with job.hdf5(truth, "truth") as file:
        write_truth(file, prepared.truth.ids, prepared.truth.mask, prepared.truth.known)


if __name__ == "__main__":
    run(main)
