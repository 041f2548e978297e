# Evaluation of every stop of the run, and the pages.


rule evaluate:
    input:
        val="results/data/val.h5",
        test="results/data/test.h5",
        segmenter="results/stops/{stop}/segmenter.h5",
        sam=lambda wildcards: f"results/stops/{stop(wildcards.stop).sam}/sam.h5",
    output:
        evaluation=update("results/stops/{stop}/evaluation.h5"),
        metrics=update("results/stops/{stop}/metrics.json"),
        per_image=update("results/stops/{stop}/per_image.csv"),
        curves=update("results/stops/{stop}/curves.csv"),
    log:
        ".scaler/logs/results__stops__{stop}__evaluation.h5.log",
    conda:
        "../../environment.yml"
    threads: CORES_PER_JOB
    resources:
        gpu=1,
    params:
        devices=devices,
    shell:
        "{params.devices}python -m stages.evaluate --val {input.val} --test {input.test}"
        " --segmenter {input.segmenter} --sam {input.sam} --out {output.evaluation}"


rule report:
    input:
        results=[path.as_posix() for path in result_files(Path("results"), PARAMS)],
    output:
        page=report(
            update("results/report.html"),
            caption="../report/report.rst",
            category="Result",
            labels={"page": "what the two models taught each other"},
        ),
        metrics=update("results/metrics.json"),
        rounds=update("results/rounds.csv"),
        training=update("results/training.csv"),
        iou=update("results/iou.csv"),
        f_measure=update("results/f_measure.csv"),
        cold_start=update("results/cold_start.csv"),
    log:
        ".scaler/logs/results__report.html.log",
    conda:
        "../../environment.yml"
    shell:
        "python -m stages.report --results results --out {output.page}"


rule inspection:
    input:
        results=[path.as_posix() for path in result_files(Path("results"), PARAMS)],
    output:
        in_report(
            update(directory("results/inspection")),
            htmlindex="index.html",
            caption="../report/inspection.rst",
            category="Result",
            labels={"page": "every image, every round"},
        ),
    log:
        ".scaler/logs/results__inspection__index.html.log",
    conda:
        "../../environment.yml"
    shell:
        "python -m stages.inspection --results results --out {output}/index.html"
