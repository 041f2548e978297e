"""What the pipeline asks of a network, so that any user's own can take part."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor

from scaler.models.prompts import Prompts


@runtime_checkable
class Segmenter(Protocol):
    """A small task network; `f_s` and `f_t` of the paper are two copies of one.

    Attributes:
        multiple_of: height and width of an input must be divisible by this number.
    """

    multiple_of: int

    def __call__(self, image: Tensor) -> list[Tensor]:
        """Segment a batch.

        Args:
            image: (B, 3, H, W) float, RGB in [0, 1]; normalisation is the network's own business.

        Returns:
            Logits at one or more depths, coarse to fine, each (B, 1, H, W) in the frame of the input; the last is
            the prediction, the others are for deep supervision.
        """
        ...


@runtime_checkable
class Foundation(Protocol):
    """A foundation model with an adapter; `F` of the paper.

    Attributes:
        multiple_of: height and width of an input must be divisible by this number.
    """

    multiple_of: int

    def __call__(self, image: Tensor, prompts: Prompts | None = None) -> Tensor:
        """Segment a batch.

        Args:
            image: (B, 3, H, W) float, RGB in [0, 1]; normalisation and resizing to the model's own input size
                happen inside.
            prompts: in pixels of that frame; the method uses none.

        Returns:
            Logits (B, 1, H, W) in the frame of the input.
        """
        ...

    def trainable_names(self) -> list[str]:
        """Names of the parameters that are trained and stored; all others stay frozen at the loaded weights."""
        ...
