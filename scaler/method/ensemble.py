"""The foundation model's label of an image: the mean over K augmented views of it (eq 2-3), and how far they agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scaler.artifacts.pictures import Pictures
from scaler.data.geometry import View, all_views, canonical
from scaler.data.zoom import zoomed
from scaler.models.prompts import Prompts
from scaler.models.protocols import Foundation
from scaler.params import LabelWithSamParams
from scaler.training.prediction import Advance, Inference
from scaler.training.prompting import Cues

Average = Literal["probability", "logits"]
CERTAIN = 2.0**-20  # "logits" takes p as at least this and at most 1 minus this, so logits up to 13.9; exact in float32

PromptsOf = Callable[[list[int], View], Prompts]  # of some of the images, by their rows, in the frame of a view


class Ensemble(NamedTuple):
    """What K views of each image say together.

    Attributes:
        probability: (B, 1, H, W) tensor, or (N, H, W) array: P_S in [0, 1], in the images' own frame.
        agreement: (B,) or (N,) in [0, 1]. With P_j the mean and s_j the standard deviation of the K probabilities at
            pixel j: (1 + sum max(P_j - s_j, 0)) / (1 + sum min(P_j + s_j, 1)), the IoU of the smallest and the largest
            object that the views leave possible. 1 where all views say the same.
    """

    probability: Tensor
    agreement: Tensor


def draw_views(rng: np.random.Generator, options: LabelWithSamParams) -> list[View]:
    """The K views of one image.

    Args:
        rng: the only source of randomness.
        options: `flips`, `quarter_turns` and `scales` to draw from. `draw: distinct`: no geometry comes again before
            each has come once; two names of one geometry (see `canonical`) count as one. "independent": flip, turn and
            scale of each view are drawn for themselves.

    Returns:
        `options.views` views.
    """
    combinations = all_views(options.flips, options.quarter_turns, options.scales)
    if options.draw == "independent":
        return [combinations[i] for i in rng.choice(len(combinations), size=options.views)]
    geometries = sorted({canonical(view) for view in combinations})
    views: list[View] = []
    while len(views) < options.views:
        chosen = rng.permutation(len(geometries))[: options.views - len(views)]
        views += [geometries[i] for i in chosen]
    return views


@torch.no_grad()
def sam_ensemble(
    predict: Callable[..., Tensor],
    image: Tensor,
    views: Sequence[Sequence[View]],
    average: Average = "probability",
    multiple_of: int = 1,
    advance: Advance = lambda count: None,
    prompts: PromptsOf | None = None,
    zoom: bool = False,
    side: int | None = None,
) -> Ensemble:
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
        prompts: the second argument of `predict`.
        zoom: a scale is a magnification (`scaler.data.zoom`) instead of another size of the whole image.
        side: of the label, where it is not that of the image.

    Returns:
        Label and agreement; probabilities of the dtype of `image`.

    Raises:
        ValueError: the number of view lists is not B, one of them is empty, or an unknown `average`.
    """
    if len(views) != len(image) or not all(views):
        raise ValueError(f"ensemble: expected {len(image)} lists of at least one view, got {[len(v) for v in views]}")
    if average not in ("probability", "logits"):
        raise ValueError(f"ensemble: expected average 'probability' or 'logits', got {average!r}")
    size = image.shape[-2:] if side is None else (side, side)
    drawn = [Counter(canonical(view) for view in of_image) for of_image in views]
    # One order of the views for all images: a label must not depend on its neighbours in the batch. Double precision
    # makes the mean of equal votes that very vote; it is kept on the CPU, as not every device has it.
    votes, logits, squares = (torch.zeros(len(image), 1, *size, dtype=torch.float64) for _ in range(3))
    for view in sorted(set().union(*drawn)):
        rows = [i for i, counts in enumerate(drawn) if view in counts]
        index, times = torch.tensor(rows), torch.tensor([drawn[i][view] for i in rows], dtype=torch.float64)
        shape = view._replace(scale=1.0) if zoom else view
        moved = shape.apply(image[index.to(image.device)], multiple_of=multiple_of)
        if prompts is not None:
            p = predict(moved, prompts(rows, view))
        else:
            p = zoomed(predict, moved, view.scale) if zoom else predict(moved)
        p = p.to(image.dtype)
        vote, weight = shape.invert(p, size).cpu().double(), times.view(-1, 1, 1, 1)
        votes.index_add_(0, index, vote * weight)
        squares.index_add_(0, index, vote.square() * weight)
        if average == "logits":
            logits.index_add_(0, index, shape.invert(torch.logit(p, eps=CERTAIN), size).cpu() * weight)
        advance(int(times.sum()))
    count = torch.tensor([len(of_image) for of_image in views]).view(-1, 1, 1, 1)
    mean = votes / count
    label = torch.sigmoid(logits / count) if average == "logits" else mean
    return Ensemble(label.clamp(0, 1).to(image), _agreement(mean, squares / count).to(image))


def _agreement(mean: Tensor, mean_square: Tensor) -> Tensor:
    spread = (mean_square - mean.square()).clamp(min=0).sqrt()
    spread = spread.masked_fill(spread < 1e-6, 0.0)  # what rounding leaves of equal votes
    smallest = (mean - spread).clamp(min=0).sum(dim=(1, 2, 3))
    largest = (mean + spread).clamp(max=1).sum(dim=(1, 2, 3))
    return (1 + smallest) / (1 + largest)


def ensemble(
    inference: Inference,
    image: Pictures,
    views: Sequence[Sequence[View]],
    average: Average,
    cues: Cues | None = None,
    advance: Advance = lambda count: None,
    zoom: bool = False,
    side: int | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """`sam_ensemble` over a stack of images, in evaluation mode.

    Args:
        inference: the foundation model; the model has its `multiple_of`.
        image: (N, H, W, 3) uint8 RGB.
        views: N sequences of views.
        average: "probability" or "logits".
        cues: what the model is prompted with, N maps; None for nothing.
        advance: called with the number of views done (progress).
        zoom: as in `sam_ensemble`.
        side: as in `sam_ensemble`.

    Returns:
        Probabilities (N, H, W) in [0, 1], in the images' own frame, and the agreement (N,); both float32.
    """
    multiple_of, compute = cast(Foundation, inference.model).multiple_of, inference.compute
    size = image.shape[1:3] if side is None else (side, side)
    probability = np.empty((len(image), *size), dtype=np.float32)
    agreement = np.empty(len(image), dtype=np.float32)
    with inference.evaluating():
        for part in inference.parts(len(image)):
            prompts = None if cues is None else cues.of_views(part, compute, image.shape[1])
            batch = compute.images(image[part])
            p, a = sam_ensemble(inference, batch, views[part], average, multiple_of, advance, prompts, zoom, side)
            probability[part], agreement[part] = p.squeeze(1).cpu().numpy(), a.cpu().numpy()
    return probability, agreement
