"""SAM in any size, built from segment-anything's own classes, so that its state dict has the official keys."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer
from torch import Tensor, nn

from scaler.errors import ScalerError
from scaler.models.adapted import PIXEL_MEAN, PIXEL_STD


@dataclass(frozen=True)
class SamConfig:
    """The numbers that tell one SAM from another.

    Attributes:
        image_size: side of the (square) input in pixels.
        patch_size: side of a token in pixels.
        embed_dim: channels of the encoder (D).
        depth: number of ViT blocks.
        heads: attention heads of the encoder.
        window: side of the attention window in tokens; 0: every block sees all tokens.
        global_blocks: blocks without a window.
        prompt_dim: channels of image embedding, prompts and decoder.
        decoder_heads: attention heads of the decoder.
        decoder_mlp: hidden channels of the decoder's perceptrons.
    """

    image_size: int
    patch_size: int
    embed_dim: int
    depth: int
    heads: int
    window: int
    global_blocks: tuple[int, ...]
    prompt_dim: int
    decoder_heads: int
    decoder_mlp: int


CONFIGS = {
    "nano": SamConfig(96, 8, 96, 6, 3, 0, (), 64, 4, 256),
    "vit_b": SamConfig(1024, 16, 768, 12, 12, 14, (2, 5, 8, 11), 256, 8, 2048),
    "vit_l": SamConfig(1024, 16, 1024, 24, 16, 14, (5, 11, 17, 23), 256, 8, 2048),
    "vit_h": SamConfig(1024, 16, 1280, 32, 16, 14, (7, 15, 23, 31), 256, 8, 2048),
}


def build_sam(config: SamConfig) -> Sam:
    """A segment-anything `Sam` with random weights; `vit_b`, `vit_l`, `vit_h` have the official architecture."""
    encoder = ImageEncoderViT(
        img_size=config.image_size,
        patch_size=config.patch_size,
        embed_dim=config.embed_dim,
        depth=config.depth,
        num_heads=config.heads,
        mlp_ratio=4,
        out_chans=config.prompt_dim,
        qkv_bias=True,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
        use_rel_pos=True,
        window_size=config.window,
        global_attn_indexes=config.global_blocks,
    )
    return with_decoder(encoder, config)


def with_decoder(encoder: nn.Module, config: SamConfig) -> Sam:
    """An image encoder with SAM's prompt encoder and mask decoder of random weights, for the sizes in `config`."""
    tokens = config.image_size // config.patch_size
    prompts = PromptEncoder(
        embed_dim=config.prompt_dim,
        image_embedding_size=(tokens, tokens),
        input_image_size=(config.image_size, config.image_size),
        mask_in_chans=16,
    )
    transformer = TwoWayTransformer(
        depth=2, embedding_dim=config.prompt_dim, mlp_dim=config.decoder_mlp, num_heads=config.decoder_heads
    )
    decoder = MaskDecoder(
        transformer_dim=config.prompt_dim,
        transformer=transformer,
        num_multimask_outputs=3,
        iou_head_depth=3,
        iou_head_hidden_dim=config.prompt_dim,
    )
    return Sam(encoder, prompts, decoder, list(PIXEL_MEAN), list(PIXEL_STD))


def empty_sam(config: SamConfig) -> Sam:
    """`build_sam` without the seconds that random numbers for a large encoder take: memory that is yet to be filled.

    Every parameter must be loaded afterwards, which `scaler.models.loading.load_strictly` makes sure of.
    """
    with torch.device("meta"):
        sam = build_sam(config)
    sam.to_empty(device="cpu")
    for buffer, value in ((sam.pixel_mean, PIXEL_MEAN), (sam.pixel_std, PIXEL_STD)):  # no checkpoint holds these two
        buffer.copy_(torch.tensor(value).view(-1, 1, 1))
    return sam


def set_side(sam: Sam, side: int, patch: int) -> None:
    """Tell the prompt encoder, whose sizes are plain numbers, that images are side x side pixels, tokens patch x patch.

    Raises:
        ScalerError: `side` is no multiple of the encoder's patch.
    """
    if side % patch:
        raise ScalerError(
            f"sam.size: expected a multiple of {patch} (the encoder's patch), got {side}. "
            f"Nearest: {max(1, round(side / patch)) * patch}."
        )
    grid = side // patch
    prompts = sam.prompt_encoder
    prompts.image_embedding_size, prompts.input_image_size = (grid, grid), (side, side)
    prompts.mask_input_size = (4 * grid, 4 * grid)


def no_prompts(sam: Sam, batch: int) -> tuple[Tensor, Tensor]:
    """Sparse (B, 0, C) and dense (B, C, h, w) embeddings of no prompt at all: the learned no-mask embedding."""
    sparse, dense = sam.prompt_encoder(points=None, boxes=None, masks=None)
    return sparse.expand(batch, -1, -1), dense.expand(batch, -1, -1, -1)


def decode(sam: Sam, embedding: Tensor, sparse: Tensor, dense: Tensor) -> Tensor:
    """Logits of mask token 0 for a batch of images with prompts of their own.

    segment-anything's decoder takes one image with many prompts; this is the same computation for many images, on the
    same modules (a test holds both equal).

    Args:
        sam: its decoder and positional encoding are used.
        embedding: (B, C, h, w) from the image encoder.
        sparse: (B, T, C) embeddings of points and boxes, T >= 0.
        dense: (B, C, h, w) embedding of a mask, or of none.

    Returns:
        (B, 1, 4h, 4w).
    """
    decoder = sam.mask_decoder
    batch = len(embedding)
    learned = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight]).expand(batch, -1, -1)
    with torch.autocast(embedding.device.type, enabled=False):  # bf16 knows no place on a grid of 64 x 64
        position = sam.prompt_encoder.get_dense_pe().expand(batch, -1, -1, -1)
    tokens, source = decoder.transformer(embedding + dense, position, torch.cat([learned, sparse], dim=1))
    upscaled = decoder.output_upscaling(source.transpose(1, 2).reshape(embedding.shape))
    kernel = decoder.output_hypernetworks_mlps[0](tokens[:, 1])  # token 0 is the IoU token
    return torch.einsum("bc,bchw->bhw", kernel, upscaled).unsqueeze(1)
