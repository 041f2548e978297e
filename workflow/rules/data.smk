# The data set, read, checked, split and brought to one size.


rule prepare_data:
    input:
        source=lambda wildcards: PARAMS.prepare_data.source,
    output:
        train=update("results/data/train.h5"),
        val=update("results/data/val.h5"),
        test=update("results/data/test.h5"),
        truth=update("results/data/train_truth.h5"),
    log:
        ".scaler/logs/results__data__train.h5.log",
    conda:
        "../../environment.yml"
    shell:
        "python -m stages.prepare_data --source {input.source:q}"
        " --train {output.train} --val {output.val} --test {output.test} --truth {output.truth}"
