"""WS-SAM's multi-scale feature grouping: slot attention (Locatello et al. 2020, arXiv:2006.15055) at two scales."""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch import Tensor, nn

ITERATIONS = 3
SLOTS = (4, 2)
TINY = 1e-8  # keeps the mean over the places of an empty slot finite


def position_grid(height: int, width: int, device: torch.device) -> Tensor:
    """(height * width, 4) float32: each place's distances from the four borders, in [0, 1], row by row."""
    rows = torch.linspace(0.0, 1.0, height, device=device)[:, None].expand(height, width)
    columns = torch.linspace(0.0, 1.0, width, device=device)[None, :].expand(height, width)
    return torch.stack([rows, columns, 1.0 - rows, 1.0 - columns], dim=-1).reshape(height * width, 4)


def perceptron(size: int, hidden: int) -> nn.Sequential:
    """Two linear layers with a ReLU between."""
    return nn.Sequential(nn.Linear(size, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, size))


class SlotAttention(nn.Module):
    """Slots compete for places in `ITERATIONS` rounds; each place is then described by the slots that won it.

    The slots start from learned vectors, not from samples: the same image always gives the same result, which the
    mean-teacher pair and the resumption to the same bytes rely on.
    """

    def __init__(self, size: int, slots: int) -> None:
        super().__init__()
        self.start = nn.Parameter(torch.randn(slots, size) * size**-0.5)
        self.norm_input, self.norm_slots, self.norm_update = (nn.LayerNorm(size) for _ in range(3))
        self.query, self.key, self.value = (nn.Linear(size, size) for _ in range(3))
        self.recurrence = nn.GRUCell(size, size)
        self.update = perceptron(size, 2 * size)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, N, D) float32 to (B, N, D): the slots, mixed at each place by their shares in it."""
        batch, _, size = tokens.shape
        tokens = self.norm_input(tokens)
        key, value = self.key(tokens), self.value(tokens)
        slots = self.start.expand(batch, -1, -1)
        for _ in range(ITERATIONS):
            shares = self.shares(slots, key)
            of_slot = shares / (shares.sum(dim=2, keepdim=True) + TINY)  # the slot takes the mean over its places
            seen = (of_slot @ value).reshape(-1, size)
            slots = self.recurrence(seen, slots.reshape(-1, size)).reshape(batch, -1, size)
            slots = slots + self.update(self.norm_update(slots))
        mixed: Tensor = self.shares(slots, key).transpose(1, 2) @ slots
        return mixed

    def shares(self, slots: Tensor, key: Tensor) -> Tensor:
        """(B, S, N) in (0, 1): how much of each place belongs to each slot; they sum to 1 over the slots."""
        scores = self.query(self.norm_slots(slots)) @ key.transpose(1, 2) * key.shape[-1] ** -0.5
        shares: Tensor = scores.softmax(dim=1)
        return shares


class Grouping(nn.Module):
    """One scale of grouping: positions in, slot attention, positions out. The grid is that of the map it gets."""

    def __init__(self, channels: int, slots: int) -> None:
        super().__init__()
        self.position_in, self.position_out = nn.Linear(4, channels), nn.Linear(4, channels)
        self.norm = nn.LayerNorm(channels)
        self.encode, self.decode = perceptron(channels, channels), perceptron(channels, channels)
        self.attention = SlotAttention(channels, slots)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) float32 to the same shape."""
        height, width = x.shape[-2:]
        grid = position_grid(height, width, x.device)
        tokens = self.encode(self.norm(x.flatten(2).transpose(1, 2) + self.position_in(grid)))
        grouped = self.decode(self.attention(tokens) + self.position_out(grid))
        out: Tensor = grouped.transpose(1, 2).unflatten(2, (height, width))
        return out


class MultiScaleGrouping(nn.Module):
    """x + g G_4(x) + (1 - g) G_2(x + G_4(x)), with g = sigmoid of a learned scalar.

    Runs in float32 even under autocast: its places are few (one per 32 x 32 pixels), and softmax and recurrence lose
    in bf16.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fine, self.coarse = (Grouping(channels, slots) for slots in SLOTS)
        self.gate = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) to the same shape and dtype."""
        device = x.device.type
        lowered = torch.is_autocast_enabled(device)
        with torch.autocast(device, enabled=False) if lowered else nullcontext():
            whole = x.float()
            fine = self.fine(whole)
            coarse = self.coarse(whole + fine)
            share = self.gate.sigmoid()
            out: Tensor = whole + share * fine + (1.0 - share) * coarse
        return out.to(x.dtype)
