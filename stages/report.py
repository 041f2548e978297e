"""One page that tells what the two models taught each other."""

from __future__ import annotations

from scaler.pipeline.command import Output, Results
from scaler.pipeline.job import Job, run

PARAMS = ("rounds", "shards", "evaluate", "report")


def main(job: Job, *, results: Results, out: Output) -> None:
    """Gather every round named in params.yaml; the tables of `scaler.pages.report.tables` lie beside `out`."""
    from scaler.pages.report.gather import gather
    from scaler.pages.report.page import build_report
    from scaler.pages.report.tables import sidecar_texts

    inputs = gather(results, job.params)
    job.html(out, "report", build_report(inputs), sidecar_texts(inputs).items())


if __name__ == "__main__":
    run(main)
