"""Artifacts of tiny real models, written as the stages write them, and images in every form that users have."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from torch import nn

from scaler.artifacts.evaluation import write_scores
from scaler.artifacts.header import Header, Input, read_header
from scaler.artifacts.models import ModelInput
from scaler.artifacts.names import SCHEMA
from scaler.artifacts.sealing import sealed_hdf5
from scaler.artifacts.splits import DataSet
from scaler.metrics.scores import sidecar_texts
from scaler.models.foundation import build_foundation
from scaler.models.segmenter import build_segmenter
from scaler.params import Params
from scaler.training.checkpoints import write_sam, write_segmenter
from tests.artifacts.writing import write_data
from tests.conftest import with_values
from tests.pages.world import guesses, scenes

SIZE = 32
DATA = "results/data/train.h5"
MODELS = ("segmenter", "teacher", "sam")


def tiny_params(params: Params) -> Params:
    """A segmenter of a few thousand parameters; SAM is the nano one."""
    return with_values(params, segmenter={"options": {"width": 4}}, prepare_data={"size": SIZE})


def header(kind: str, name: str, params: dict[str, object], inputs: list[Input]) -> Header:
    """Provenance as a stage's; the fingerprint is the digest of the name."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    return Header(
        kind, SCHEMA[kind], "train_segmenter", "out", {"round": 1}, inputs, params, "c" * 64, {"torch": "2"}, digest
    )


def make_run(root: Path, params: Params, white: int | None = None, tile: int | None = None) -> Path:
    """A project with training data, segmenter, SAM and evaluation of round 1 under `root/results`; returns round 1."""
    values = params.model_dump(mode="json")
    image, mask = scenes(4, SIZE, 0)
    labelled = np.array([True, False, False, True])
    data = DataSet(list("abcd"), image, mask, labelled, mask * 0, np.full((4, 2), SIZE, np.int32), [])
    top = header("data", "data", {"seed": 0, "prepare_data": values["prepare_data"]}, [])
    with sealed_hdf5(root / DATA, top) as file:
        write_data(file, data)
    sealed = read_header(root / DATA)
    assert sealed is not None
    inputs = [Input("data", DATA, False, sealed.identity)]
    folder = root / "results" / "stops" / "round_1"
    student, teacher = (_network(params, seed) for seed in (1, 2))
    own = header("segmenter", "segmenter", {"seed": 0, "segmenter": values["segmenter"]}, inputs)
    with sealed_hdf5(folder / "segmenter.h5", own) as file:
        write_segmenter(file, student, teacher, [{"epoch": 1, "loss": 0.5}], ModelInput(SIZE, white, tile))
    sam = header("sam", "sam", {"seed": 0, "sam": values["sam"]}, inputs)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        foundation = build_foundation(params.sam)
    shaken(foundation.adapter, 3, 0.1)
    with sealed_hdf5(folder / "sam.h5", sam) as file:
        write_sam(file, foundation, params.sam, [{"epoch": 1, "loss": 0.5}], ModelInput(SIZE, white, tile))
    _evaluation(folder, own, sam)
    return folder


def _network(params: Params, seed: int) -> nn.Module:
    """A segmenter whose maps go from nearly 0 to nearly 1."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = build_segmenter(params.segmenter, SIZE)
    last = shaken(model, seed).heads[-1]
    image = torch.from_numpy(scenes(4, SIZE, 3)[0]).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        logits = model.eval()(image)[-1]
        last.weight.mul_(2 / logits.std())
        last.bias.sub_(logits.mean()).mul_(2 / logits.std())
    return model


def shaken(model: nn.Module, seed: int, amount: float = 0.6) -> nn.Module:
    """The model with noise in its parameters, so that no two networks agree and none is sure of everything."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in model.parameters():
            value.add_((torch.rand(value.shape, generator=draw) - 0.5) * amount)
    return model


def _evaluation(folder: Path, segmenter: Header, sam: Header) -> None:
    from tests.metrics.in_memory import evaluate_split

    _, masks = scenes(3, SIZE, 5)
    stacks = {name: guesses(masks, 0.5 + 0.1 * i, i) for i, name in enumerate(MODELS)}
    scores = {s: evaluate_split(list("xyz"), stacks, list(masks), stretch=False) for s in ("val", "test")}
    inputs = [Input(h.kind, f"results/stops/round_1/{h.kind}.h5", False, h.fingerprint) for h in (segmenter, sam)]
    made = replace(header("evaluation", "evaluation", {"evaluate": {"stretch": "none"}}, inputs), stage="evaluate")
    with sealed_hdf5(folder / "evaluation.h5", made, sidecar_texts(scores)) as file:
        write_scores(file, scores)


def write_images(folder: Path, count: int = 5) -> list[str]:
    """Images of sizes of their own, in folder and sub-folder; returns their ids, sorted."""
    names = []
    for i in range(count):
        image = scenes(1, 40, i)[0][0][: 24 + 3 * i, : 40 - 2 * i]
        name = f"deep/er {i}.x" if i % 2 else f"im{i}"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / f"{name}.png"), image)
        names.append(name)
    return sorted(names)


def write_odd_images(folder: Path) -> dict[str, tuple[int, int]]:
    """One image in each form that needs care; id -> (height, width) as a person sees it."""
    folder.mkdir(parents=True, exist_ok=True)
    image = scenes(1, 40, 7)[0][0][:30]
    Image.fromarray(image[..., 0]).save(folder / "grey.png")
    Image.fromarray(image).quantize(16).save(folder / "palette.png")
    Image.fromarray(image).save(folder / "colour.bmp")
    cv2.imwrite(str(folder / "deep.png"), image[..., ::-1].astype(np.uint16) * 257)
    cv2.imwrite(str(folder / "deep_grey.tif"), image[..., 0].astype(np.uint16) * 257)
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(image).save(folder / "turned.jpg", exif=turned, quality=95)
    return dict.fromkeys(("grey", "palette", "colour", "deep", "deep_grey"), (30, 40)) | {"turned": (40, 30)}
