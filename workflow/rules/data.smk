# The data set, read, checked, split and brought to one size.

PREPARE_DATA = (
    "python -m stages.prepare_data"
    f" --source {PARAMS.prepare_data.source}"
    f" --train {TRAIN} --val {VAL} --test {TEST} --truth results/data/train_truth.h5"
)


rule prepare_data:
    input:
        needs(PREPARE_DATA, PARAMS.prepare_data.source),
        state=state_of(PREPARE_DATA),
    output:
        update(TRAIN),
        update(VAL),
        update(TEST),
        update("results/data/train_truth.h5"),
    log:
        ".scaler/logs/results__data__train.h5.log",
    conda:
        "../../environment.yml"
    params:
        command=command(PREPARE_DATA),
    shell:
        "{params.command}"
