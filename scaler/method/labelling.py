"""The cached pseudo-labels of both models, in each image's own frame, one shard at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from scaler.artifacts.labels import shard_range
from scaler.artifacts.splits import DataSet
from scaler.method.consensus import consensus
from scaler.method.ensemble import draw_views, ensemble
from scaler.method.weighting import branch, image_entropy, image_weight, pixel_weight
from scaler.params import Params, WeightingParams
from scaler.progress import progress
from scaler.randomness import generator
from scaler.training.cues import Cues
from scaler.training.device import Compute
from scaler.training.prediction import predict, segment, segment_with_sam

F32 = NDArray[np.float32]


@dataclass(frozen=True)
class ShardLabels:
    """Labels of the n images of one shard.

    Attributes:
        ids: n image ids.
        maps: name -> (n, S, S) float32 probabilities.
        columns: name -> (n,) float32.
    """

    ids: list[str]
    maps: Mapping[str, F32]
    columns: Mapping[str, NDArray[Any]]


def label_with_sam(
    params: Params,
    data: DataSet,
    model: nn.Module,
    compute: Compute,
    round_number: int,
    shard: str,
    cues: Cues | None = None,
) -> ShardLabels:
    """P_S of eq 2-3: for each image the mean over K views, drawn from a generator of the image's own id.

    So an image's label does not depend on which images share its shard.
    """
    options = params.label_with_sam
    chosen = shard_range(len(data.ids), len(params.shards), int(shard))
    ids = [data.ids[i] for i in chosen]
    views = [
        draw_views(
            generator(params.seed, "label_with_sam", round_number, name),
            options.views,
            options.flips,
            options.quarter_turns,
            options.scales,
            options.replacement,
        )
        for name in ids
    ]
    with progress(len(ids) * options.views, f"label with SAM, shard {shard}", unit="view") as bar:
        probability = ensemble(
            model,
            segment_with_sam,
            data.image[list(chosen)],
            views,
            options.average,
            compute,
            options.batch_size,
            bar.update,
            None if cues is None else replace(cues, maps=cues.maps[list(chosen)]),
        )
    return ShardLabels(ids, {"probability": probability}, weight_columns(probability, params.weighting))


def label_with_segmenter(
    params: Params, data: DataSet, student: nn.Module, teacher: nn.Module, compute: Compute, shard: str
) -> ShardLabels:
    """P_T, the student's P and their consensus P_G; the columns are the teacher's."""
    options = params.label_with_segmenter
    chosen = list(shard_range(len(data.ids), len(params.shards), int(shard)))
    image = data.image[chosen]
    with progress(2 * len(chosen), f"label with segmenter, shard {shard}", unit="image") as bar:
        maps = {
            name: predict(model, segment, image, compute, options.batch_size, bar.update)
            for name, model in (("teacher", teacher), ("student", student))
        }
    agreed = consensus(torch.from_numpy(maps["teacher"]), torch.from_numpy(maps["student"]), options.consensus)
    columns = weight_columns(maps["teacher"], params.weighting)
    return ShardLabels([data.ids[i] for i in chosen], {"probability": agreed.numpy(), **maps}, columns)


def weight_columns(probability: F32, options: WeightingParams) -> dict[str, NDArray[Any]]:
    """Eq 4-6 and 12 for each image of a stack: entropy E, weight w, mean of u, and the branch by this E alone."""
    p = torch.from_numpy(probability).unsqueeze(1)
    entropy = image_entropy(p, options.entropy_region)
    return {
        "entropy": entropy.numpy(),
        "weight": image_weight(entropy, options.image_weight).numpy(),
        "mean_pixel_weight": pixel_weight(p, options.pixel_weight).mean(dim=(1, 2, 3)).numpy(),
        "branch": branch(entropy, options.difficult_entropy, options.simple_entropy).numpy(),
    }
