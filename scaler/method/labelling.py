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
from scaler.method.initialization import Pair
from scaler.method.weighting import branch, image_entropy, image_weight, pixel_weight
from scaler.params import Params, WeightingParams
from scaler.progress import progress
from scaler.randomness import generator
from scaler.training.device import Compute
from scaler.training.prediction import Inference, predict, segment, segment_with_sam
from scaler.training.prompting import Cues

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
    params: Params, data: DataSet, model: nn.Module, compute: Compute, stop: tuple[int, str], cues: Cues | None = None
) -> ShardLabels:
    """P_S of eq 2-3: for each image the mean over K views, drawn from a generator of the image's own id.

    So an image's label does not depend on which images share its shard.

    Args:
        params: blocks seed, shards, weighting, label_with_sam.
        data: the training set.
        model: the foundation model, on `compute`'s device.
        compute: device and precision.
        stop: round and shard.
        cues: what the model is prompted with, a map for each image of `data`; None for nothing.
    """
    options, (round_number, shard) = params.label_with_sam, stop
    chosen = list(shard_range(len(data.ids), len(params.shards), int(shard)))
    ids = [data.ids[i] for i in chosen]
    views = [draw_views(generator(params.seed, "label_with_sam", round_number, name), options) for name in ids]
    inference = Inference(model, segment_with_sam, compute, options.batch_size)
    own_cues = None if cues is None else replace(cues, maps=cues.maps[chosen])
    with progress(len(ids) * options.views, f"label with SAM, shard {shard}", unit="view") as bar:
        probability, agreement = ensemble(
            inference,
            data.part(chosen).foundation_image,
            views,
            options.average,
            own_cues,
            bar.update,
            options.zoom,
            data.image.shape[1],
        )
    columns = weight_columns(probability, params.weighting) | {"agreement": agreement}
    if params.weighting.image_weight == "agreement":
        columns["weight"] = agreement
    return ShardLabels(ids, {"probability": probability}, columns)


def label_with_segmenter(params: Params, data: DataSet, pair: Pair, compute: Compute, shard: str) -> ShardLabels:
    """P_T, the student's P and their consensus P_G; the columns are the teacher's.

    Args:
        params: blocks shards, weighting, label_with_segmenter.
        data: the training set.
        pair: student and teacher, on `compute`'s device.
        compute: device and precision.
        shard: which part of the images.
    """
    options = params.label_with_segmenter
    chosen = list(shard_range(len(data.ids), len(params.shards), int(shard)))
    image = data.image[chosen]
    with progress(2 * len(chosen), f"label with segmenter, shard {shard}", unit="image") as bar:
        student, teacher = (
            predict(Inference(model, segment, compute, options.batch_size), image, advance=bar.update) for model in pair
        )
    agreed = consensus(torch.from_numpy(teacher), torch.from_numpy(student), options.consensus)
    maps = {"probability": agreed.numpy(), "teacher": teacher, "student": student}
    return ShardLabels([data.ids[i] for i in chosen], maps, weight_columns(teacher, params.weighting))


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
