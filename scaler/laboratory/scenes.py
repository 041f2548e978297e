"""Scenes with objects whose texture departs from the background's by an adjustable amount.

*Conspicuous* objects have a colour of their own besides; *concealed* ones share the background's palette and light, so
that only grain and direction of their texture give them away. Patches of light and shade are laid over everything, so
that a mere change of brightness says nothing; decoys have the background's texture in another colour, and are no
objects: to a generalist they look like some.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from scaler.laboratory.textures import F32, depart, draw_texture, render, smooth_field

U8 = NDArray[np.uint8]
DECOY_COLOUR = (0.3, 0.8)  # lowest and highest departure of a decoy's palette
SUPERSAMPLING = 4  # outlines are drawn this much larger, for soft edges


@dataclass(frozen=True)
class Look:
    """How much objects stand out.

    Attributes:
        texture: lowest and highest departure of an object's texture, 0 to 1.
        colour: lowest and highest departure of its palette, 0 (the background's own) to 1.
        empty: share of scenes without any object.
        largest_count: most objects in a scene.
        largest_decoys: most decoys in a scene: patches with a colour of their own and the background's texture.
        frequency: lowest and highest grain of the background's texture, cycles per pixel.
        spread: lowest and highest angular width of its band, radians.
        finer: whether objects always have a finer grain than the background; otherwise finer or coarser at random.
        radius: smallest and largest radius of an outline, as a share of the scene's side.
    """

    texture: tuple[float, float]
    colour: tuple[float, float]
    empty: float
    largest_count: int
    largest_decoys: int
    frequency: tuple[float, float]
    spread: tuple[float, float]
    finer: bool
    radius: tuple[float, float]


def scene(rng: np.random.Generator, size: int, look: Look) -> tuple[U8, U8]:
    """One scene.

    Args:
        rng: all randomness comes from here.
        size: side in pixels.
        look: how much objects stand out.

    Returns:
        Image (size, size, 3) uint8 RGB, and mask (size, size) uint8 {0, 1}.
    """
    ground = draw_texture(rng, look.frequency, look.spread)
    palette = _draw_palette(rng)
    field = render(rng, ground, size)
    image = _paint(rng, field, palette, size)
    for _ in range(int(rng.integers(0, look.largest_decoys + 1)) if look.largest_decoys else 0):
        other = _shift_palette(rng, palette, rng.uniform(*DECOY_COLOUR))
        alpha = _outline(rng, size, look.radius)[..., None]
        image = image * (1 - alpha) + _paint(rng, field, other, size) * alpha
    cover = np.zeros((size, size), dtype=np.float32)
    if rng.uniform() >= look.empty:
        departure = rng.uniform(*look.texture)
        tint = rng.uniform(*look.colour)
        own = _shift_palette(rng, palette, tint)
        for _ in range(int(rng.integers(1, look.largest_count + 1))):
            body = render(rng, depart(rng, ground, departure, look.finer), size)
            alpha = _outline(rng, size, look.radius)
            image = image * (1 - alpha[..., None]) + _paint(rng, body, own, size) * alpha[..., None]
            cover = np.maximum(cover, alpha)
    image = image * _light(rng, size, look.radius)[..., None] + rng.normal(0, 0.015, image.shape)
    return np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8), (cover >= 0.5).astype(np.uint8)


def _draw_palette(rng: np.random.Generator) -> NDArray[np.float64]:
    """Base colour, colour of the texture's waves, and a second tint: (3, 3)."""
    base = rng.uniform(0.3, 0.7, 3)
    wave = rng.normal(0, 1, 3) * 0.35 + rng.choice([-1.0, 1.0])
    return np.stack([base, 0.11 * wave / np.linalg.norm(wave) * np.sqrt(3), rng.normal(0, 0.04, 3)])


def _shift_palette(rng: np.random.Generator, palette: NDArray[np.float64], amount: float) -> NDArray[np.float64]:
    other = _draw_palette(rng)
    direction = rng.normal(0, 1, 3)
    shifted = palette + amount * (other - palette)
    shifted[0] = np.clip(shifted[0] + amount * 0.3 * direction / np.linalg.norm(direction), 0.1, 0.9)
    return np.asarray(shifted, dtype=np.float64)


def _paint(rng: np.random.Generator, field: F32, palette: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    tint = smooth_field(rng, size, 5)
    painted = palette[0] + field[..., None] * palette[1] + tint[..., None] * palette[2]
    return np.asarray(painted, dtype=np.float64)


def _light(rng: np.random.Generator, size: int, radius: tuple[float, float]) -> F32:
    """Illumination with soft shadows whose outlines look like those of objects."""
    light = 1.0 + 0.15 * smooth_field(rng, size, 3)
    for _ in range(int(rng.integers(0, 3))):
        light = light * (1 + rng.uniform(-0.2, 0.2) * cv2.GaussianBlur(_outline(rng, size, radius), (0, 0), size / 48))
    return np.asarray(light, dtype=np.float32)


def _outline(rng: np.random.Generator, size: int, radius_limits: tuple[float, float]) -> F32:
    """The soft cover (size, size) in [0, 1] of a random blob: an ellipse with wavy edges, inside the picture."""
    large = size * SUPERSAMPLING
    angles = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    radius = np.ones_like(angles)
    for harmonic in range(2, 7):
        radius += rng.normal(0, 0.28 / harmonic) * np.cos(harmonic * angles + rng.uniform(0, 2 * np.pi))
    radius = np.maximum(radius, 0.35) * large * rng.uniform(*radius_limits)
    stretch = rng.uniform(0.6, 1.0)
    x, y = radius * np.cos(angles), radius * stretch * np.sin(angles)
    turn = rng.uniform(0, np.pi)
    centre = rng.uniform(0.22, 0.78, 2) * large
    points = np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], axis=1) + centre
    canvas = np.zeros((large, large), dtype=np.uint8)
    cv2.fillPoly(canvas, [np.rint(points).astype(np.int32)], 255)
    cover = cv2.resize(canvas, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(cover / 255.0, dtype=np.float32)
