"""The foundation model's label of an image: the mean over K augmented views of it (eq 2-3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scaler.data.geometry import Flip, View, all_views, canonical
from scaler.models.prompts import Prompts
from scaler.models.protocols import Foundation
from scaler.training.prediction import Advance, Inference
from scaler.training.prompting import Cues

Average = Literal["probability", "logits"]
CERTAIN = 2.0**-20  # "logits" takes p as at least this and at most 1 minus this, so logits up to 13.9; exact in float32


def draw_views(
    rng: np.random.Generator,
    count: int,
    flips: Sequence[Flip],
    turns: Sequence[int],
    scales: Sequence[float],
    replacement: bool = True,
) -> list[View]:
    """The K views of one image.

    Args:
        rng: the only source of randomness.
        count: K.
        flips: flips to draw from.
        turns: quarter turns to draw from.
        scales: scales to draw from.
        replacement: True: flip, turn and scale are drawn independently for each view. False: no combination of the
            three comes twice; two combinations may still be one geometry by different names (see `canonical`).

    Raises:
        ValueError: without replacement, more views than combinations.
    """
    combinations = all_views(flips, turns, scales)
    if not replacement and count > len(combinations):
        raise ValueError(f"views: {count} without replacement out of only {len(combinations)} combinations")
    chosen = rng.choice(len(combinations), size=count, replace=replacement)
    return [combinations[i] for i in chosen]


@torch.no_grad()
def sam_ensemble(
    predict: Callable[..., Tensor],
    image: Tensor,
    views: Sequence[Sequence[View]],
    average: Average = "probability",
    multiple_of: int = 1,
    advance: Advance = lambda count: None,
    prompts: Callable[[list[int], View], Prompts] | None = None,
) -> Tensor:
    """Eq 2-3: P_S = (1/K) sum_k T_k^-1(F(T_k(x))), each image with views of its own.

    A geometry that an image drew more than once is computed once and counted as often as it was drawn. The images
    that share a geometry go through the model together.

    Args:
        predict: (b, 3, H', W') images in [0, 1] to (b, 1, H', W') probabilities, b <= B.
        image: (B, 3, H, W) float in [0, 1].
        views: B sequences of views.
        average: "probability", or "logits": the mean of the views' logits.
        multiple_of: sides that the model takes; a scaled side is rounded to the nearest multiple.
        advance: called with the number of views done (progress).
        prompts: of some of the images, by their rows, in the frame of a view; the second argument of `predict`.

    Returns:
        (B, 1, H, W), probabilities in [0, 1] in the images' own frame, of the dtype of `image`.

    Raises:
        ValueError: the number of view lists is not B, one of them is empty, or an unknown `average`.
    """
    if len(views) != len(image) or not all(views):
        raise ValueError(f"ensemble: expected {len(image)} lists of at least one view, got {[len(v) for v in views]}")
    if average not in ("probability", "logits"):
        raise ValueError(f"ensemble: expected average 'probability' or 'logits', got {average!r}")
    size = image.shape[-2:]
    drawn = [Counter(canonical(view) for view in of_image) for of_image in views]
    # One order of the views for all images: a label must not depend on its neighbours in the batch. Double precision
    # makes the mean of equal votes that very vote; it is kept on the CPU, as not every device has it.
    total = torch.zeros(len(image), 1, *size, dtype=torch.float64)
    for view in sorted(set().union(*drawn)):
        rows = [i for i, counts in enumerate(drawn) if view in counts]
        times = [drawn[i][view] for i in rows]
        index = torch.tensor(rows)
        moved = view.apply(image[index.to(image.device)], multiple_of=multiple_of)
        p = (predict(moved) if prompts is None else predict(moved, prompts(rows, view))).to(image.dtype)
        vote = view.invert(torch.logit(p, eps=CERTAIN) if average == "logits" else p, size)
        total.index_add_(0, index, vote.cpu() * torch.tensor(times, dtype=torch.float64).view(-1, 1, 1, 1))
        advance(sum(times))
    mean = total / torch.tensor([len(of_image) for of_image in views]).view(-1, 1, 1, 1)
    return (torch.sigmoid(mean) if average == "logits" else mean).clamp(0, 1).to(image)


def ensemble(
    inference: Inference,
    image: NDArray[np.uint8],
    views: Sequence[Sequence[View]],
    average: Average,
    cues: Cues | None = None,
    advance: Advance = lambda count: None,
) -> NDArray[np.float32]:
    """`sam_ensemble` over a stack of images, in evaluation mode.

    Args:
        inference: the foundation model; the model has its `multiple_of`.
        image: (N, H, W, 3) uint8 RGB.
        views: N sequences of views.
        average: "probability" or "logits".
        cues: what the model is prompted with, N maps; None for nothing.
        advance: called with the number of views done (progress).

    Returns:
        (N, H, W) float32 in [0, 1], in the images' own frame.
    """
    multiple_of, compute = cast(Foundation, inference.model).multiple_of, inference.compute
    result = np.empty(image.shape[:3], dtype=np.float32)
    with inference.evaluating():
        for part in inference.parts(len(image)):
            prompts = None if cues is None else cues.of_views(part, compute)
            p = sam_ensemble(
                inference, compute.images(image[part]), views[part], average, multiple_of, advance, prompts
            )
            result[part] = p.squeeze(1).cpu().numpy()
    return result
