"""Terms of the rivals with marks: by hand, by brute force, and what they ask for."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.sparse.csgraph import dijkstra, minimum_spanning_tree
from torch import Tensor, nn

from scaler.method.image_terms import (
    coherence,
    confident_entropy,
    image_term,
    scale_consistency,
    smoothness,
    tree_energy,
    tree_filter,
)
from scaler.method.phase_one import phase_one_loss, smaller_outputs
from scaler.method.targets import prepare
from scaler.params import Params
from tests.conftest import with_values
from tests.method.test_phases import SIDE, batch, logits


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def halves(side: int = 16) -> tuple[Tensor, Tensor]:
    """An image, dark on the left and light on the right, and the mask of its right half."""
    mask = torch.zeros(1, 1, side, side, dtype=torch.float64)
    mask[..., side // 2 :] = 1
    return 0.2 + 0.6 * mask.expand(-1, 3, -1, -1), mask


def test_coherence_is_the_sum_over_the_window() -> None:
    p, image = noise(2, 1, 9, 13), noise(2, 3, 9, 13, seed=1) * 0.05
    expected = torch.zeros(2, dtype=torch.float64)
    for y in range(9):
        for x in range(13):
            for v in range(max(0, y - 5), min(9, y + 6)):
                for u in range(max(0, x - 5), min(13, x + 6)):
                    colour = (image[:, :, y, x] - image[:, :, v, u]).square().sum(dim=1) / (2 * 0.0223**2)
                    kernel = torch.exp(-colour - ((y - v) ** 2 + (x - u) ** 2) / 72)
                    expected += kernel * (p[:, 0, y, x] - p[:, 0, v, u]).abs()
    torch.testing.assert_close(coherence(p, image), expected / (9 * 13))


@pytest.mark.parametrize("term", [coherence, smoothness])
def test_an_edge_of_the_image_is_a_better_place_for_an_edge(term: type[coherence]) -> None:
    image, mask = halves()
    right, wrong = term(mask, image), term(mask.roll(4, dims=-1), image)  # type: ignore[call-arg]
    assert right < wrong


def test_smoothness_by_hand() -> None:
    p = torch.zeros(1, 1, 5, 5, dtype=torch.float64)
    p[0, 0, 2, 2] = 1.0
    flat = torch.full((1, 3, 5, 5), 0.0, dtype=torch.float64)
    psi = lambda s: math.sqrt(s * s + 1e-6)  # noqa: E731
    first = (2 * psi(2) + 4 * psi(1) + 19 * psi(0)) / 25
    second = (psi(8) + 8 * psi(1) + 16 * psi(0)) / 25
    assert smoothness(p, flat).item() == pytest.approx(10 * 2 * first + second)


def test_tree_filter_is_the_sum_over_all_paths() -> None:
    p, image = noise(5, 6).numpy(), noise(3, 5, 6, seed=1).numpy()
    index = np.arange(30).reshape(5, 6)
    grid = [(index[:, :-1], index[:, 1:]), (index[:-1], index[1:])]
    pairs = [pair for a, b in grid for pair in zip(a.ravel(), b.ravel(), strict=True)]
    colours = image.reshape(3, -1)
    cost = [float(((colours[:, i] - colours[:, j]) ** 2).sum()) for i, j in pairs]
    graph = sparse.coo_matrix((cost, tuple(np.array(pairs).T)), shape=(30, 30))
    path = dijkstra(minimum_spanning_tree(graph), directed=False)  # along the tree, distances add up
    kernel = np.exp(-path / 0.5)
    expected = (kernel @ p.ravel() / kernel.sum(axis=1)).reshape(5, 6)
    np.testing.assert_allclose(tree_filter(p, image, sigma=0.5), expected, rtol=1e-6)


def test_tree_filter_spreads_within_a_colour_and_not_beyond() -> None:
    image, _ = halves(8)
    p = np.full((8, 8), 0.5)
    p[3, 6] = 1.0
    found = tree_filter(p, image[0].numpy())
    assert found[:, 4:].min() > 0.505
    np.testing.assert_allclose(found[:, :4], 0.5)
    assert [len(set(row.round(6))) for row in (found[:, :4].ravel(), found[:, 4:].ravel())] == [1, 1]


def test_tree_energy_counts_unmarked_pixels_and_moves_the_prediction_alone() -> None:
    image, mask = halves(8)
    p = (0.5 + 0.2 * noise(1, 1, 8, 8)).requires_grad_()
    unknown = torch.ones(1, 1, 8, 8, dtype=torch.float64)
    unknown[0, 0, 0] = 0
    tree_energy(p, image, unknown).sum().backward()  # type: ignore[no-untyped-call]
    assert p.grad is not None
    assert p.grad[0, 0, 0].abs().sum() == 0
    torch.testing.assert_close(p.grad[0, 0, 1:].abs(), torch.full((7, 8), 1 / 56, dtype=torch.float64))
    assert tree_energy(mask, image, unknown).item() == pytest.approx(0.0, abs=1e-6)


def test_equal_views_are_consistent_and_others_are_not() -> None:
    small = noise(2, 1, 8, 8) * 4 - 2
    assert scale_consistency(small, small).tolist() == pytest.approx([0.0, 0.0], abs=1e-9)
    assert (scale_consistency(-small, small) > 0.1).all()


def test_entropy_of_confident_pixels_alone() -> None:
    sure, unsure = math.log(9), 0.0  # p = 0.9 and p = 0.5
    entropy = -0.9 * math.log(0.9) - 0.1 * math.log(0.1)
    row = torch.tensor([sure, -sure, unsure, unsure], dtype=torch.float64).view(1, 1, 1, 4)
    assert confident_entropy(row).item() == pytest.approx(entropy)
    assert confident_entropy(torch.zeros(1, 1, 2, 2)).item() == 0.0


@pytest.mark.parametrize("form", ["coherence", "smoothness", "tree"])
def test_large_images_are_compared_smaller(form: str) -> None:
    value = image_term(torch.randn(1, 1, 160, 160), torch.rand(1, 3, 160, 160), torch.zeros(1, 1, 160, 160), form)  # type: ignore[arg-type]
    assert value.shape == (1,)
    assert torch.isfinite(value).all()


def loss_with(params: Params, **options: object) -> float:
    params = with_values(params, segmenter={"depth_weights": [1.0]}, phase_one={"sources": "none", **options})
    data, label = batch([True, False]), torch.rand(2, 1, SIDE, SIDE)
    targets = prepare(label, label, params.weighting, params.phase_one)
    return phase_one_loss([logits(2)], None, data, targets, params, smaller=[logits(2, seed=5)]).item()


def test_terms_count_for_images_without_a_mask_by_their_weight(params: Params) -> None:
    none = loss_with(params)
    image = batch([True, False]).image[1:]
    out = logits(2)[1:].detach()
    expected = {
        "image_term": smoothness(torch.sigmoid(out), image),
        "scale_consistency": scale_consistency(out, logits(2, seed=5)[1:].detach()),
        "confident_entropy": confident_entropy(out),
    }
    changes = {
        "image_term": {"image_term": "smoothness", "image_term_weight": 0.3},
        "scale_consistency": {"scale_consistency": 0.3},
        "confident_entropy": {"confident_entropy": 0.3},
    }
    for name, change in changes.items():
        assert loss_with(params, **change) - none == pytest.approx(0.3 * expected[name].item() / 2, rel=1e-4), name


def test_the_smaller_view_leaves_running_statistics_alone() -> None:
    class Seen(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm2d(3)
            self.sizes: list[int] = []

        def forward(self, image: Tensor) -> list[Tensor]:
            self.sizes.append(image.shape[-1])
            return [self.norm(image)[:, :1]]

    student = Seen().train()
    for side in (64, 352):
        smaller_outputs(student, torch.rand(2, 3, side, side))
    assert student.sizes == [32, 192]
    assert student.norm.running_mean is not None
    assert student.norm.running_mean.tolist() == [0.0, 0.0, 0.0]
