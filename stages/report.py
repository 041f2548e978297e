"""One page that shows what the two models taught each other."""

from __future__ import annotations

from scaler.pipeline.command import Output, Results
from scaler.pipeline.job import Job, run

PARAMS = ("rounds", "shards", "evaluate", "report")


def main(job: Job, *, results: Results, out: Output) -> None:
    """Read every round named in params.yaml; the tables of `scaler.pages.report.tables` are written beside `out`."""
    from scaler.artifacts.run import Run
    from scaler.pages.report.page import build_report
    from scaler.pages.report.tables import sidecar_texts
    from scaler.pages.table import measure
    from scaler.progress import progress

    with Run(results, list(job.params.rounds), job.params.shards) as whole:
        with progress(len(whole.ids), "measuring", unit="image") as bar:
            measured = measure(whole, bar.update)
        logs = whole.training_logs()
        page = build_report(measured, logs, job.params.report.images)
        job.html(out, "report", page, sidecar_texts(measured, logs).items())


if __name__ == "__main__":
    run(main)
