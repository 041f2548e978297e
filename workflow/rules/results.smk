# Evaluation of every stop of the run, and the report.

EVALUATE_INITIALIZATION = (
    f"python -m stages.evaluate --val {VAL} --test {TEST}"
    " --segmenter results/init/segmenter.h5 --sam results/rounds/0/sam.h5"
    " --out results/init/evaluation.h5"
)
EVALUATE = (
    f"python -m stages.evaluate --val {VAL} --test {TEST}"
    " --segmenter results/rounds/{round}/segmenter.h5 --sam results/rounds/{round}/sam.h5"
    " --out results/rounds/{round}/evaluation.h5"
)
INSPECTION = (
    "python -m stages.inspection --results results --out results/inspection/index.html"
)
REPORT = "python -m stages.report --results results --out results/report.html"


rule evaluate_initialization:
    input:
        needs(
            EVALUATE_INITIALIZATION,
            VAL,
            TEST,
            "results/init/segmenter.h5",
            "results/rounds/0/sam.h5",
        ),
        state=state_of(EVALUATE_INITIALIZATION),
    output:
        update("results/init/evaluation.h5"),
        update("results/init/metrics.json"),
        update("results/init/per_image.csv"),
        update("results/init/curves.csv"),
    log:
        ".scaler/logs/results__init__evaluation.h5.log",
    conda:
        "../../environment.yml"
    threads: CORES_PER_JOB
    resources:
        gpu=1,
    params:
        command=command(EVALUATE_INITIALIZATION),
    shell:
        "{params.command}"


rule evaluate:
    input:
        needs(
            EVALUATE,
            VAL,
            TEST,
            "results/rounds/{round}/segmenter.h5",
            "results/rounds/{round}/sam.h5",
        ),
        state=state_of(EVALUATE),
    output:
        update("results/rounds/{round}/evaluation.h5"),
        update("results/rounds/{round}/metrics.json"),
        update("results/rounds/{round}/per_image.csv"),
        update("results/rounds/{round}/curves.csv"),
    log:
        ".scaler/logs/results__rounds__{round}__evaluation.h5.log",
    conda:
        "../../environment.yml"
    threads: CORES_PER_JOB
    resources:
        gpu=1,
    params:
        command=command(EVALUATE),
    shell:
        "{params.command}"


rule report:
    input:
        needs(
            REPORT,
            *[path.as_posix() for path in result_files(Path("results"), PARAMS)],
        ),
        state=state_of(REPORT),
    output:
        report(
            update("results/report.html"),
            caption="../report/report.rst",
            category="Result",
            labels={"page": "what the two models taught each other"},
        ),
        update("results/metrics.json"),
        update("results/rounds.csv"),
        update("results/training.csv"),
        update("results/iou.csv"),
        update("results/f_measure.csv"),
        update("results/cold_start.csv"),
    log:
        ".scaler/logs/results__report.html.log",
    conda:
        "../../environment.yml"
    params:
        command=command(REPORT),
    shell:
        "{params.command}"


rule inspection:
    input:
        needs(
            INSPECTION,
            *[path.as_posix() for path in result_files(Path("results"), PARAMS)],
        ),
        state=state_of(INSPECTION),
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
    params:
        command=command(INSPECTION),
    shell:
        "{params.command}"
