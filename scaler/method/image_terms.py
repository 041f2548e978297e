"""Losses that carry sparse marks to other pixels along the image: what rivals have in place of pseudo-labels.

Logits are (B, 1, H, W), images (B, 3, H, W) RGB in [0, 1]; every loss is (B,). None is part of SCALER; the presets in
`workflow/presets/recipes` say which system each comes from.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.sparse.linalg import splu
from torch import Tensor
from torch.nn import functional as F

ImageTerm = Literal["none", "coherence", "smoothness", "tree"]

COHERENCE_SIDE = 88  # a quarter of 352, as SCWS has it; smaller images stay as they are
RADIUS, SIGMA_PLACE, SIGMA_COLOUR = 5, 6.0, 0.0223  # pixels, pixels, and 0.1 of the standard deviation of all colours
EDGE, FIRST, SECOND = 10.0, 10.0, 1.0
TREE_SIDE = 128
TREE_SIGMA = 0.001  # TEL's 0.02 is for colours divided by their standard deviation of about 0.226
SURE = 0.5  # nats
STRUCTURE = 0.85
PIXELS = (1, 2, 3)


def image_term(logits: Tensor, image: Tensor, marks: Tensor, form: ImageTerm) -> Tensor:
    """The named term; `marks` is (B, 1, H, W) uint8 {0 unknown, 1 foreground, 2 background}.

    Raises:
        ValueError: unknown form.
    """
    p = torch.sigmoid(logits)
    if form == "coherence":
        return coherence(_at_most(p, COHERENCE_SIDE), _at_most(image, COHERENCE_SIDE))
    if form == "smoothness":
        return smoothness(p, image)
    if form == "tree":
        unknown = (_at_most(marks.float(), TREE_SIDE, "nearest") == 0).to(p.dtype)
        return tree_energy(_at_most(p, TREE_SIDE), _at_most(image, TREE_SIDE), unknown)
    raise ValueError(f"image term: expected 'coherence', 'smoothness' or 'tree', got {form!r}")


def coherence(p: Tensor, image: Tensor) -> Tensor:
    """Neighbours of like colour have like probabilities: mean over i of sum_j k_ij |p_i - p_j| (SCWS, SCOD).

    j runs over the window of 11 x 11 pixels around i, without places outside the image, and
    k_ij = exp(-|place_i - place_j|^2 / (2 6^2) - |colour_i - colour_j|^2 / (2 0.0223^2)).
    """
    total = torch.zeros(len(p), dtype=p.dtype, device=p.device)
    for down in range(RADIUS + 1):
        for right in range(-RADIUS if down else 1, RADIUS + 1):  # half of the window; the other half is the same pairs
            near, far = _shifted(image, down, right)
            colour = (near - far).square().sum(dim=1, keepdim=True) / (2 * SIGMA_COLOUR**2)
            kernel = torch.exp(-colour - (down**2 + right**2) / (2 * SIGMA_PLACE**2))
            here, there = _shifted(p, down, right)
            total = total + 2 * (kernel * (here - there).abs()).sum(dim=PIXELS)
    return total / p[0].numel()


def _shifted(x: Tensor, down: int, right: int) -> tuple[Tensor, Tensor]:
    """Each pixel that has a neighbour so far away, and that neighbour."""
    height, width = x.shape[-2:]
    left, back = max(0, -right), max(0, right)
    return (
        x[..., : height - down, left : width - back],
        x[..., down:, left + right : width - back + right],
    )


def smoothness(p: Tensor, image: Tensor) -> Tensor:
    """Edges of p only where the image has edges (WSSA), by Sobel's and Laplace's filters of p and of the grey image g.

    10 mean_j [psi(|d_x p| e^(-10 |d_x g|)) + psi(|d_y p| e^(-10 |d_y g|))] + mean_j psi(|L p| e^(-10 |L g|)), where
    psi(s) = sqrt(s^2 + 0.001^2).
    """
    grey = (image * image.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    across = p.new_tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    around = p.new_tensor([[-1.0, -1.0, -1.0], [-1.0, 8.0, -1.0], [-1.0, -1.0, -1.0]])
    filters = torch.stack([across, across.T, around]).unsqueeze(1)
    edges = F.conv2d(p, filters, padding=1).abs() * torch.exp(-EDGE * F.conv2d(grey, filters, padding=1).abs())
    along_x, along_y, second = (edges.square() + 1e-6).sqrt().mean(dim=(2, 3)).unbind(dim=1)
    return FIRST * (along_x + along_y) + SECOND * second


def tree_energy(p: Tensor, image: Tensor, unknown: Tensor) -> Tensor:
    """|p - p'| over unmarked pixels, where p' is p averaged along the image's minimum spanning tree (TEL).

    Args:
        p: (B, 1, H, W) in [0, 1].
        image: (B, 3, H, W).
        unknown: (B, 1, H, W), 1 at pixels without a mark.

    Returns:
        (B,), the mean over the unknown pixels. p' is a target: no gradient flows through it.
    """
    labels = [tree_filter(q[0], colours) for q, colours in zip(_numpy(p), _numpy(image), strict=True)]
    target = torch.as_tensor(np.stack(labels), dtype=p.dtype, device=p.device).unsqueeze(1)
    return (unknown * (p - target).abs()).sum(dim=PIXELS) / unknown.sum(dim=PIXELS).clamp(min=1)


def tree_filter(p: NDArray[np.float64], image: NDArray[np.float64], sigma: float = TREE_SIGMA) -> NDArray[np.float64]:
    """p'_i = sum_j a_ij p_j / sum_j a_ij, a_ij being the product of exp(-d / sigma) over the tree's path from i to j.

    The tree spans the grid of pixels with the least sum of d, the squared distance of neighbours' colours. The matrix
    of such products is the covariance of a Gaussian field on the tree, so its inverse has entries on the diagonal and
    at the tree's edges alone, and one sparse solution gives all sums.

    Args:
        p: (H, W).
        image: (3, H, W).
        sigma: how fast colours come apart.

    Returns:
        (H, W).
    """
    count = p.size
    index = np.arange(count).reshape(p.shape)
    ends = np.concatenate(
        [[index[:, :-1].ravel(), index[:, 1:].ravel()], [index[:-1].ravel(), index[1:].ravel()]], axis=1
    )
    colours = image.reshape(len(image), -1)
    distance = ((colours[:, ends[0]] - colours[:, ends[1]]) ** 2).sum(axis=0)
    tree = minimum_spanning_tree(sparse.coo_matrix((distance + 1e-12, ends), shape=(count, count))).tocoo()
    alike = np.clip(np.exp(-tree.data / sigma), 1e-12, 1 - 1e-9)
    strength = alike**2 / (1 - alike**2)
    diagonal = 1 + np.bincount(tree.row, strength, count) + np.bincount(tree.col, strength, count)
    across = sparse.coo_matrix((-alike / (1 - alike**2), (tree.row, tree.col)), shape=(count, count))
    sums = splu((sparse.diags(diagonal) + across + across.T).tocsc()).solve(np.stack([p.ravel(), np.ones(count)], 1))
    return (sums[:, 0] / sums[:, 1]).reshape(p.shape).clip(0.0, 1.0)


def scale_consistency(logits: Tensor, smaller: Tensor) -> Tensor:
    """0.85 (1 - SSIM) / 2 + 0.15 |p - q| between the prediction and that of the same image, made smaller (SCWS, SCOD).

    Args:
        logits: (B, 1, H, W).
        smaller: (B, 1, h, w) of the smaller image; compared at this size.

    Returns:
        (B,), means over the pixels; SSIM in windows of 3 x 3.
    """
    q = torch.sigmoid(smaller)
    p = F.interpolate(torch.sigmoid(logits), q.shape[-2:], mode="bilinear", align_corners=False)
    mean_p, mean_q = _blur(p), _blur(q)
    spread_p, spread_q = _blur(p * p) - mean_p**2, _blur(q * q) - mean_q**2
    together = _blur(p * q) - mean_p * mean_q
    alike = (2 * mean_p * mean_q + 1e-4) * (2 * together + 9e-4)
    alike = alike / ((mean_p**2 + mean_q**2 + 1e-4) * (spread_p + spread_q + 9e-4))
    structure = ((1 - alike) / 2).clamp(0, 1)
    return STRUCTURE * structure.mean(dim=PIXELS) + (1 - STRUCTURE) * (p - q).abs().mean(dim=PIXELS)


def confident_entropy(logits: Tensor) -> Tensor:
    """Mean entropy, in nats, of the pixels whose entropy is below 0.5; 0 where there are none (SCOD's inside view)."""
    entropy = F.softplus(logits) - logits * torch.sigmoid(logits)
    sure = (entropy < SURE).to(entropy.dtype)
    return (entropy * sure).sum(dim=PIXELS) / sure.sum(dim=PIXELS).clamp(min=1)


def _blur(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 3, stride=1, padding=1)


def _at_most(x: Tensor, side: int, mode: str = "bilinear") -> Tensor:
    if max(x.shape[-2:]) <= side:
        return x
    scale = side / max(x.shape[-2:])
    size = [max(1, round(length * scale)) for length in x.shape[-2:]]
    return F.interpolate(x, size, mode=mode, align_corners=None if mode == "nearest" else False)


def _numpy(x: Tensor) -> NDArray[np.float64]:
    return x.detach().double().cpu().numpy()
