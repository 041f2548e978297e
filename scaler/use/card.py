"""The model card: what a bundle is, what it was made from, how well it performs, and what it is not for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scaler.artifacts.filehash import sha256
from scaler.artifacts.header import Header, read_header
from scaler.artifacts.paths import EVALUATION
from scaler.artifacts.splits import open_data
from scaler.metrics.names import METRICS
from scaler.use.model import LoadedModel, data_artifact

SUPERVISION = {
    "semi": "masks for a part of the training images, none for the rest",
    "points": "one point or a few per image",
    "scribbles": "scribbles on every image",
    "full": "masks for all training images",
}
SPLITS = {"val": "validation", "test": "test"}
UNSTATED = "Not stated. It depends on the training data and on the weights that training began with."
KEY = {"student": "segmenter", "teacher": "teacher", "sam": "sam"}


def model_card(model: LoadedModel, files: dict[str, str], differences: dict[str, float], licence: str | None) -> str:
    """The card as Markdown.

    Args:
        model: as loaded from its artifact.
        files: file -> what it is, in words.
        differences: portable form -> greatest difference from the network.
        licence: an SPDX name or a sentence; None: not stated.
    """
    what = "SAM with an adapter" if model.kind == "sam" else f"segmenter, the {model.name} of the mean-teacher pair"
    parts = [
        _front_matter(licence),
        f"# Concealed object segmentation: {what}\n\nTrained by SCALER, stage `{model.header.stage}`"
        f"{_round(model.header)}. Input {model.size} x {model.size} RGB in [0, 1]; output the probability of the "
        "object, pixel by pixel. The network normalises its input itself."
        + (f" In images of more than 8 bits, the value {model.white} is white." if model.white else "")
        + (f" Larger images are to be predicted in tiles of {model.tile} pixels." if model.tile else ""),
        _usage(files, differences),
        _data(model),
        _metrics(model),
        _settings(model),
        _limits(licence),
    ]
    return "\n\n".join(parts) + "\n"


def evaluation_beside(path: Path, header: Header) -> tuple[Path, dict[str, Any]] | None:
    """The metrics of an evaluation in the artifact's folder, if it is of this artifact and intact.

    Returns:
        The `metrics.json` and its contents {split: {model: {metric: value}}}, or None.
    """
    found = read_header(path.parent / EVALUATION)
    numbers = path.parent / "metrics.json"
    if found is None or not numbers.is_file():
        return None
    judged = {item.fingerprint for item in found.inputs}
    if header.fingerprint not in judged or found.sidecars.get(numbers.name) != sha256(numbers):
        return None
    return numbers, json.loads(numbers.read_text(encoding="utf-8"))


def _front_matter(licence: str | None) -> str:
    return f"---\npipeline_tag: image-segmentation\nlicense: {json.dumps(licence or 'unknown')}\n---"


def _round(header: Header) -> str:
    return f", round {header.arguments['round']}" if "round" in header.arguments else ""


def _usage(files: dict[str, str], differences: dict[str, float]) -> str:
    rows = [f"- `{name}`: {what}" for name, what in files.items()]
    checks = [f"- {form}: differs from the network by at most {worst:.1e}" for form, worst in differences.items()]
    return "\n".join(
        ["## Use", "", "```\npython -m scaler predict THIS_FOLDER photos/ --out predictions\n```", "", *rows, *checks]
    )


def _data(model: LoadedModel) -> str:
    path = data_artifact(model.path, model.header)
    header = read_header(path) if path else None
    if path is None or header is None:
        return "## Data\n\nThe training data was not found beside the model when it was exported."
    block = header.params["prepare_data"]
    labelled = open_data(path).labelled
    lines = [
        f"- source: `{block['source']}`, prepared at {block['size']} x {block['size']}",
        f"- supervision: {block['supervision']} ({SUPERVISION[block['supervision']]})",
        f"- training images: {len(labelled)}, of which {int(labelled.sum())} with a full mask",
        f"- fingerprint of the prepared training data: `{header.fingerprint}`",
    ]
    return "\n".join(["## Data", "", *lines])


def _metrics(model: LoadedModel) -> str:
    found = evaluation_beside(model.path, model.header)
    if found is None:
        return "## Metrics\n\nNo evaluation of this model was found beside it when it was exported."
    splits = {SPLITS.get(s, s): models[KEY[model.name]] for s, models in found[1].items() if KEY[model.name] in models}
    head = [f"| metric | {' | '.join(splits)} | meaning |", f"|---|{'---|' * (len(splits) + 1)}"]
    rows = [
        f"| {metric.label} | {' | '.join(f'{values[name]:.4f}' for values in splits.values())} | {metric.meaning} |"
        for name, metric in METRICS.items()
        if all(name in values for values in splits.values())
    ]
    return "\n".join(["## Metrics", "", f"From `{found[0].name}` beside the model.", "", *head, *rows])


def _settings(model: LoadedModel) -> str:
    header = model.header
    record = {
        "stage": header.stage,
        "arguments": header.arguments,
        "fingerprint": header.fingerprint,
        "code": header.code,
        "inputs": [{"name": i.name, "path": i.path, "fingerprint": i.fingerprint} for i in header.inputs],
        "versions": header.versions,
        "params": header.params,
    }
    return f"## Settings and provenance\n\n```json\n{json.dumps(record, indent=1, ensure_ascii=False)}\n```"


def _limits(licence: str | None) -> str:
    return f"""## Intended use and limits

This model finds objects that blend into their surroundings, in images like those it was trained on. Its training used
few masks: it learned mostly from pseudo-labels that two models made for each other. Therefore:

- Errors that both models agreed on have been learned. Look at predictions before you rely on them.
- A faint or empty map means that nothing was recognised, not that there is nothing.
- The output is not a calibrated probability. Choose a threshold on validation images of your own.
- Validate the model on images of another kind, scale or camera before using it there. The aspect ratio of the input is
  not kept, and objects of a few pixels at the input size are lost.
- This is no medical device, and it has not been validated for any diagnosis.

## Licence

{licence or UNSTATED}
The code that runs it is under Apache-2.0."""
