"""The cached pseudo-labels of both models, in each image's own frame, one shard at a time and batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from scaler.artifacts.labels import LabelBatch, ShardLabels, shard_range
from scaler.artifacts.names import LABEL_COLUMNS
from scaler.artifacts.splits import DataSet
from scaler.method.consensus import consensus
from scaler.method.ensemble import draw_views, ensemble
from scaler.method.initialization import Pair
from scaler.method.weighting import branch, image_entropy, image_weight, pixel_weight
from scaler.params import Params, WeightingParams
from scaler.progress import progress
from scaler.randomness import generator
from scaler.training import processes
from scaler.training.device import Compute
from scaler.training.prediction import Advance, Inference, predict, segment, segment_with_sam
from scaler.training.prompting import Cues

F32 = NDArray[np.float32]


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
    chosen = shard_range(len(data.ids), len(params.shards), int(shard))
    side = data.image.shape[1]
    inference = Inference(model, segment_with_sam, compute, options.batch_size)

    def label(own: range, advance: Advance) -> LabelBatch:
        views = [draw_views(generator(params.seed, "label_with_sam", round_number, data.ids[i]), options) for i in own]
        image, prompts = data.foundation_image[list(own)], None if cues is None else cues.part(own)
        probability, agreement = ensemble(
            inference, image, views, options.average, prompts, advance, options.zoom, side
        )
        columns = weight_columns(probability, params.weighting) | {"agreement": agreement}
        if params.weighting.image_weight == "agreement":
            columns["weight"] = agreement
        return LabelBatch({"probability": probability}, columns)

    def batches() -> Iterator[LabelBatch]:
        parts = [chosen[part] for part in inference.parts(len(chosen))]
        work = options.views * sum(map(len, processes.turns(parts)))
        with progress(work, f"label with SAM, shard {shard}", unit="view") as bar:
            yield from processes.in_turns(parts, lambda own: label(own, bar.update))

    columns = (*LABEL_COLUMNS, "agreement")
    return ShardLabels([data.ids[i] for i in chosen], side, ("probability",), columns, batches())


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
    chosen = shard_range(len(data.ids), len(params.shards), int(shard))
    inferences = [Inference(model, segment, compute, options.batch_size) for model in pair]

    def label(own: range, advance: Advance) -> LabelBatch:
        image = data.image[list(own)]
        student, teacher = (predict(inference, image, advance=advance) for inference in inferences)
        agreed = consensus(torch.from_numpy(teacher), torch.from_numpy(student), options.consensus)
        maps = {"probability": agreed.numpy(), "teacher": teacher, "student": student}
        return LabelBatch(maps, weight_columns(teacher, params.weighting))

    def batches() -> Iterator[LabelBatch]:
        parts = [chosen[part] for part in inferences[0].parts(len(chosen))]
        work = 2 * sum(map(len, processes.turns(parts)))
        with progress(work, f"label with segmenter, shard {shard}", unit="image") as bar:
            yield from processes.in_turns(parts, lambda own: label(own, bar.update))

    names = ("probability", "teacher", "student")
    return ShardLabels([data.ids[i] for i in chosen], data.image.shape[1], names, LABEL_COLUMNS, batches())


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
