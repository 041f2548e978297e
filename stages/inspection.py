"""The inspection page: every image of every round, to be opened by double click."""

from __future__ import annotations

from scaler.pipeline.command import Output, Results
from scaler.pipeline.job import Job, run

PARAMS = ("rounds", "shards", "inspection")


def main(job: Job, *, results: Results, out: Output) -> None:
    """Measure every round named in params.yaml; everything that the page loads is written beside `out`."""
    from scaler.artifacts.run import Run
    from scaler.pages.assets import PAGE
    from scaler.pages.inspection.bake import INDEX, remove_others, side_files
    from scaler.pages.inspection.content import Content
    from scaler.progress import progress

    run_ = Run(results, list(job.params.rounds), job.params.shards)
    with progress(len(run_.ids), "measuring", unit="image") as bar:
        content = Content(run_, job.params.inspection.tile, bar.update)
        content.value("images")
    with progress(sum(1 for _ in content.all_keys()), "pictures and tables", unit="file") as bar:
        job.html(out, "inspection", (PAGE / INDEX).read_text(encoding="utf-8"), side_files([content], bar.update))
    remove_others(out.parent, [content])


if __name__ == "__main__":
    run(main)
