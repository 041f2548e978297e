# Stage 2, the warm-up, and stage 3, the rounds: Phase I (train_segmenter) and Phase II (train_sam).

WARM_UP = (
    f"python -m stages.warm_up --data {TRAIN} --val {VAL}"
    " --segmenter results/init/segmenter.h5"
    " --sam-labels results/rounds/0/sam_labels"
    " --out results/rounds/0/segmenter.h5"
)
TRAIN_SEGMENTER = (
    "python -m stages.train_segmenter --round {round}"
    f" --data {TRAIN} --val {VAL}"
    " --segmenter results/rounds/{prev}/segmenter.h5"
    " --sam-labels results/rounds/{prev}/sam_labels"
    " --out results/rounds/{round}/segmenter.h5"
)
TRAIN_SAM = (
    "python -m stages.train_sam --round {round}"
    f" --data {TRAIN} --val {VAL}"
    " --sam results/rounds/{prev}/sam.h5"
    " --segmenter-labels results/rounds/{round}/segmenter_labels"
    " --out results/rounds/{round}/sam.h5"
)
LATER_ROUND = "[1-9][0-9]*"


rule warm_up:
    input:
        needs(
            WARM_UP,
            TRAIN,
            VAL,
            "results/init/segmenter.h5",
            "results/rounds/0/sam_labels/shard_{shards}.h5",
        ),
        state=state_of(WARM_UP),
    output:
        update("results/rounds/0/segmenter.h5"),
    log:
        ".scaler/logs/results__rounds__0__segmenter.h5.log",
    conda:
        "../../environment.yml"
    threads: CORES_PER_JOB
    resources:
        gpu=1,
    params:
        command=command(WARM_UP),
    shell:
        "{params.command}"


rule train_segmenter:
    input:
        needs(
            TRAIN_SEGMENTER,
            TRAIN,
            VAL,
            "results/rounds/{prev}/segmenter.h5",
            "results/rounds/{prev}/sam_labels/shard_{shards}.h5",
        ),
        state=state_of(TRAIN_SEGMENTER),
    output:
        update("results/rounds/{round}/segmenter.h5"),
    log:
        ".scaler/logs/results__rounds__{round}__segmenter.h5.log",
    wildcard_constraints:
        round=LATER_ROUND,
    conda:
        "../../environment.yml"
    threads: CORES_PER_JOB
    resources:
        gpu=1,
    params:
        command=command(TRAIN_SEGMENTER),
    shell:
        "{params.command}"


rule train_sam:
    input:
        needs(
            TRAIN_SAM,
            TRAIN,
            VAL,
            "results/rounds/{prev}/sam.h5",
            "results/rounds/{round}/segmenter_labels/shard_{shards}.h5",
        ),
        state=state_of(TRAIN_SAM),
    output:
        update("results/rounds/{round}/sam.h5"),
    log:
        ".scaler/logs/results__rounds__{round}__sam.h5.log",
    wildcard_constraints:
        round=LATER_ROUND,
    conda:
        "../../environment.yml"
    threads: CORES_PER_JOB
    resources:
        gpu=1,
    params:
        command=command(TRAIN_SAM),
    shell:
        "{params.command}"
