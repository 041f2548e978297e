"""SAM2 on images, adapted: `F` of the paper with a newer foundation model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import Sam2HieraDetModel, Sam2Model, Sam2VisionModel, Sam3TrackerModel
from transformers.models.sam2.modeling_sam2 import Sam2PromptEncoder, Sam2VisionNeck
from transformers.models.sam3_tracker.modeling_sam3_tracker import Sam3TrackerPromptEncoder

from scaler.models.adapted import AdaptedModel, Features
from scaler.models.loading import load_strictly
from scaler.models.prompts import PADDING, Prompts
from scaler.models.sam2_adapter import blocks_entered
from scaler.models.sam2_build import OWN_SIDE, PATCH, SIZES, build_sam2, empty_sam2, set_side
from scaler.models.sam2_keys import to_transformers
from scaler.models.sam_adapter import high_pass
from scaler.models.stage_adapters import StageAdapters

CORNERS = (2, 3)  # how SAM2 labels the upper left and the lower right corner of a box among points


class Sam2(AdaptedModel):
    """SAM 2.1 tiny, small, base_plus or large, without its memory of videos, at any side that 32 divides.

    Hiera's position embedding adapts to the grid: its coarse part is interpolated, its fine part repeated.
    Without prompts: empty sparse embedding, learned no-mask embedding. Mask token 0, always; SAM2's own predictor
    instead takes the best of the three others where that one's edge is uncertain (`dynamic_multimask_via_stability`),
    a choice that has no gradient and would change from one round of training to the next.

    Trained beside the adaptation: the mask decoder with its two convolutions of the high-resolution features, and the
    no-mask embedding. The no-memory embedding is loaded and added to every image's features but stays frozen: without
    prompts it is added to the same sum as the no-mask embedding and has the same gradient, so that training both would
    only double the step. Hiera and the feature pyramid behind it are frozen.

    Args:
        sam: with its weights loaded.
        side: input size of the encoder in pixels; None: 1024.

    Raises:
        ScalerError: `side` is no multiple of 32.
    """

    trained_beside = ("sam.mask_decoder.", "sam.prompt_encoder.no_mask_embed.")

    def __init__(self, sam: Sam2Model, side: int | None = None) -> None:
        super().__init__(OWN_SIDE if side is None else side)
        self.sam = sam
        self.adapter: StageAdapters | None = None
        set_side(sam, self.side)

    def encoder(self) -> Sam2VisionModel:
        """Hiera and the feature pyramid."""
        encoder: Sam2VisionModel = self.sam.vision_encoder
        return encoder

    def add_adapter(self) -> None:
        """SAM2-Adapter: one adapter per stage of Hiera."""
        config = self.encoder().backbone.config
        runs = blocks_entered(config.blocks_per_stage)
        patches = [PATCH * 2**stage for stage in range(len(runs))]
        self.adapter = StageAdapters(config.embed_dim_per_stage, runs, patches)

    def encode(self, image: Tensor) -> Features:
        """256 channels at side/16, and at side/4 and side/8, these before the decoder's two convolutions."""
        encoder = self.encoder()
        fine, middle, coarse = _pyramid(encoder.neck, self._stages(encoder.backbone, image))
        return Features(coarse + self.sam.no_memory_embedding.view(1, -1, 1, 1), (fine, middle))

    def _stages(self, hiera: Sam2HieraDetModel, image: Tensor) -> list[Tensor]:
        """Hiera's own computation: the tokens (B, h, w, D_s) that each stage ends with, finest first."""
        high = high_pass(image) if self.adapter is not None else None
        tokens = hiera.patch_embed(image)
        features = self._features(0, tokens, high)
        tokens = tokens + _positions(hiera, tokens.shape[1])
        ends: list[Tensor] = []
        for number in range(len(hiera.blocks)):
            tokens = self.run(partial(self._block, hiera, number, features), tokens)
            if number - 1 in hiera.stage_ends:  # this block has pooled
                features = self._features(len(ends), tokens, high)
            if number in hiera.stage_ends:
                ends.append(tokens)
        return ends

    def _features(self, stage: int, tokens: Tensor, high: Tensor | None) -> Tensor | None:
        return None if self.adapter is None or high is None else self.adapter.features(stage, tokens, high)

    def _block(self, hiera: Sam2HieraDetModel, number: int, features: Tensor | None, tokens: Tensor) -> Tensor:
        if self.adapter is not None and features is not None:
            tokens = tokens + self.adapter.nudge(features, number)
        out: Tensor = hiera.blocks[number](tokens)
        return out

    def decode(self, features: Features, prompts: Prompts | None) -> Tensor:
        """SAM2's own decoder, mask token 0: (B, 1, side/4, side/4)."""
        return decode_sam2(self.sam, features, prompts)


def loaded(name: str, side: int | None, state: Mapping[str, Tensor], path: Path) -> Sam2:
    """SAM2 with the weights of one of Meta's `.pt` files or of one on Hugging Face, strictly.

    Every key is loaded, or belongs to the memory of videos (`scaler.models.sam2_keys`). A checkpoint of SAM 2.0 differs
    in that memory alone and loads as well.

    Raises:
        ScalerError: a key is missing, unexpected or of another shape; or `side` does not suit.
    """
    sam = empty_sam2(SIZES[name])
    load_strictly(sam, to_transformers(state), path)
    return Sam2(sam, side)


def untrained(name: str, side: int | None) -> Sam2:
    """The architecture with random weights."""
    return Sam2(build_sam2(SIZES[name]), side)


def decode_sam2(sam: Sam2Model | Sam3TrackerModel, features: Features, prompts: Prompts | None) -> Tensor:
    """Logits of mask token 0, four times as fine as the embedding, by SAM2's decoder; SAM 3's tracker has the same."""
    embedding = features.embedding
    fine, middle = features.high_resolution
    decoder, batch = sam.mask_decoder, len(embedding)
    with torch.autocast(embedding.device.type, enabled=False):  # half precision knows no place in 1,024 pixels
        sparse, dense = encode_prompts_sam2(sam.prompt_encoder, prompts, batch)
        position = sam.get_image_wide_positional_embeddings().expand(batch, -1, -1, -1)
    masks, *_ = decoder(
        image_embeddings=embedding,
        image_positional_embeddings=position,
        sparse_prompt_embeddings=sparse.unsqueeze(1),  # one object per image
        dense_prompt_embeddings=dense,
        multimask_output=False,
        high_resolution_features=[decoder.conv_s0(fine), decoder.conv_s1(middle)],
    )
    logits: Tensor = masks[:, 0]
    return logits


def encode_prompts_sam2(
    encoder: Sam2PromptEncoder | Sam3TrackerPromptEncoder, prompts: Prompts | None, batch: int
) -> tuple[Tensor, Tensor]:
    """SAM2's embeddings of the prompts of a batch, in the frame of its input size.

    A box is two points among the others, as in SAM2's own predictor, and one "not a point" ends the list, if there is
    a list. An image alone gets what that predictor gives; in a batch, the places of points and boxes that an image
    lacks hold "not a point" too. `Prompts` hold continuous coordinates; the encoder counts pixels and adds the half.

    Args:
        encoder: with its sizes set to the input's.
        prompts: of B images; None: no prompt at all.
        batch: B.

    Returns:
        Sparse (B, T, C), T = 0 without points and boxes, and dense (B, C, h, w).
    """
    nothing = encoder.no_mask_embed.weight
    dense = nothing.view(1, -1, 1, 1).expand(batch, -1, *encoder.image_embedding_size)
    sparse = nothing.new_zeros(batch, 0, nothing.shape[1])
    if prompts is None:
        return sparse, dense
    points, labels = prompts.points_xy, prompts.point_labels
    if prompts.box_xyxy is not None:
        corners = torch.where(prompts.has_box.unsqueeze(1), labels.new_tensor(CORNERS), PADDING)
        points = torch.cat([prompts.box_xyxy.view(batch, 2, 2), points], dim=1)
        labels = torch.cat([corners, labels], dim=1)
    if labels.shape[1]:
        embedded, _ = encoder((points - 0.5).unsqueeze(1), labels.unsqueeze(1), None, None)
        sparse = embedded[:, 0]
    if prompts.mask_logits is not None and bool(prompts.has_mask.any()):
        size = encoder.mask_input_size
        masks = F.interpolate(prompts.mask_logits.float(), size, mode="bilinear", align_corners=False, antialias=True)
        dense = torch.where(prompts.has_mask.view(-1, 1, 1, 1), encoder.mask_embed(masks), dense)
    return sparse, dense


def _positions(hiera: Sam2HieraDetModel, grid: int) -> Tensor:
    """The position embedding on a grid x grid of tokens: (1, grid, grid, D)."""
    coarse, window = hiera.pos_embed, hiera.pos_embed_window
    repeats = grid // window.shape[-1]
    whole = F.interpolate(coarse, (grid, grid), mode="bicubic", align_corners=False)
    return (whole + window.tile(1, 1, repeats, repeats)).permute(0, 2, 3, 1)


def _pyramid(neck: Sam2VisionNeck, stages: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """The feature pyramid's maps at strides 4, 8 and 16, without the position encodings that only videos need.

    The two finer maps see their own stage alone; that of stride 16 is joined by the deepest, which then goes.
    """
    fine, middle, coarse, deepest = (
        convolution(tokens.permute(0, 3, 1, 2))
        for convolution, tokens in zip(reversed(neck.convs), stages, strict=True)
    )
    return fine, middle, coarse + F.interpolate(deepest, scale_factor=2.0, mode="nearest")
