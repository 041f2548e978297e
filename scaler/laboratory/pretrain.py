"""Pretraining of a promptable foundation model on photographs with segmentations; goes on where it stopped."""

from __future__ import annotations

import copy
import io
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from scaler.artifacts.filehash import sha256
from scaler.artifacts.writing import write_file
from scaler.errors import ScalerError
from scaler.laboratory.photographs import Photograph
from scaler.laboratory.segments import Example, draw_example, simulate
from scaler.method.losses import supervised_loss
from scaler.models.adapted import AdaptedModel
from scaler.models.foundation import untrained
from scaler.models.loading import read_state_dict
from scaler.progress import log, progress
from scaler.randomness import generator, seed_torch
from scaler.training.device import Compute
from scaler.training.ema import mean_teacher

WARM_UP_STEPS = 100
WEIGHT_DECAY = 0.02
ENCODER_SHARE = 0.1  # of the learning rate, for an encoder that is pretrained itself
AVERAGE = 0.99  # of the weights that are kept
STEPS_BETWEEN_CHECKPOINTS = 100
TRIES = 20  # photographs in a row without a segment of useful size


@dataclass(frozen=True)
class Recipe:
    """How a foundation model is pretrained.

    Attributes:
        model: a name of `scaler.models.names.FOUNDATIONS`.
        side: crops are side x side pixels; None: the model's own size.
        steps: training steps.
        batch: crops in a step.
        prompts: for each crop.
        learning_rate: of the decoder; the encoder has a tenth if it is pretrained.
        seed: of all randomness.
    """

    model: str
    side: int | None
    steps: int
    batch: int
    prompts: int
    learning_rate: float
    seed: int


def pretrain(recipe: Recipe, photographs: list[Photograph], encoder: Path | None, out: Path, compute: Compute) -> Path:
    """Train, and write averaged weights (float16) with their recipe beside them.

    Weights are written every 100 steps, together with a checkpoint from which the same call goes on.

    Args:
        recipe: how.
        photographs: what from.
        encoder: weights of an image classifier for the encoder, for a model that takes such; None: random weights.
        out: a `.safetensors` file.
        compute: device and precision.

    Raises:
        ScalerError: the encoder's weights do not fit, there is nothing to learn from, or the checkpoint is of another
            recipe.
    """
    made_with = asdict(recipe) | {
        "encoder": sha256(encoder) if encoder else None,
        "photographs": len(photographs),
        "segmentations": sum(len(one.segmentations) for one in photographs),
    }
    seed_torch(recipe.seed, "pretrain", recipe.model)
    learner = _learner(recipe, encoder, compute)
    checkpoint = out.with_suffix(".checkpoint.pt")
    first, loss = _restore(checkpoint, made_with, learner), math.nan
    with progress(recipe.steps, f"pretrain {recipe.model}", initial=first) as bar:
        for step in range(first, recipe.steps):
            value = _step(learner, recipe, photographs, step, compute)
            loss = value if math.isnan(loss) else 0.98 * loss + 0.02 * value
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
            bar.update()
            if (step + 1) % STEPS_BETWEEN_CHECKPOINTS == 0 or step + 1 == recipe.steps:
                _keep(checkpoint, made_with, step + 1, learner)
                _write(out, learner.average, made_with | {"steps_done": step + 1})
    checkpoint.unlink(missing_ok=True)
    return out


@dataclass(frozen=True)
class _Learner:
    """The model that learns, the average of its weights, and what moves both."""

    model: AdaptedModel
    average: AdaptedModel
    follow: Callable[[], None]
    optimizer: torch.optim.Optimizer


def _learner(recipe: Recipe, encoder: Path | None, compute: Compute) -> _Learner:
    model = untrained(recipe.model, recipe.side)
    if encoder is not None:
        _load_encoder(model, encoder)
    compute.place(model)
    model.train()
    average = copy.deepcopy(model).requires_grad_(False).eval()
    optimizer = torch.optim.AdamW(_groups(model, recipe, encoder is not None), weight_decay=WEIGHT_DECAY)
    return _Learner(model, average, mean_teacher(average, model, AVERAGE), optimizer)


def _step(learner: _Learner, recipe: Recipe, photographs: list[Photograph], step: int, compute: Compute) -> float:
    model, optimizer = learner.model, learner.optimizer
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * _schedule(step, recipe.steps)
    rng = generator(recipe.seed, "pretrain", step)
    examples = list(_examples(rng, photographs, recipe, model.side))
    masks = np.concatenate([example.masks for example in examples])
    prompts = simulate(rng, masks, [kind for example in examples for kind in example.kinds]).to(compute.device)
    with compute.autocast():
        logits = model(compute.images(np.stack([example.image for example in examples])), prompts)
    target = compute.tensor(masks).unsqueeze(1).float()
    loss: Tensor = supervised_loss(logits.float(), target).mean()
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    learner.follow()
    return loss.item()


def _examples(rng: np.random.Generator, photographs: list[Photograph], recipe: Recipe, side: int) -> Iterator[Example]:
    found = 0
    for _ in range(recipe.batch + TRIES):
        example = draw_example(rng, photographs[int(rng.integers(len(photographs)))], side, recipe.prompts)
        if example is not None:
            yield example
            found += 1
        if found == recipe.batch:
            return
    raise ScalerError(
        f"pretrain: {TRIES} crops had no segment of useful size (0.4 % to 80 % of the crop). Are these label maps, "
        "with an integer for each segment?"
    )


def _groups(model: AdaptedModel, recipe: Recipe, encoder_is_pretrained: bool) -> list[dict[str, object]]:
    inner = {id(parameter) for parameter in model.encoder().parameters()}
    factor = ENCODER_SHARE if encoder_is_pretrained else 1.0
    parts = [[p for p in model.parameters() if (id(p) in inner) == encoders] for encoders in (True, False)]
    rates = recipe.learning_rate * factor, recipe.learning_rate
    return [{"params": part, "peak": rate} for part, rate in zip(parts, rates, strict=True)]


def _schedule(step: int, steps: int) -> float:
    rise = min(1.0, (step + 1) / WARM_UP_STEPS)
    return rise * 0.5 * (1 + math.cos(math.pi * step / steps))


def _load_encoder(model: AdaptedModel, path: Path) -> None:
    load = getattr(model, "load_encoder", None)
    if load is None:
        raise ScalerError(f"pretrain: {type(model).__name__} takes no classifier's weights for its encoder; lite does.")
    load(read_state_dict(path), path)


def _keep(path: Path, recipe: Mapping[str, object], step: int, learner: _Learner) -> None:
    buffer = io.BytesIO()
    content = {name: getattr(learner, name).state_dict() for name in ("model", "average", "optimizer")}
    torch.save(content | {"recipe": json.dumps(recipe), "step": step}, buffer)
    write_file(path, buffer.getbuffer())


def _restore(path: Path, recipe: Mapping[str, object], learner: _Learner) -> int:
    """The step to go on with."""
    if not path.is_file():
        return 0
    content = torch.load(path, map_location="cpu", weights_only=True)
    if json.loads(content["recipe"]) != json.loads(json.dumps(recipe)):
        raise ScalerError(
            f"{path}: this checkpoint was made with other settings or data: {content['recipe']}. Give the same ones, "
            "or remove it to start over."
        )
    for name in ("model", "average", "optimizer"):
        getattr(learner, name).load_state_dict(content[name])
    log.info(f"going on from step {content['step']}")
    return int(content["step"])


def _write(out: Path, model: AdaptedModel, recipe: Mapping[str, object]) -> None:
    state = {
        name: (value.half() if value.is_floating_point() else value).detach().cpu().contiguous()
        for name, value in model.state_dict().items()
    }
    write_file(out, safetensors.torch.save(state))
    parameters = sum(value.numel() for value in model.parameters())
    content = dict(recipe) | {"sha256": sha256(out), "parameters": parameters}
    write_file(out.with_suffix(".json"), (json.dumps(content, indent=2) + "\n").encode())
