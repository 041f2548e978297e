"""Pre-trains the nano SAM on conspicuous scenes, with and without prompts: the laboratory's generalist.

    python -m scaler.laboratory.generalist --out scaler/laboratory/nano_sam.safetensors

Most of its scenes have objects of another colour; in a few the texture is the background's opposite and the colour
departs less. So it knows that texture can matter, yet it trusts colours, of which a concealed scene has next to none.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from segment_anything.modeling import Sam
from torch import Tensor

from scaler.artifacts.filehash import sha256
from scaler.laboratory.scenes import U8, Look, scene
from scaler.method.losses import supervised_loss
from scaler.models.sam import CONFIGS, build_sam, decode, no_prompts
from scaler.progress import progress
from scaler.randomness import generator, seed_torch
from scaler.training.device import Compute, find_compute

CONFIG = CONFIGS["nano"]
CONSPICUOUS = Look(
    texture=(0.3, 1.0),
    colour=(0.15, 1.0),
    empty=0.05,
    largest_count=3,
    largest_decoys=0,
    frequency=(0.08, 0.2),
    finer=False,
    spread=(0.2, 0.6),
    radius=(0.11, 0.24),
)
GRAINY = replace(CONSPICUOUS, texture=(0.8, 1.0), colour=(0.1, 0.5))
LOOKS = {"grainy": (0.0625, GRAINY), "conspicuous": (0.9375, CONSPICUOUS)}  # name -> share of the scenes, look
PERIOD = 16  # the looks take turns: so many of each run of scenes have the first one
SEED = 11
SCENES = 8192
BATCH = 16
LEARNING_RATE = 6e-4
WARM_UP_STEPS = 200
PROMPTS = ("none", "none", "points", "box", "mask")  # drawn uniformly: two batches in five have no prompt


def main() -> None:
    """Train, write the weights as float16 with their recipe beside them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="where the .safetensors goes")
    parser.add_argument("--steps", type=int, default=2500, help="training steps of 16 scenes each")
    arguments = parser.parse_args()
    compute = find_compute()
    sam = train(arguments.steps, make_scenes(SCENES), compute)
    state = {name: value.detach().cpu().half().contiguous() for name, value in sam.state_dict().items()}
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    safetensors.torch.save_file(state, arguments.out)
    recipe = {
        "command": f"python -m scaler.laboratory.generalist --out {arguments.out.as_posix()} --steps {arguments.steps}",
        "sha256": sha256(arguments.out),
        "parameters": sum(value.numel() for value in sam.parameters()),
        "scenes": SCENES,
        "batch": BATCH,
        "learning_rate": LEARNING_RATE,
        "seed": SEED,
        "looks": {name: {"share": share} | vars(look) for name, (share, look) in LOOKS.items()},
    }
    arguments.out.with_suffix(".json").write_text(json.dumps(recipe, indent=2) + "\n", encoding="utf-8")


def make_scenes(count: int) -> tuple[U8, U8]:
    """Conspicuous scenes: images (N, S, S, 3) and masks (N, S, S) {0, 1}, uint8."""
    images, masks = [], []
    with progress(count, "draw scenes", unit="scene") as bar:
        for number in range(count):
            image, mask = scene(generator(SEED, "pretrain", number), CONFIG.image_size, look_of(number))
            images.append(image)
            masks.append(mask)
            bar.update()
    return np.stack(images), np.stack(masks)


def look_of(number: int) -> Look:
    """The look of the scene with this number."""
    share, look = LOOKS["grainy"]
    return look if number % PERIOD < share * PERIOD else LOOKS["conspicuous"][1]


def train(steps: int, scenes: tuple[U8, U8], compute: Compute) -> Sam:
    """CE + IoU of mask token 0, AdamW, warm-up and cosine."""
    seed_torch(SEED, "pretrain")
    sam = build_sam(CONFIG).to(compute.device).train()
    optimizer = torch.optim.AdamW(sam.parameters(), lr=LEARNING_RATE, weight_decay=0.05)
    images, masks = scenes
    mean_loss = 0.0
    with progress(steps, "pre-train nano SAM") as bar:
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = LEARNING_RATE * _schedule(step, steps)
            rng = generator(SEED, "pretrain step", step)
            index = rng.integers(len(images), size=BATCH)
            mask = compute.tensor(masks[index]).unsqueeze(1).float()
            loss = supervised_loss(_forward(sam, compute.images(images[index]), mask, rng, compute), mask).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(sam.parameters(), 1.0)
            optimizer.step()
            mean_loss = loss.item() if step == 0 else 0.98 * mean_loss + 0.02 * loss.item()
            bar.set_postfix(loss=f"{mean_loss:.3f}", refresh=False)
            bar.update()
    return sam.eval()


def _forward(sam: Sam, image: Tensor, mask: Tensor, rng: np.random.Generator, compute: Compute) -> Tensor:
    kind = PROMPTS[int(rng.integers(len(PROMPTS)))]
    size = image.shape[-2:]
    with compute.autocast():
        embedding = sam.image_encoder((image * 255.0 - sam.pixel_mean) / sam.pixel_std)
        sparse, dense = PROMPT_MAKERS[kind](sam, mask, rng)
        logits = decode(sam, embedding, sparse, dense)
    return torch.nn.functional.interpolate(logits.float(), size, mode="bilinear", align_corners=False)


def _schedule(step: int, steps: int) -> float:
    if step < WARM_UP_STEPS:
        return (step + 1) / WARM_UP_STEPS
    return 0.5 * (1 + math.cos(math.pi * (step - WARM_UP_STEPS) / max(1, steps - WARM_UP_STEPS)))


def _without(sam: Sam, mask: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    return no_prompts(sam, len(mask))


def _with_points(sam: Sam, mask: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Two points an image: one on the objects (if there are any) and one beside them, as (x, y) in pixels."""
    coordinates = np.zeros((len(mask), 2, 2), dtype=np.float32)
    labels = np.zeros((len(mask), 2), dtype=np.int64)
    for number, single in enumerate(mask[:, 0].cpu().numpy() > 0):
        for slot, wanted in enumerate((True, False)):
            rows, columns = np.nonzero(single == wanted)
            if len(rows) == 0:
                rows, columns, wanted = *np.nonzero(single != wanted), not wanted
            pick = int(rng.integers(len(rows)))
            coordinates[number, slot] = columns[pick] + 0.5, rows[pick] + 0.5
            labels[number, slot] = int(wanted)
    points = (torch.from_numpy(coordinates).to(mask.device), torch.from_numpy(labels).to(mask.device))
    sparse, dense = sam.prompt_encoder(points=points, boxes=None, masks=None)
    return sparse, dense


def _with_box(sam: Sam, mask: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """The box (x0, y0, x1, y1) around all objects; around the whole image where there are none."""
    boxes = []
    for single in mask[:, 0].cpu().numpy() > 0:
        rows, columns = np.nonzero(single if single.any() else ~single)
        boxes.append([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    box = torch.tensor(np.array(boxes), dtype=torch.float32, device=mask.device)
    sparse, dense = sam.prompt_encoder(points=None, boxes=box, masks=None)
    return sparse, dense


def _with_mask(sam: Sam, mask: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """A coarse and noisy mask, as logits at SAM's mask input size."""
    coarse = torch.nn.functional.adaptive_avg_pool2d(mask, 8)
    size = sam.prompt_encoder.mask_input_size
    logits = 8 * torch.nn.functional.interpolate(coarse, size, mode="bilinear", align_corners=False) - 4
    noise = torch.from_numpy(rng.normal(0, 1, logits.shape).astype(np.float32)).to(mask.device)
    sparse, dense = sam.prompt_encoder(points=None, boxes=None, masks=logits + noise)
    return sparse.expand(len(mask), -1, -1), dense


PROMPT_MAKERS: dict[str, Callable[[Sam, Tensor, np.random.Generator], tuple[Tensor, Tensor]]] = {
    "none": _without,
    "points": _with_points,
    "box": _with_box,
    "mask": _with_mask,
}


if __name__ == "__main__":
    main()
