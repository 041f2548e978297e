# Stage 1: each model alone on the labelled images.

INITIALIZE_SEGMENTER = (
    "python -m stages.initialize_segmenter"
    f" --data {TRAIN} --val {VAL} --out results/init/segmenter.h5"
)
INITIALIZE_SAM = (
    "python -m stages.initialize_sam"
    f" --data {TRAIN} --val {VAL} --weights {PARAMS.sam.weights} --out results/rounds/0/sam.h5"
)


rule initialize_segmenter:
    input:
        needs(INITIALIZE_SEGMENTER, TRAIN, VAL),
        state=state_of(INITIALIZE_SEGMENTER),
    output:
        update("results/init/segmenter.h5"),
    log:
        ".scaler/logs/results__init__segmenter.h5.log",
    conda:
        "../../environment.yml"
    threads: CORES_PER_JOB
    resources:
        gpu=1,
    params:
        command=command(INITIALIZE_SEGMENTER),
    shell:
        "{params.command}"


rule initialize_sam:
    input:
        needs(INITIALIZE_SAM, TRAIN, VAL, PARAMS.sam.weights),
        state=state_of(INITIALIZE_SAM),
    output:
        update("results/rounds/0/sam.h5"),
    log:
        ".scaler/logs/results__rounds__0__sam.h5.log",
    conda:
        "../../environment.yml"
    threads: CORES_PER_JOB
    resources:
        gpu=1,
    params:
        command=command(INITIALIZE_SAM),
    shell:
        "{params.command}"
