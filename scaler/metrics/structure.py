"""Mean absolute error and the structure measure S (alpha 0.5): half object-aware, half region-aware similarity."""

from __future__ import annotations

import numpy as np

from scaler.metrics.regions import Moments, Quadrant, Regions, pixel_scatter

ALPHA = 0.5
EPSILON = float(np.spacing(1))


def mean_absolute_error(parts: Regions) -> float:
    """Mean of |p - truth|."""
    inside, outside = parts.inside, parts.outside
    return (inside.size * (1 - inside.mean) + outside.size * outside.mean) / (inside.size + outside.size)


def structure(parts: Regions) -> float:
    """S in [0, 1]; without an object 1 minus the mean of p, without background the mean of p."""
    inside, outside = parts.inside, parts.outside
    if inside.size == 0 or outside.size == 0:
        return 1 - mean_absolute_error(parts)
    pixels = inside.size + outside.size
    objects = inside.size * _similarity(inside.mean, inside) + outside.size * _similarity(1 - outside.mean, outside)
    region = sum(quadrant.every.size * _ssim(quadrant) for quadrant in parts.quadrants)
    return float(np.clip((ALPHA * objects + (1 - ALPHA) * region) / pixels, 0, 1))


def _similarity(mean: float, part: Moments) -> float:
    """Of object or background; `mean` is that of the probability that is right there."""
    deviation = np.sqrt(part.scatter / (part.size - 1)) if part.size > 1 else 0.0
    return float(2 * mean / (mean**2 + 1 + deviation + EPSILON))


def _ssim(quadrant: Quadrant) -> float:
    every, inside = quadrant.every, quadrant.inside
    x, y, scale = every.mean, inside.size / every.size, every.size - 1 + EPSILON
    flat = inside.size in (0, every.size)
    # Where prediction and truth are both flat the definition says 1, but 0 as soon as the variance is not exactly 0.
    # The toolbox gets one or the other by rounding; so that tables agree, this is its arithmetic.
    scatter = pixel_scatter(quadrant.p) if flat and every.scatter == 0 else every.scatter
    variances = scatter / scale + every.size * y * (1 - y) / scale
    covariance = 0.0 if flat else inside.size * (inside.mean - x) / scale
    alpha, beta = 4 * x * y * covariance, (x**2 + y**2) * variances
    if alpha == 0:
        return 1.0 if beta == 0 else 0.0
    return float(alpha / (beta + EPSILON))
