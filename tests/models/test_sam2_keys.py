"""scaler.models.sam2_keys and the loading of SAM2: Meta's real keys and shapes in all sizes, strictly."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor
from transformers import Sam2VideoConfig, Sam2VideoModel

from scaler.errors import ScalerError
from scaler.models.loading import read_state_dict
from scaler.models.sam2 import Sam2, loaded
from scaler.models.sam2_build import SIZES, build_sam2
from scaler.models.sam2_keys import POSITIONS, VIDEO_OFFICIAL, to_transformers
from tests.models.sam2_oracle import LETTERS, MINI, configuration, mini_weights, official, weights, without_memory

TINY = "sam2.1_tiny"
State = dict[str, Tensor]


def shapes(state: State) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in state.items()}


def load(state: State, name: str = TINY) -> Sam2:
    return loaded(name, 64, state, Path("sam2.pt"))


@pytest.mark.parametrize("name", SIZES)
def test_the_numbers_are_those_of_metas_configurations(name: str) -> None:
    trunk, size = configuration(name).image_encoder.trunk, SIZES[name]
    with without_memory():
        hiera = official(name, 1024).image_encoder.trunk
    assert (size.channels, size.heads) == (trunk.embed_dim, trunk.num_heads)
    assert [block.dim_out for block in hiera.blocks] == [
        width for width, blocks in zip(size.widths, size.blocks, strict=True) for _ in range(blocks)
    ]
    assert [number for number, block in enumerate(hiera.blocks) if block.window_size == 0] == list(size.global_blocks)
    assert tuple(hiera.window_spec) == size.windows
    assert tuple(hiera.window_pos_embed_bkg_spatial_size) == (size.background, size.background)


@pytest.mark.parametrize("name", LETTERS)
def test_every_key_of_metas_file_has_its_place(name: str) -> None:
    with without_memory():
        theirs, own = official(name, 1024), build_sam2(SIZES[name])
    assert shapes(to_transformers(theirs.state_dict())) == shapes(own.state_dict())


@pytest.mark.parametrize("name", LETTERS)
def test_the_blocks_attend_as_metas_do(name: str) -> None:
    """Heads, windows and pooling are in no key."""
    with without_memory():
        theirs, own = official(name, 1024).image_encoder.trunk, build_sam2(SIZES[name]).vision_encoder.backbone
    for one, other in zip(theirs.blocks, own.blocks, strict=True):
        assert one.window_size == other.window_size
        assert one.attn.num_heads == other.attn.num_attention_heads
        assert list(one.q_stride or ()) == list(other.query_stride or ())
    assert theirs.stage_ends == own.stage_ends


def test_only_what_belongs_to_the_memory_is_set_aside() -> None:
    with without_memory():
        model = official(TINY, 1024)
    state = model.state_dict()
    used = to_transformers(state)
    aside = [key for key in state if key.startswith(VIDEO_OFFICIAL)]
    assert len(used) == len(state) - len(aside) - 4 + 1 + 1  # four tables are one, one matrix is two
    by_hand = {"memory_attention", "memory_encoder", "mask_downsample", "obj_ptr_proj", "obj_ptr_tpos_proj",
               "maskmem_tpos_enc", "no_mem_pos_enc", "no_obj_embed_spatial", "no_obj_ptr"}  # fmt: skip
    assert {key.split(".")[0] for key in aside} == by_hand


def test_the_names_of_hugging_faces_files() -> None:
    """Those are of the model for videos."""
    with torch.device("meta"):
        video, own = Sam2VideoModel(Sam2VideoConfig()), build_sam2(SIZES[TINY])
    assert shapes(to_transformers(video.state_dict())) == shapes(own.state_dict())


@pytest.mark.parametrize("lacking", [None, *POSITIONS])
def test_hugging_faces_safetensors_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: str | None) -> None:
    """With the matrix of the positional encoding twice or once."""
    monkeypatch.setitem(SIZES, TINY, MINI)
    state = {key: value for key, value in mini_weights().items() if key != lacking}
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file({**state, "memory_encoder.projection.weight": torch.ones(2)}, path)
    own = mini_weights()
    if lacking is not None:
        own = {**own, lacking: own[POSITIONS[1 - POSITIONS.index(lacking)]]}
    for key, value in load(read_state_dict(path)).sam.state_dict().items():
        assert torch.equal(value, own[key]), key


def test_what_is_easily_left_random_is_loaded() -> None:
    state, sam = weights(), load(weights()).sam
    matrix = state["sam_prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"]
    assert torch.equal(sam.shared_image_embedding.positional_embedding, matrix)
    assert torch.equal(sam.prompt_encoder.shared_embedding.positional_embedding, matrix)
    assert torch.equal(sam.no_memory_embedding, state["no_mem_embed"])
    assert torch.equal(sam.prompt_encoder.no_mask_embed.weight, state["sam_prompt_encoder.no_mask_embed.weight"])
    for label, row in enumerate(sam.prompt_encoder.point_embed.weight):
        assert torch.equal(row, state[f"sam_prompt_encoder.point_embeddings.{label}.weight"][0])


@pytest.mark.parametrize("prefix", ["", "module."])
def test_metas_way_of_saving(tmp_path: Path, prefix: str) -> None:
    path = tmp_path / "sam2.1_hiera_tiny.pt"
    torch.save({"model": {prefix + key: value for key, value in mini_weights().items()}}, path)
    came = read_state_dict(path)
    assert came.keys() == mini_weights().keys()
    assert all(torch.equal(came[key], value) for key, value in mini_weights().items())


@pytest.mark.parametrize(
    ("key", "own"),
    [
        ("no_mem_embed", "no_memory_embedding"),
        ("sam_prompt_encoder.point_embeddings.1.weight", "prompt_encoder.point_embed.weight"),
        ("image_encoder.trunk.blocks.3.attn.qkv.weight", "vision_encoder.backbone.blocks.3.attn.qkv.weight"),
        ("sam_mask_decoder.conv_s1.bias", "mask_decoder.conv_s1.bias"),
    ],
)
def test_a_missing_key_is_named(key: str, own: str) -> None:
    state = dict(weights())
    del state[key]
    with pytest.raises(ScalerError, match=rf"1 missing: {re.escape(own)}"):
        load(state)


def test_an_unknown_key_and_another_shape_are_named() -> None:
    state = dict(weights())
    state["image_encoder.trunk.extra"] = torch.zeros(1)
    state["sam_mask_decoder.iou_token.weight"] = torch.zeros(1, 8)
    with pytest.raises(
        ScalerError, match=r"1 unexpected: vision_encoder\.backbone\.extra; 1 of another shape: .*iou_tok"
    ):
        load(state)


def test_another_size_is_refused() -> None:
    with pytest.raises(
        ScalerError, match=r"sam2\.pt: does not fit the model\. 50 missing.* Is sam\.model the right one"
    ):
        load(weights(), "sam2.1_small")


def test_point_tables_of_different_widths_are_reported_not_joined() -> None:
    state = dict(weights())
    state["sam_prompt_encoder.point_embeddings.1.weight"] = torch.zeros(1, 8)
    with pytest.raises(ScalerError, match=r"1 missing: prompt_encoder\.point_embed\.weight; 4 unexpected"):
        load(state)
