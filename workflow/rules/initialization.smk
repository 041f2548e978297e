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
        ancient(TRAIN),
        ancient(VAL),
        state=state_of(INITIALIZE_SEGMENTER),
    output:
        update("results/init/segmenter.h5"),
    params:
        command=command(INITIALIZE_SEGMENTER),
    threads: CORES_PER_JOB
    resources:
        gpu=1,
    shell:
        "{params.command}"


rule initialize_sam:
    input:
        ancient(TRAIN),
        ancient(VAL),
        ancient(PARAMS.sam.weights),
        state=state_of(INITIALIZE_SAM),
    output:
        update("results/rounds/0/sam.h5"),
    params:
        command=command(INITIALIZE_SAM),
    threads: CORES_PER_JOB
    resources:
        gpu=1,
    shell:
        "{params.command}"
