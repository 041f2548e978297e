"""SAM 3 on images, adapted: prompted by words (`sam3`), or by points, boxes and masks (`sam3_tracker`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from scaler.errors import ScalerError
from scaler.models.adapted import AdaptedModel, Features
from scaler.models.loading import load_strictly
from scaler.models.names import VOCABULARY
from scaler.models.prompts import Prompts
from scaler.models.sam2 import decode_sam2
from scaler.models.sam3_build import PATCH, SIZE, build_detector, build_tracker, own_side
from scaler.models.sam3_keys import detector_state, tracker_state
from scaler.models.sam_adapter import Adapter

HALF = (127.5, 127.5, 127.5)  # mean and deviation that SAM 3 was trained with, on RGB in [0, 255]
TOKENS = 32  # of a text, with its begin and end; the text encoder takes no more
CONCEPT_HEAD = (  # parts of the mask decoder; its third convolution would need one more map than there are
    "pixel_decoder.conv_layers.0.", "pixel_decoder.conv_layers.1.", "pixel_decoder.norms.0.", "pixel_decoder.norms.1.",
    "semantic_projection.", "prompt_cross_attn",
)  # fmt: skip
UNUSED = ("text_encoder", "text_projection", "geometry_encoder", "detr_decoder", "dot_product_scoring")


class _Sam3(AdaptedModel):
    """What both have in common: the image encoder and its adapter, at any side that 14 divides."""

    lora_layers = (".attention.q_proj", ".attention.k_proj", ".attention.v_proj", ".attention.o_proj")

    def __init__(self, sam: nn.Module, side: int) -> None:
        super().__init__(side, HALF, HALF)
        self.sam: Any = sam
        self.adapter: Adapter | None = None

    def encoder(self) -> nn.Module:
        """The ViT and its feature pyramid."""
        return cast(nn.Module, self.sam.vision_encoder)

    def add_adapter(self) -> None:
        """SAM-Adapter, with the rank that belongs to the width of the ViT."""
        config = self.sam.vision_encoder.backbone.config
        self.adapter = Adapter(config.hidden_size, config.num_hidden_layers, PATCH)

    def encode(self, image: Tensor) -> Features:
        """The ViT's own computation and its pyramid: 256 channels at side/14, and at four and two times that."""
        vit, grid = self.sam.vision_encoder.backbone, self.side // PATCH
        patches = vit.embeddings.patch_embeddings(image).unflatten(1, (grid, grid))
        guide = self.adapter.features(patches, image) if self.adapter is not None else None
        tokens = vit.layer_norm(patches + _positions(vit.embeddings.position_embeddings, grid))
        for number, layer in enumerate(vit.layers):
            if self.adapter is not None and guide is not None:
                tokens = tokens + self.adapter.nudge(guide, number)
            tokens = self.run(layer, tokens)
        maps = tokens.permute(0, 3, 1, 2)
        fine, middle, coarse = (level(maps) for level in self.sam.vision_encoder.neck.fpn_layers[:3])
        return Features(coarse, (fine, middle))


class Sam3Words(_Sam3):
    """SAM 3's detector, asked for all that some words name: its head for the whole of a concept, not for each object.

    The words are the same for all images, so they are encoded once (`read_words`); the text encoder is then dropped,
    and so are the parts that find single objects. Trained beside the adaptation: what leads to that head in the
    mask decoder.

    Args:
        sam: with its weights loaded.
        side: input size of the encoder in pixels.
    """

    trained_beside = tuple(f"sam.mask_decoder.{part}" for part in CONCEPT_HEAD)
    words: Tensor

    def __init__(self, sam: nn.Module, side: int) -> None:
        super().__init__(sam, side)
        self.register_buffer("words", torch.zeros(1, 0, 0), persistent=False)

    def train(self, mode: bool = True) -> Sam3Words:
        """As usual, but for what is frozen: its dropout stays off."""
        super().train(mode)
        self.sam.detr_encoder.eval()
        return self

    @torch.no_grad()
    def read_words(self, text: str, vocabulary: Path) -> None:
        """Encode what is to be found, and drop what is not needed any more.

        Raises:
            ScalerError: no vocabulary, or the text is too long.
        """
        ids = torch.tensor([token_ids(text, vocabulary)])
        encoded = self.sam.text_encoder.eval()(input_ids=ids).last_hidden_state
        self.keep_words(self.sam.text_projection(encoded))

    def keep_words(self, words: Tensor) -> None:
        """Take encoded words (1, T, C), and drop what is not needed any more."""
        self.words = words
        for name in UNUSED:
            delattr(self.sam, name)

    def decode(self, features: Features, prompts: Prompts | None) -> Tensor:
        """Logits of the concept: (B, 1, 2 side / 7, 2 side / 7). Prompts other than the words are not taken.

        Raises:
            ScalerError: no words were read.
        """
        if not self.words.numel():
            raise ScalerError("sam.text: sam3 is asked for something by words; say what, such as text: polyp.")
        coarse, batch = features.embedding, len(features.embedding)
        position = self.sam.vision_encoder.neck.position_encoding(coarse.shape, coarse.device, coarse.dtype)
        words = self.words.to(coarse.dtype).expand(batch, -1, -1)
        found = self.sam.detr_encoder(
            vision_features=[coarse], text_features=words, vision_pos_embeds=[position]
        ).last_hidden_state
        out = self.sam.mask_decoder(
            decoder_queries=found.new_zeros(batch, 1, found.shape[-1]),  # no single objects
            backbone_features=[*features.high_resolution, coarse],
            encoder_hidden_states=found,
            prompt_features=words,
        )
        return cast(Tensor, out.semantic_seg)


class Sam3Tracker(_Sam3):
    """SAM 3's tracker on single images: SAM 2's prompts and decoder on SAM 3's encoder. Mask token 0, as for SAM 2.

    The no-memory embedding goes to the map at side/14, as where transformers runs videos. (`Sam3TrackerModel`'s own
    forward adds it to the pyramid's last map, which it then leaves out.)

    Args:
        sam: with its weights loaded.
        side: input size of the encoder in pixels.
    """

    trained_beside = ("sam.mask_decoder.", "sam.prompt_encoder.no_mask_embed.")

    def encode(self, image: Tensor) -> Features:
        """As both do, with the embedding of no memory."""
        features = super().encode(image)
        return Features(features.embedding + self.sam.no_memory_embedding.view(1, -1, 1, 1), features.high_resolution)

    def decode(self, features: Features, prompts: Prompts | None) -> Tensor:
        """Mask token 0: (B, 1, 2 side / 7, 2 side / 7)."""
        return decode_sam2(self.sam, features, prompts)


def loaded(name: str, side: int | None, state: Mapping[str, Tensor], path: Path) -> Sam3Words | Sam3Tracker:
    """SAM 3's detector or tracker with the weights of the published file, strictly.

    Raises:
        ScalerError: a key is missing, unexpected or of another shape; or `side` does not suit.
    """
    side = own_side(SIZE, side)
    if name == "sam3":
        detector = build_detector(SIZE, side, random=False)
        load_strictly(detector, detector_state(state), path)
        return Sam3Words(detector, side)
    tracker = build_tracker(SIZE, side, random=False)
    load_strictly(tracker, tracker_state(state), path)
    return Sam3Tracker(tracker, side)


def untrained(name: str, side: int | None) -> Sam3Words | Sam3Tracker:
    """The architecture with random weights; of the detector, asked for eight random words."""
    side = own_side(SIZE, side)
    if name != "sam3":
        return Sam3Tracker(build_tracker(SIZE, side), side)
    model = Sam3Words(build_detector(SIZE, side), side)
    model.keep_words(torch.randn(1, 8, SIZE.decoder.width))
    return model


def token_ids(text: str, vocabulary: Path) -> list[int]:
    """The text as numbers, begin and end included.

    Raises:
        ScalerError: no readable vocabulary there, or the text is empty or too long.
    """
    if not vocabulary.is_file():
        raise ScalerError(
            f"{vocabulary}: not found. SAM 3 reads words by the file {VOCABULARY} that is published with its weights; "
            "put it into the same folder (docs/weights.md)."
        )
    try:
        ids: list[int] = Tokenizer.from_file(str(vocabulary)).encode(text).ids
    except Exception as error:  # the library raises nothing more special
        raise ScalerError(f"{vocabulary}: not readable as a vocabulary ({error}); fetch it again.") from None
    if not 2 < len(ids) <= TOKENS:
        raise ScalerError(f"sam.text: expected a few words ({TOKENS - 2} tokens at most), got {text!r}.")
    return ids


def _positions(embedding: Tensor, grid: int) -> Tensor:
    """The position embedding (1, n n, D), repeated like tiles over a grid x grid of tokens: (1, grid, grid, D)."""
    own = int(embedding.shape[1] ** 0.5)
    repeats = -(-grid // own)
    return embedding.view(1, own, own, -1).tile(1, repeats, repeats, 1)[:, :grid, :grid]
