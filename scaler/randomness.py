"""Randomness without state: every draw has a generator of its own, keyed by what it is for.

So a stage that was interrupted goes on to the same bytes, and an image's views do not depend on which images share
its shard.
"""

from __future__ import annotations

import zlib

import numpy as np


def generator(*key: int | str) -> np.random.Generator:
    """A generator that depends on `key` alone, such as (seed, "warm_up", epoch, step)."""
    return np.random.default_rng(_words(key))


def seed_torch(*key: int | str) -> None:
    """Seed torch's global generators (weights at initialization, dropout) from `key` alone."""
    import torch  # here, since preparing data needs generators but no torch

    words = np.random.SeedSequence(_words(key)).generate_state(1, dtype=np.uint64)
    torch.manual_seed(int(words[0] >> np.uint64(1)))


def _words(key: tuple[int | str, ...]) -> list[int]:
    return [zlib.crc32(part.encode()) if isinstance(part, str) else part for part in key]
