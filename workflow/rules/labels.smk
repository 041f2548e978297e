# The cached pseudo-labels of both models, one job per shard; round 0 is the initialized SAM and the warmed-up segmenter.

LABEL_WITH_INITIAL_SAM = (
    "python -m stages.label_with_sam --round 0 --shard {shard}"
    f" --data {TRAIN}"
    " --sam results/rounds/0/sam.h5"
    " --out results/rounds/0/sam_labels/shard_{shard}.h5"
)
LABEL_WITH_SAM = (
    "python -m stages.label_with_sam --round {round} --shard {shard}"
    f" --data {TRAIN}"
    " --sam results/rounds/{round}/sam.h5"
    " --segmenter-labels results/rounds/{round}/segmenter_labels"
    " --out results/rounds/{round}/sam_labels/shard_{shard}.h5"
)
LABEL_WITH_INITIAL_SEGMENTER = (
    "python -m stages.label_with_segmenter --shard {shard}"
    f" --data {TRAIN}"
    " --segmenter results/init/segmenter.h5"
    " --out results/init/segmenter_labels/shard_{shard}.h5"
)
LABEL_WITH_SEGMENTER = (
    "python -m stages.label_with_segmenter --shard {shard}"
    f" --data {TRAIN}"
    " --segmenter results/rounds/{round}/segmenter.h5"
    " --out results/rounds/{round}/segmenter_labels/shard_{shard}.h5"
)


rule label_with_initial_sam:
    input:
        needs(LABEL_WITH_INITIAL_SAM, TRAIN, "results/rounds/0/sam.h5"),
        state=state_of(LABEL_WITH_INITIAL_SAM),
    output:
        update("results/rounds/0/sam_labels/shard_{shard}.h5"),
    log:
        ".scaler/logs/results__rounds__0__sam_labels__shard_{shard}.h5.log",
    conda:
        "../../environment.yml"
    threads: CORES_PER_JOB
    resources:
        gpu=1,
    params:
        command=command(LABEL_WITH_INITIAL_SAM),
    shell:
        "{params.command}"


rule label_with_sam:
    input:
        needs(
            LABEL_WITH_SAM,
            TRAIN,
            "results/rounds/{round}/sam.h5",
            "results/rounds/{round}/segmenter_labels/shard_{shards}.h5",
        ),
        state=state_of(LABEL_WITH_SAM),
    output:
        update("results/rounds/{round}/sam_labels/shard_{shard}.h5"),
    log:
        ".scaler/logs/results__rounds__{round}__sam_labels__shard_{shard}.h5.log",
    wildcard_constraints:
        round="[1-9][0-9]*",
    conda:
        "../../environment.yml"
    threads: CORES_PER_JOB
    resources:
        gpu=1,
    params:
        command=command(LABEL_WITH_SAM),
    shell:
        "{params.command}"


rule label_with_initial_segmenter:
    input:
        needs(LABEL_WITH_INITIAL_SEGMENTER, TRAIN, "results/init/segmenter.h5"),
        state=state_of(LABEL_WITH_INITIAL_SEGMENTER),
    output:
        update("results/init/segmenter_labels/shard_{shard}.h5"),
    log:
        ".scaler/logs/results__init__segmenter_labels__shard_{shard}.h5.log",
    conda:
        "../../environment.yml"
    threads: CORES_PER_JOB
    resources:
        gpu=1,
    params:
        command=command(LABEL_WITH_INITIAL_SEGMENTER),
    shell:
        "{params.command}"


rule label_with_segmenter:
    input:
        needs(LABEL_WITH_SEGMENTER, TRAIN, "results/rounds/{round}/segmenter.h5"),
        state=state_of(LABEL_WITH_SEGMENTER),
    output:
        update("results/rounds/{round}/segmenter_labels/shard_{shard}.h5"),
    log:
        ".scaler/logs/results__rounds__{round}__segmenter_labels__shard_{shard}.h5.log",
    conda:
        "../../environment.yml"
    threads: CORES_PER_JOB
    resources:
        gpu=1,
    params:
        command=command(LABEL_WITH_SEGMENTER),
    shell:
        "{params.command}"
