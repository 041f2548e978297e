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
        ancient(TRAIN),
        ancient(VAL),
        ancient("results/init/segmenter.h5"),
        ancient(shards("results/rounds/0/sam_labels")),
        state=state_of(WARM_UP),
    output:
        update("results/rounds/0/segmenter.h5"),
    params:
        command=command(WARM_UP),
    threads: CORES_PER_JOB
    resources:
        gpu=1,
    shell:
        "{params.command}"


rule train_segmenter:
    input:
        ancient(TRAIN),
        ancient(VAL),
        ancient(command("results/rounds/{prev}/segmenter.h5")),
        ancient(shards("results/rounds/{prev}/sam_labels")),
        state=state_of(TRAIN_SEGMENTER),
    output:
        update("results/rounds/{round}/segmenter.h5"),
    wildcard_constraints:
        round=LATER_ROUND,
    params:
        command=command(TRAIN_SEGMENTER),
    threads: CORES_PER_JOB
    resources:
        gpu=1,
    shell:
        "{params.command}"


rule train_sam:
    input:
        ancient(TRAIN),
        ancient(VAL),
        ancient(command("results/rounds/{prev}/sam.h5")),
        ancient(shards("results/rounds/{round}/segmenter_labels")),
        state=state_of(TRAIN_SAM),
    output:
        update("results/rounds/{round}/sam.h5"),
    wildcard_constraints:
        round=LATER_ROUND,
    params:
        command=command(TRAIN_SAM),
    threads: CORES_PER_JOB
    resources:
        gpu=1,
    shell:
        "{params.command}"
