# Parameters, and the small functions that several rules use.

from scaler.errors import ScalerError
from scaler.params import load_params
from scaler.artifacts.paths import result_files
from scaler.pipeline.preflight import refuse_missing
from scaler.pipeline.rules import decide_by_fingerprint

if config:
    raise WorkflowError(
        f"--config / --configfile {dict(config)}: the stages read params.yaml and would not see this. "
        "Change the value in params.yaml instead."
    )
if workflow.storage_settings.default_storage_provider:
    raise WorkflowError(
        "--default-storage-provider: the stages read and write results/ and know its files by their paths, which it "
        'would change. Keep results in a bucket by `dvc push`: docs/engines.md, "Remote storage".'
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


wildcard_constraints:
    stop="init|warm_up|round_[1-9][0-9]*",
    round="round_[1-9][0-9]*",
    shard="[0-9]+",


def stop(name):
    """A stop as `stops` of params.yaml has it; a round that is not there is named by Snakemake as a missing input."""
    if name not in PARAMS.stops:
        raise WorkflowError(
            f"{name}: expected one of the stops {', '.join(PARAMS.stops)} of params.yaml."
        )
    return PARAMS.stops[name]


def shards(folder):
    """The label files of a folder."""
    return [f"{folder}/shard_{shard}.h5" for shard in PARAMS.shards]


def phase_one_labels(wildcards):
    """The folder of the labels that this phase learns from."""
    return f"results/stops/{stop(wildcards.round).phase_one.labels}/sam_labels"


def phase_two_labels(wildcards):
    """The folder of the labels that this phase learns from."""
    return f"results/stops/{stop(wildcards.round).phase_two.labels}/segmenter_labels"


def devices(wildcards, resources):
    """A job that is given several GPUs runs as that many processes; docs/engines.md, "GPUs"."""
    return f"SCALER_DEVICES={resources.gpu} " if resources.gpu > 1 else ""


def in_report(folder, **labels):
    """Declares a folder to `snakemake --report report.zip`; a report that is one .html file would refuse it."""
    zipped = any(".zip" in word for word in sys.argv)
    marked = report(folder, **labels) if zipped else folder
    return marked
