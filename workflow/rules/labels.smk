# The cached pseudo-labels of both models, one job for each shard of each stop.


rule label_with_sam:  # eq. 2-3; prompted by the teacher, it also opens the labels that this SAM learned from
    input:
        data="results/data/train.h5",
        sam="results/stops/{stop}/sam.h5",
    output:
        update("results/stops/{stop}/sam_labels/shard_{shard}.h5"),
    log:
        ".scaler/logs/results__stops__{stop}__sam_labels__shard_{shard}.h5.log",
    conda:
        "../../environment.yml"
    threads: CORES_PER_JOB
    resources:
        gpu=1,
    params:
        devices=devices,
    shell:
        "{params.devices}python -m stages.label_with_sam --stop {wildcards.stop} --shard {wildcards.shard}"
        " --data {input.data} --sam {input.sam} --out {output}"


rule label_with_segmenter:  # the consensus label
    input:
        data="results/data/train.h5",
        segmenter="results/stops/{stop}/segmenter.h5",
    output:
        update("results/stops/{stop}/segmenter_labels/shard_{shard}.h5"),
    log:
        ".scaler/logs/results__stops__{stop}__segmenter_labels__shard_{shard}.h5.log",
    conda:
        "../../environment.yml"
    threads: CORES_PER_JOB
    resources:
        gpu=1,
    params:
        devices=devices,
    shell:
        "{params.devices}python -m stages.label_with_segmenter --shard {wildcards.shard}"
        " --data {input.data} --segmenter {input.segmenter} --out {output}"
