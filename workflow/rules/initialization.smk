# Stage 1: each model alone on the labelled images.


rule initialize_segmenter:
    input:
        data="results/data/train.h5",
        val="results/data/val.h5",
    output:
        update("results/stops/init/segmenter.h5"),
    log:
        ".scaler/logs/results__stops__init__segmenter.h5.log",
    conda:
        "../../environment.yml"
    threads: CORES_PER_JOB
    resources:
        gpu=1,
    params:
        devices=devices,
    shell:
        "{params.devices}python -m stages.initialize_segmenter --data {input.data} --val {input.val} --out {output}"


rule initialize_sam:
    input:
        data="results/data/train.h5",
        val="results/data/val.h5",
        weights=lambda wildcards: PARAMS.sam.weights,
    output:
        update("results/stops/init/sam.h5"),
    log:
        ".scaler/logs/results__stops__init__sam.h5.log",
    conda:
        "../../environment.yml"
    threads: CORES_PER_JOB
    resources:
        gpu=1,
    params:
        devices=devices,
    shell:
        "{params.devices}python -m stages.initialize_sam --data {input.data} --val {input.val}"
        " --weights {input.weights:q} --out {output}"
