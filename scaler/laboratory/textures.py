"""Random textures: oriented and cloudy noise, warped."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]


@dataclass(frozen=True)
class Texture:
    """What a texture looks like.

    Attributes:
        angle: direction of its waves, radians in [0, pi).
        frequency: cycles per pixel at the centre of its band.
        spread: angular width of the band, radians; small is striped, large is blotchy.
        clouds: share of cloudy (1/f) noise, 0 to 1.
    """

    angle: float
    frequency: float
    spread: float
    clouds: float


def draw_texture(rng: np.random.Generator, frequency: tuple[float, float], spread: tuple[float, float]) -> Texture:
    """A texture at random, its grain and the width of its band within the given limits."""
    return Texture(
        angle=float(rng.uniform(0, np.pi)),
        frequency=float(rng.uniform(*frequency)),
        spread=float(rng.uniform(*spread)),
        clouds=float(rng.uniform(0.1, 0.4)),
    )


def depart(rng: np.random.Generator, texture: Texture, amount: float, finer: bool) -> Texture:
    """Another texture that differs from `texture` by `amount`, 0 (none) to 1 (crosswise and of another grain).

    Its grain is finer or coarser at random; with `finer` always finer, and more so: a cue that few labels can teach.
    """
    sign = rng.choice([-1.0, 1.0])
    ratio = rng.uniform(0.4, 0.9) if finer else rng.choice([-1.0, 1.0]) * rng.uniform(0.2, 0.6)
    grain = float(np.exp(amount * ratio))
    return Texture(
        angle=float((texture.angle + sign * amount * rng.uniform(0.7, 1.0) * np.pi / 2) % np.pi),
        frequency=float(np.clip(texture.frequency * grain, 0.05, 0.28)),
        spread=texture.spread,
        clouds=texture.clouds,
    )


def render(rng: np.random.Generator, texture: Texture, size: int) -> F32:
    """A (size, size) field of the texture, zero mean and unit deviation, gently warped."""
    fy, fx = np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size), indexing="ij")
    radius = np.hypot(fx, fy)
    direction = np.arctan2(fy, fx)
    away = np.angle(np.exp(2j * (direction - texture.angle))) / 2  # waves have no sign: period pi
    band = np.exp(-0.5 * ((radius - texture.frequency) / 0.03) ** 2 - 0.5 * (away / texture.spread) ** 2)
    cloudy = 1.0 / np.maximum(radius, 1.0 / size) ** 1.5 * (radius > 0)
    waves = _unit(_filtered(rng, band))
    clouds = _unit(_filtered(rng, cloudy))
    return _unit(_warp(rng, (1 - texture.clouds) * waves + texture.clouds * clouds))


def smooth_field(rng: np.random.Generator, size: int, cells: int) -> F32:
    """A (size, size) field in about [-1, 1] that varies over `cells` cells a side: light and shade, displacements."""
    coarse = rng.uniform(-1, 1, (cells, cells)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def _filtered(rng: np.random.Generator, gain: NDArray[np.float64]) -> F32:
    noise = np.fft.fft2(rng.standard_normal(gain.shape))
    return np.asarray(np.fft.ifft2(noise * gain).real, dtype=np.float32)


def _unit(field: F32) -> F32:
    return np.asarray((field - field.mean()) / max(float(field.std()), 1e-6), dtype=np.float32)


def _warp(rng: np.random.Generator, field: F32) -> F32:
    size = field.shape[0]
    rows, columns = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    reach = 0.03 * size
    x = (columns + reach * smooth_field(rng, size, 4)).astype(np.float32)
    y = (rows + reach * smooth_field(rng, size, 4)).astype(np.float32)
    return np.asarray(cv2.remap(field, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT), dtype=np.float32)
