# Parameters, and the small functions that every rule uses.

from scaler.errors import ScalerError
from scaler.params import load_params
from scaler.artifacts.paths import result_files
from scaler.pipeline.preflight import refuse_missing
from scaler.pipeline.state import is_current, state

if config:
    raise WorkflowError(
        f"--config / --configfile {dict(config)}: the stages read params.yaml and would not see this. "
        "Change the value in params.yaml instead."
    )
try:
    PARAMS = load_params()
    refuse_missing(PARAMS)
except ScalerError as error:
    raise WorkflowError(str(error))

# A job that computes gets its share of the cores: all of them, divided by the number of GPU jobs at a time.
GPU_JOBS = (
    workflow.global_resources["gpu"].value if "gpu" in workflow.global_resources else 1
)
CORES_PER_JOB = max(1, (workflow.cores or 1) // max(1, GPU_JOBS))
TRAIN = "results/data/train.h5"
VAL = "results/data/val.h5"
TEST = "results/data/test.h5"


wildcard_constraints:
    round="[0-9]+",
    shard="[0-9]+",


def previous(wildcards):
    """The round before."""
    return (
        PARAMS.rounds[wildcards.round].prev
        if wildcards.round in PARAMS.rounds
        else "no_such_round"
    )


def filled(template, wildcards):
    """A command with its wildcards filled in; {prev} is the round before."""
    values = dict(wildcards.items())
    if "{prev}" in template:
        values["prev"] = previous(wildcards)
    return template.format(**values)


def command(template):
    """The command line of a rule, the very one that dvc.yaml has."""
    return lambda wildcards: filled(template, wildcards)


def state_of(template):
    """The state file of a rule's command: new only when there is something to do."""
    return lambda wildcards: state(
        filled(template, wildcards), touch=workflow.is_main_process
    )


def needs(template, *paths):
    """The inputs of a rule; {prev}, {round} and {shards} are filled in.

    Where the rule's artifact is current they are ancient, so that their modification times say nothing; where it is
    not, a job that remakes one of them comes first.
    """

    def inputs(wildcards):
        files = []
        for path in paths:
            names = PARAMS.shards if "{shards}" in path else [""]
            files += [
                filled(path.replace("{shards}", name), wildcards) for name in names
            ]
        return (
            [ancient(file) for file in files]
            if is_current(filled(template, wildcards))
            else files
        )

    return inputs


def in_report(folder, **labels):
    """Declares a folder to `snakemake --report report.zip`; a report that is one .html file would refuse it."""
    zipped = any(".zip" in word for word in sys.argv)
    marked = report(folder, **labels) if zipped else folder
    return marked
