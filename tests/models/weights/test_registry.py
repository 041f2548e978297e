"""The registry of weights: complete, well-formed, true to the libraries that name the same files, and in the docs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import timm
import yaml
from torchvision.models import ResNet50_Weights

from scaler.errors import ScalerError
from scaler.models.weights.registry import REGISTRY_FILE, Checkpoint, by_name, checkpoints, find, markdown_table
from scaler.params import SamParams
from tests.conftest import ROOT

NAMES = {
    *("sam_vit_b", "sam_vit_l", "sam_vit_h"),
    *(f"sam2.1_hiera_{size}" for size in ("tiny", "small", "base_plus", "large")),
    *("mobile_sam", "resnet50.a1_in1k", "resnet50.tv_in1k", "resnet50-19c8e357", "efficientnet_lite0"),
}


def changed(tmp_path: Path, **values: object) -> Path:
    """The registry with some values of its first entry changed."""
    entries: list[dict[str, Any]] = yaml.safe_load(REGISTRY_FILE.read_text())
    entries[0] |= values
    path = tmp_path / "registry.yaml"
    path.write_text(yaml.safe_dump(entries))
    return path


def test_all_official_files_are_there() -> None:
    assert {entry.name for entry in checkpoints()} == NAMES


@pytest.mark.parametrize("entry", checkpoints(), ids=lambda entry: entry.name)
def test_entry_is_complete(entry: Checkpoint) -> None:
    assert entry.url.startswith("https://")
    assert (entry.package.path if entry.package else entry.url).rsplit("/", 1)[1] == entry.file
    named = re.search(r"-([0-9a-f]{8,})\.pth$", entry.file)
    assert named is None or entry.sha256.startswith(named[1])
    params = yaml.safe_load(entry.params_lines(f"weights/{entry.file}"))
    assert set(params) <= {"sam", "segmenter"}
    assert f"weights/{entry.file}" in str(params)
    if "sam" in params:
        assert params["sam"]["sha256"] == entry.sha256


def test_sam_lines_are_what_params_accept() -> None:
    models = get_args(SamParams.model_fields["model"].annotation)
    blocks = [yaml.safe_load(entry.params_lines("weights/x.pth")) for entry in checkpoints()]
    sams = [block["sam"] for block in blocks if "sam" in block]
    assert sorted(sam["model"] for sam in sams) == sorted(set(models) - {"nano", "lite", "sam3", "sam3_tracker"})
    assert all(set(sam) <= set(SamParams.model_fields) for sam in sams)


def test_resnets_are_those_of_timm_and_torchvision() -> None:
    for name in ("resnet50.a1_in1k", "resnet50.tv_in1k"):
        config = timm.get_pretrained_cfg(name)
        assert config is not None
        assert config.url == by_name(name).url
        assert config.license == by_name(name).licence.lower()
    assert timm.get_pretrained_cfg("resnet50").tag == "a1_in1k"  # type: ignore[union-attr]
    torchvision = ResNet50_Weights.IMAGENET1K_V1
    own = by_name("resnet50.tv_in1k")
    assert own.url == torchvision.url
    assert own.size == pytest.approx(torchvision.meta["_file_size"] * 2**20, abs=0.001 * 2**20)


def test_entry_is_found_by_name_and_by_file() -> None:
    assert find("sam_vit_b") is find("sam_vit_b_01ec64.pth") is by_name("sam_vit_b")
    assert find("sam.pth") is None
    with pytest.raises(ScalerError, match=r"got 'sam_vitb', expected one of .*Did you mean sam_vit_b\?"):
        by_name("sam_vitb")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"url": "http://dl.fbaipublicfiles.com/sam.pth"}, "url"),
        ({"sha256": "EC2D"}, "sha256"),
        ({"sha256_source": []}, "sha256_source"),
        ({"size": -1}, "size"),
        ({"mirror": "https://example.org/x"}, "mirror"),
        ({"name": "sam_vit_l"}, "every name once"),
        ({"file": "sam_vit_l_0b3195.pth"}, "every file once"),
    ],
)
def test_wrong_entries_are_refused(tmp_path: Path, values: dict[str, object], message: str) -> None:
    with pytest.raises(ScalerError, match=message):
        checkpoints(changed(tmp_path, **values))


def test_docs_hold_the_registry() -> None:
    """`python -m scaler weights list --markdown` prints the table anew."""
    assert markdown_table() in (ROOT / "docs" / "weights.md").read_text(encoding="utf-8")


def test_importing_does_not_import_torch() -> None:
    code = "import sys, scaler.models.weights.download, scaler.cli.weights; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
