"""What a run needs from outside, looked for before the first job: the data set and the weights files."""

from __future__ import annotations

from pathlib import Path

from scaler.artifacts.paths import stops
from scaler.errors import ScalerError
from scaler.models.names import VOCABULARY
from scaler.models.weights.registry import checkpoints
from scaler.params import Params

GATED = "get SAM 3's files from their publisher, who asks you to sign in"
OWN_WAYS = {  # of models without a file in the registry
    "lite": "make it with `python -m scaler pretrain FOLDER --out FILE`, from photographs with segmentations",
    "sam3": GATED,
    "sam3_tracker": GATED,
}


def refuse_missing(params: Params, results: Path = Path("results")) -> None:
    """Stop when a file that `params.yaml` names is not there and something still has to be made from it.

    Raises:
        ScalerError: one line for each missing thing, with what to do about it.
    """
    lines = []
    source = params.prepare_data.source
    if not Path(source).exists():
        lines.append(
            f"prepare_data.source: {source} is missing: put the data set (or a link to it) there, or name another "
            "folder in params.yaml; docs/your_data.md shows how it must look."
        )
    if not Path(params.sam.weights).is_file():
        lines.append(f"sam.weights: {_advice(params.sam.weights, OWN_WAYS.get(params.sam.model))}")
    vocabulary = Path(params.sam.weights).with_name(VOCABULARY)
    if params.sam.text is not None and not vocabulary.is_file():
        lines.append(f"sam.text: {_advice(vocabulary.as_posix(), OWN_WAYS['sam3'])}")
    started = stops(results, [])[0].segmenter.exists()  # later stages continue from there, without the file
    if params.segmenter.weights is not None and not started and not Path(params.segmenter.weights).is_file():
        lines.append(f"segmenter.weights: {_advice(params.segmenter.weights)}")
    if lines:
        raise ScalerError("\n".join(["the run cannot begin yet:", *(f"- {line}" for line in lines)]))


def _advice(path: str, own_way: str | None = None) -> str:
    """How to get one missing weights file: by name where the registry knows it."""
    name = next((entry.name for entry in checkpoints() if entry.file == Path(path).name), None)
    remedy = f"download it with `python -m scaler weights fetch {name}`" if name else own_way or "put the file there"
    return f"{path} is missing: {remedy}, or name another file in params.yaml; see docs/weights.md."
