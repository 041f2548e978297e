# Stage 2, the warm-up, and stage 3, the rounds: Phase I (train_segmenter) and Phase II (train_sam). The map `rounds` of
# params.yaml says which stop each of them continues from, and whose labels it learns from.


rule warm_up:
    input:
        data="results/data/train.h5",
        val="results/data/val.h5",
        segmenter="results/stops/init/segmenter.h5",
        labels=shards("results/stops/init/sam_labels"),
    output:
        update("results/stops/warm_up/segmenter.h5"),
    log:
        ".scaler/logs/results__stops__warm_up__segmenter.h5.log",
    conda:
        "../../environment.yml"
    threads: CORES_PER_JOB
    resources:
        gpu=1,
    params:
        devices=devices,
    shell:
        "{params.devices}python -m stages.warm_up --data {input.data} --val {input.val}"
        " --segmenter {input.segmenter} --sam-labels results/stops/init/sam_labels --out {output}"


rule train_segmenter:  # Phase I
    input:
        data="results/data/train.h5",
        val="results/data/val.h5",
        segmenter=lambda wildcards: f"results/stops/{stop(wildcards.round).phase_one.start}/segmenter.h5",
        labels=lambda wildcards: shards(phase_one_labels(wildcards)),
    output:
        update("results/stops/{round}/segmenter.h5"),
    log:
        ".scaler/logs/results__stops__{round}__segmenter.h5.log",
    conda:
        "../../environment.yml"
    threads: CORES_PER_JOB
    resources:
        gpu=1,
    params:
        devices=devices,
        labels=phase_one_labels,
    shell:
        "{params.devices}python -m stages.train_segmenter --round {wildcards.round} --data {input.data} --val {input.val}"
        " --segmenter {input.segmenter} --sam-labels {params.labels} --out {output}"


rule train_sam:  # Phase II
    input:
        data="results/data/train.h5",
        val="results/data/val.h5",
        sam=lambda wildcards: f"results/stops/{stop(wildcards.round).phase_two.start}/sam.h5",
        labels=lambda wildcards: shards(phase_two_labels(wildcards)),
    output:
        update("results/stops/{round}/sam.h5"),
    log:
        ".scaler/logs/results__stops__{round}__sam.h5.log",
    conda:
        "../../environment.yml"
    threads: CORES_PER_JOB
    resources:
        gpu=1,
    params:
        devices=devices,
        labels=phase_two_labels,
    shell:
        "{params.devices}python -m stages.train_sam --round {wildcards.round} --data {input.data} --val {input.val}"
        " --sam {input.sam} --segmenter-labels {params.labels} --out {output}"
