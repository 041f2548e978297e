"""scaler.models.sam: the official architecture and keys, and the decoder for batches."""

from __future__ import annotations

import pytest
import torch
from segment_anything import sam_model_registry
from segment_anything.modeling import Sam
from torch import Tensor

from scaler.models.sam import CONFIGS, build_sam, decode, no_prompts
from tests.tiny_sam import TINY, pictures, tiny_sam

SIDE = TINY.image_size


@pytest.mark.parametrize("name", ["vit_b", "vit_l", "vit_h"])
def test_architecture_is_the_official_one(name: str) -> None:
    with torch.device("meta"):
        ours, official = build_sam(CONFIGS[name]), sam_model_registry[name]()
    shapes = {key: value.shape for key, value in official.state_dict().items()}
    assert {key: value.shape for key, value in ours.state_dict().items()} == shapes
    # What shapes do not tell: windows, heads, the epsilon of the norms.
    assert str(ours) == str(official)
    for own, theirs in zip(ours.image_encoder.blocks, official.image_encoder.blocks, strict=True):
        assert (own.window_size, own.attn.num_heads) == (theirs.window_size, theirs.attn.num_heads)
    for own, theirs in zip(ours.mask_decoder.modules(), official.mask_decoder.modules(), strict=True):
        assert getattr(own, "num_heads", None) == getattr(theirs, "num_heads", None)
    assert ours.image_encoder.img_size == official.image_encoder.img_size
    assert ours.prompt_encoder.image_embedding_size == official.prompt_encoder.image_embedding_size


def test_pixel_statistics_are_the_official_ones() -> None:
    with torch.device("meta"):  # the registry makes these two on the CPU all the same
        official = sam_model_registry["vit_b"]()
    ours = tiny_sam()
    assert torch.equal(ours.pixel_mean, official.pixel_mean)
    assert torch.equal(ours.pixel_std, official.pixel_std)


def test_nano_has_about_a_million_parameters() -> None:
    with torch.device("meta"):
        count = sum(parameter.numel() for parameter in build_sam(CONFIGS["nano"]).parameters())
    assert count == 948_584


def prompts(sam: Sam, kind: str) -> tuple[Tensor, Tensor]:
    """Embeddings of one kind of prompt for three images."""
    draw = torch.Generator().manual_seed(3)
    points = torch.rand(3, 2, 2, generator=draw) * SIDE
    boxes = torch.tensor([[2.0, 3.0, 30.0, 20.0], [0.0, 0.0, 40.0, 40.0], [10.0, 8.0, 12.0, 39.0]])
    masks = torch.randn(3, 1, *sam.prompt_encoder.mask_input_size, generator=draw)
    match kind:
        case "none":
            return no_prompts(sam, 3)
        case "points":
            labels = torch.tensor([[1, 0], [1, 1], [0, 1]])
            sparse, dense = sam.prompt_encoder(points=(points, labels), boxes=None, masks=None)
        case "box":
            sparse, dense = sam.prompt_encoder(points=None, boxes=boxes, masks=None)
        case _:
            sparse, dense = sam.prompt_encoder(points=None, boxes=boxes, masks=masks)
    return sparse, dense


@torch.no_grad()
@pytest.mark.parametrize("kind", ["none", "points", "box", "mask"])
def test_decoding_a_batch_is_decoding_each_image(kind: str) -> None:
    sam = tiny_sam()
    embedding = sam.image_encoder(pictures(3, SIDE, SIDE) * 4 - 2)
    sparse, dense = prompts(sam, kind)
    logits = decode(sam, embedding, sparse, dense)
    for number in range(3):
        one = slice(number, number + 1)
        expected, _ = sam.mask_decoder(
            image_embeddings=embedding[one],
            image_pe=sam.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse[one],
            dense_prompt_embeddings=dense[one],
            multimask_output=False,
        )
        torch.testing.assert_close(logits[one], expected, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_no_prompts_is_the_learned_no_mask_embedding() -> None:
    sam = tiny_sam()
    sparse, dense = no_prompts(sam, 2)
    assert sparse.shape == (2, 0, TINY.prompt_dim)
    learned = sam.prompt_encoder.no_mask_embed.weight.view(1, -1, 1, 1)
    assert torch.equal(dense, learned.expand(2, -1, 5, 5))
