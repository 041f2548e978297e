"""The paper's stated limit: where both models see nothing, or cannot decide, they have nothing to teach each other."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from scaler.errors import ScalerError
from scaler.method.weighting import image_entropy
from scaler.params import ColdStartParams

F32 = NDArray[np.float32]
NAMED = 5  # images that the error message names


def blind(probability: F32, undecided_entropy: float) -> NDArray[np.bool_]:
    """Whether a label says nothing: no pixel is foreground, or all are near 0.5 (E of eq 5 over the whole image).

    Args:
        probability: (N, H, W) in [0, 1].
        undecided_entropy: E from which on a label counts as undecided everywhere.

    Returns:
        (N,) bool.
    """
    empty = (probability < 0.5).all(axis=(1, 2))
    entropy = image_entropy(torch.from_numpy(probability).unsqueeze(1), "all").numpy()
    return np.asarray(empty | (entropy >= undecided_entropy))


def cold_starts(teacher: F32, sam: F32, options: ColdStartParams) -> NDArray[np.bool_]:
    """The images in which both sources say nothing: (N,) bool, from (N, H, W) probabilities of each."""
    return blind(teacher, options.undecided_entropy) & blind(sam, options.undecided_entropy)


def refuse_cold_start(ids: list[str], cold: NDArray[np.bool_], options: ColdStartParams) -> None:
    """Stop before days are spent on labels that say nothing.

    Args:
        ids: the unlabelled training images.
        cold: (N,) bool, see `cold_starts`.
        options: block cold_start.

    Raises:
        ScalerError: more than `stop_share` of the images are cold starts.
    """
    count = int(cold.sum())
    if not ids or count <= options.stop_share * len(ids):
        return
    examples = ", ".join([name for name, is_cold in zip(ids, cold, strict=True) if is_cold][:NAMED])
    raise ScalerError(
        f"cold start: in {count} of {len(ids)} unlabelled training images both the teacher and SAM see nothing, or "
        f"are undecided everywhere (e.g. {examples}); from such labels neither can learn. What helps: more labelled "
        "images, best of the kind named here; more epochs in initialize_segmenter and initialize_sam (inspect "
        "results/stops/init/metrics.json); stronger weights in sam.weights. If most images truly hold no object, raise "
        "cold_start.stop_share in params.yaml."
    )
