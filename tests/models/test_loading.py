"""scaler.models.loading and scaler.models.foundation: strict loading, checksums, nothing unpickled but tensors."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from scaler.errors import ScalerError
from scaler.models.foundation import build_foundation
from scaler.models.loading import load_strictly, read_state_dict
from scaler.models.sam import CONFIGS, build_sam
from tests.tiny_sam import TINY, pictures, sam_params, tiny_sam

State = dict[str, Tensor]


def save(state: State, path: Path) -> Path:
    """Write `state` the way the suffix says."""
    if path.suffix == ".safetensors":
        safetensors.torch.save_file(state, path)
    else:
        torch.save(state, path)
    return path


@pytest.fixture
def state() -> State:
    return dict(tiny_sam().state_dict())


@pytest.mark.parametrize("name", ["sam.safetensors", "sam_vit_b_01ec64.pth", "sam.pt"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_every_tensor_arrives(state: State, tmp_path: Path, name: str, prefix: str) -> None:
    path = save({prefix + key: value for key, value in state.items()}, tmp_path / name)
    model = build_sam(TINY)
    load_strictly(model, read_state_dict(path), path)
    for key, value in model.state_dict().items():
        assert torch.equal(value, state[key]), key


def test_half_precision_becomes_single(state: State, tmp_path: Path) -> None:
    path = save({key: value.half() for key, value in state.items()}, tmp_path / "sam.safetensors")
    model = build_sam(TINY)
    load_strictly(model, read_state_dict(path), path)
    for key, value in model.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, state[key].half().float())


def test_a_prefix_on_a_part_only_is_no_prefix(state: State, tmp_path: Path) -> None:
    key = "mask_decoder.iou_token.weight"
    state[f"module.{key}"] = state.pop(key)
    path = save(state, tmp_path / "sam.safetensors")
    with pytest.raises(ScalerError, match=rf"1 missing: {key}; 1 unexpected: module\.{key}"):
        load_strictly(build_sam(TINY), read_state_dict(path), path)


def test_every_fault_is_named(state: State) -> None:
    missing = "prompt_encoder.no_mask_embed.weight"
    del state[missing]
    state["adapter.shared.weight"] = torch.zeros(3)
    state["image_encoder.pos_embed"] = torch.zeros(1, 4, 4, 16)
    model = build_sam(TINY)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with pytest.raises(ScalerError) as caught:
        load_strictly(model, state, Path("weights.pth"))
    message = str(caught.value)
    assert "weights.pth" in message
    assert f"1 missing: {missing}" in message
    assert "1 unexpected: adapter.shared.weight" in message
    assert "1 of another shape: image_encoder.pos_embed (1, 4, 4, 16) instead of (1, 5, 5, 16)" in message
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())  # nothing half loaded


def test_many_faults_are_counted() -> None:
    with pytest.raises(ScalerError, match=r"\d{2,} missing: .*, \.\.\."):
        load_strictly(build_sam(TINY), {}, Path("weights.pth"))


@pytest.mark.parametrize("name", ["sam.safetensors", "sam.pth"])
def test_the_checksum_is_held_against_the_file(state: State, tmp_path: Path, name: str) -> None:
    path = save(state, tmp_path / name)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert read_state_dict(path, digest).keys() == state.keys()
    assert read_state_dict(path, digest.upper()).keys() == state.keys()
    with pytest.raises(ScalerError, match=f"expected SHA-256 {'0' * 64}, got {digest}"):
        read_state_dict(path, "0" * 64)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScalerError, match=r"no file at .*absent\.pth"):
        read_state_dict(tmp_path / "absent.pth")


@pytest.mark.parametrize("name", ["sam.safetensors", "sam.pth"])
@pytest.mark.parametrize("damage", ["cut", "empty", "words"])
def test_a_damaged_file_is_no_state_dict(state: State, tmp_path: Path, name: str, damage: str) -> None:
    path = save(state, tmp_path / name)
    whole = path.read_bytes()
    path.write_bytes(
        {"cut": whole[: len(whole) // 2], "empty": b"", "words": b"<!DOCTYPE html><title>404</title>"}[damage]
    )
    with pytest.raises(ScalerError, match="not readable as weights"):
        read_state_dict(path)


class Intruder:
    """Unpickling it would create a file."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (self.target,)  # type: ignore[return-value]


@pytest.mark.parametrize("container", ["torch", "pickle"])
def test_nothing_but_tensors_is_unpickled(tmp_path: Path, container: str) -> None:
    target, path = tmp_path / "intruded", tmp_path / "sam.pth"
    if container == "torch":
        torch.save({"weight": Intruder(target)}, path)
    else:
        path.write_bytes(pickle.dumps({"weight": Intruder(target)}, protocol=2))
    with pytest.raises(ScalerError, match="not readable as weights"):
        read_state_dict(path)
    assert not target.exists()


@pytest.mark.parametrize("around", ["model", "state_dict", "model_state_dict"])
def test_a_training_checkpoint_gives_its_model(state: State, tmp_path: Path, around: str) -> None:
    path = tmp_path / "sam.pth"
    optimizer = torch.optim.Adam([torch.nn.Parameter(torch.ones(2))]).state_dict()
    torch.save({"epoch": 3, "optimizer": optimizer, around: {f"module.{k}": v for k, v in state.items()}}, path)
    assert read_state_dict(path).keys() == state.keys()


def test_two_models_in_one_checkpoint_are_not_chosen_from(state: State, tmp_path: Path) -> None:
    path = tmp_path / "sam.pth"
    torch.save({"model": state, "ema": state, "epoch": 3}, path)
    with pytest.raises(ScalerError, match=r"several state dicts \(model, ema\)"):
        read_state_dict(path)


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module._orig_mod.", "model.", "sam."])
def test_a_prefix_on_every_key_does_not_matter(state: State, tmp_path: Path, prefix: str) -> None:
    path = save({prefix + key: value for key, value in state.items()}, tmp_path / "sam.pth")
    load_strictly(build_sam(TINY), read_state_dict(path), path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_tensors_that_are_not_finite_are_refused(state: State, tmp_path: Path, value: float) -> None:
    name = "mask_decoder.iou_token.weight"
    state[name] = torch.full_like(state[name], value)
    with pytest.raises(ScalerError, match=rf"1 of \d+ tensors \({name}\) hold NaN or infinite values"):
        read_state_dict(save(state, tmp_path / "sam.pth"))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "a Git LFS pointer"),
        (b"\n<!DOCTYPE html><title>Sign in</title>", "a web page"),
        (b"see the other folder\n", "a text file that begins with 'see the other"),
        (b"", "the file is empty"),
        (b"\x89\x00\x01" * 99, "cut off or damaged"),
    ],
)
def test_what_a_file_really_is(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "sam.pth"
    path.write_bytes(content)
    with pytest.raises(ScalerError, match=what) as caught:
        read_state_dict(path)
    assert "weights_only" not in str(caught.value)


def test_safetensors_are_known_by_their_content(state: State, tmp_path: Path) -> None:
    save(state, tmp_path / "sam.safetensors").rename(tmp_path / "sam.pth")
    assert read_state_dict(tmp_path / "sam.pth").keys() == state.keys()


def test_a_list_is_no_state_dict(tmp_path: Path) -> None:
    path = tmp_path / "sam.pth"
    torch.save([torch.zeros(1)], path)
    with pytest.raises(ScalerError, match=r"expected a state dict .*got a list"):
        read_state_dict(path)


@torch.no_grad()
def test_a_foundation_model_is_the_sam_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CONFIGS, "nano", TINY)
    sam = tiny_sam()
    path = save(dict(sam.state_dict()), tmp_path / "sam.safetensors")
    model = build_foundation(sam_params(weights=str(path))).eval()
    image = pictures(1, 40, 40)
    low = sam([{"image": image[0] * 255, "original_size": (40, 40)}], multimask_output=False)[0]["low_res_logits"]
    expected = torch.nn.functional.interpolate(low, (40, 40), mode="bilinear", align_corners=False)
    torch.testing.assert_close(model(image), expected, rtol=1e-4, atol=1e-4)


def test_weights_of_another_architecture_are_refused(state: State, tmp_path: Path) -> None:
    path = save(state, tmp_path / "sam.safetensors")
    with pytest.raises(ScalerError, match=r"does not fit the model.* of another shape"):
        build_foundation(sam_params(weights=str(path)))
