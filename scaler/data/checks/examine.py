"""The whole examination of one folder."""

from __future__ import annotations

from pathlib import Path

from scaler.data.checks.facts import facts
from scaler.data.checks.findings import Findings
from scaler.data.checks.folder import check_folder
from scaler.data.checks.inventory import guess, take
from scaler.data.checks.known import check_known
from scaler.data.checks.record import Record, examine_item
from scaler.data.checks.set import check_set
from scaler.data.entries import RECIPE
from scaler.data.layouts import folder_name
from scaler.params import PrepareDataParams
from scaler.progress import progress


def examine(source: Path, params: PrepareDataParams | None, *, quick: bool = False, seed: int = 0) -> Findings:
    """Look at every file of a data set and collect all that is wrong or odd.

    Args:
        source: the folder; of the built-in laboratory (it holds `recipe.yaml`) there is nothing to find.
        params: the block `prepare_data` (its `source` is not read), or None: see `scaler.data.checks.inventory.take`.
        quick: without perceptual hashes, so without duplicates.
        seed: of the run, which decides the validation images where they are drawn.

    Returns:
        Findings; bad data raise nothing, `raise_if_errors` does.
    """
    findings, _ = examine_records(source, params, quick=quick, seed=seed)
    return findings


def examine_records(
    source: Path, params: PrepareDataParams | None, *, quick: bool = False, seed: int = 0
) -> tuple[Findings, list[Record]]:
    """As `examine`, with what was seen of each sample, for thumbnails."""
    findings = Findings(source)
    if (source / RECIPE).is_file():
        return findings, []
    rules = guess(source) if params is None else params
    items = take(source, params, findings, seed)
    check_folder(source, rules, items, findings)
    check_known(source, rules, items, findings)
    records: list[Record] = []
    with progress(len(items), "checking", unit="image") as bar:
        for item in items:
            records.append(examine_item(item, rules, not quick, findings))
            bar.update()
    check_set(records, findings)
    _check_use(records, rules, findings)
    findings.facts = facts(records, rules, params is None, quick)
    return findings, records


def _check_use(records: list[Record], params: PrepareDataParams, findings: Findings) -> None:
    """Masks that are there, and all of them empty: nothing can be learnt from them."""
    masks = [record.mask for record in records if record.item.split == "train" and record.mask is not None]
    has_marks = any(record.marks is not None for record in records)
    if len(masks) > 1 and not has_marks and all(mask.share == 0.0 for mask in masks):
        findings.add(
            "error",
            "no_foreground",
            [folder_name(params, "masks") if params.layout == "general" else "."],
            f"all {len(masks)} training masks are empty",
            "export them again; the object's value was probably lost",
        )
