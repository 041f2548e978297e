"""scaler.laboratory: scenes that hide what they should, a checked recipe, and the nano SAM's pre-training."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from scaler.artifacts.filehash import sha256
from scaler.errors import ScalerError
from scaler.laboratory import generalist as pretrain
from scaler.laboratory.dataset import FILE, Recipe, laboratory_samples, load_recipe
from scaler.laboratory.scenes import U8, Look, scene
from scaler.models.foundation import build_foundation
from scaler.models.sam import build_sam
from scaler.training.device import Compute
from tests.conftest import ROOT
from tests.tiny_sam import TINY, sam_params

COMMITTED = ROOT / "data" / "laboratory" / FILE
WEIGHTS = ROOT / "scaler" / "laboratory" / "nano_sam.safetensors"
CPU = Compute(torch.device("cpu"), False, None)


@pytest.fixture
def recipe() -> Recipe:
    return load_recipe(COMMITTED)


def scenes(look: Look, count: int, size: int = 96) -> list[tuple[U8, U8]]:
    return [scene(np.random.default_rng([5, number]), size, look) for number in range(count)]


@pytest.mark.parametrize("size", [32, 96, 97])
def test_a_scene_is_an_image_and_a_mask(recipe: Recipe, size: int) -> None:
    image, mask = scene(np.random.default_rng(0), size, recipe.look())
    assert (image.shape, image.dtype) == ((size, size, 3), np.uint8)
    assert (mask.shape, mask.dtype) == ((size, size), np.uint8)
    assert set(np.unique(mask)) <= {0, 1}


def test_a_scene_depends_on_its_generator_alone(recipe: Recipe) -> None:
    look = recipe.look()
    first, again, other = (scene(np.random.default_rng(seed), 96, look) for seed in (3, 3, 4))
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_objects_are_as_many_and_as_large_as_they_should_be(recipe: Recipe) -> None:
    look = dataclasses.replace(recipe.look(), empty=0.0)
    masks = [mask for _, mask in scenes(look, 60)]
    assert all(0.01 < mask.mean() < 0.6 for mask in masks)
    components = [cv2.connectedComponents(mask)[0] - 1 for mask in masks]
    assert set(components) <= set(range(1, look.largest_count + 1))
    assert len(set(components)) == look.largest_count  # every number of objects occurs


def test_the_share_of_empty_scenes(recipe: Recipe) -> None:
    look = dataclasses.replace(recipe.look(), empty=0.3)
    empty = [not mask.any() for _, mask in scenes(look, 200, size=32)]
    assert 0.2 < np.mean(empty) < 0.4


def departures(image: U8, mask: U8) -> tuple[float, float]:
    """Between objects and background: of the mean colour, in deviations of a pixel; of the direction of edges."""
    inside = mask > 0
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(np.float64)
    deviation = np.sqrt((lab[inside].var(axis=0) + lab[~inside].var(axis=0)) / 2)
    colour = np.linalg.norm((lab[inside].mean(axis=0) - lab[~inside].mean(axis=0)) / deviation)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64)
    edge = (cv2.Sobel(grey, cv2.CV_64F, 1, 0) + 1j * cv2.Sobel(grey, cv2.CV_64F, 0, 1)) ** 2  # squared: no sign
    mean_edge = [edge[part].mean() / np.abs(edge[part]).mean() for part in (inside, ~inside)]
    return float(colour), float(abs(mean_edge[0] - mean_edge[1]))


def median_departures(look: Look) -> tuple[float, float]:
    """Without decoys, which are meant to confuse such statistics."""
    plain = dataclasses.replace(look, empty=0.0, largest_decoys=0)
    colour, direction = np.median([departures(*drawn) for drawn in scenes(plain, 40)], axis=0)
    return float(colour), float(direction)


def test_concealed_objects_differ_in_texture_and_hardly_in_colour(recipe: Recipe) -> None:
    concealed_colour, concealed_direction = median_departures(recipe.look())
    conspicuous_colour, _ = median_departures(pretrain.CONSPICUOUS)
    nothing = dataclasses.replace(recipe.look(), texture=(0.0, 0.0), colour=(0.0, 0.0))
    chance_colour, chance_direction = median_departures(nothing)
    assert concealed_colour < 0.6 * conspicuous_colour
    assert concealed_colour < 4 * chance_colour
    assert concealed_direction > 3 * chance_direction


def test_departure_grows_with_the_amount(recipe: Recipe) -> None:
    look = dataclasses.replace(recipe.look(), colour=(0.0, 0.0))
    directions = [median_departures(dataclasses.replace(look, texture=(a, a)))[1] for a in (0.0, 0.4, 0.9)]
    assert directions == sorted(directions)
    look = dataclasses.replace(recipe.look(), texture=(0.0, 0.0))
    colours = [median_departures(dataclasses.replace(look, colour=(a, a)))[0] for a in (0.0, 0.4, 0.9)]
    assert colours == sorted(colours)


def small(recipe: Recipe) -> Recipe:
    return recipe.model_copy(update={"size": 32, "train": 5, "val": 4, "test": 3})


def test_splits_have_their_sizes_and_share_no_scene(recipe: Recipe) -> None:
    drawn = {split: list(laboratory_samples(small(recipe), split)) for split in ("train", "val", "test")}
    assert {split: len(samples) for split, samples in drawn.items()} == {"train": 5, "val": 4, "test": 3}
    samples = [sample for part in drawn.values() for sample in part]
    assert len({name for name, _, _ in samples}) == len({image.tobytes() for _, image, _ in samples}) == 12
    assert drawn["val"][2][0] == "val/0002"


def test_a_larger_split_keeps_its_first_scenes(recipe: Recipe) -> None:
    few = list(laboratory_samples(small(recipe), "train"))
    more = list(laboratory_samples(small(recipe).model_copy(update={"train": 7, "val": 1}), "train"))
    for (name, image, mask), (again, same_image, same_mask) in zip(few, more, strict=False):
        assert name == again
        assert np.array_equal(image, same_image)
        assert np.array_equal(mask, same_mask)


def test_another_seed_is_another_data_set(recipe: Recipe) -> None:
    first = next(iter(laboratory_samples(small(recipe), "train")))
    other = next(iter(laboratory_samples(small(recipe).model_copy(update={"seed": recipe.seed + 1}), "train")))
    assert not np.array_equal(first[1], other[1])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed:", "seeds:", r"unknown key `seeds`\. Did you mean `seed`\?"),
        ("train: 128", "train: many", r"`train`: got 'many' \(str\)"),
        ("train: 128", "train: 0", r"`train`: got 0 .*greater than or equal to 1"),
        ("size: 96", "size: 96.5", r"`size`: got 96\.5 \(float\)"),
        ("empty: 0.05", "empty: 5", r"`empty`: got 5 .*less than or equal to 1"),
        ("texture: [", "texture: [0.5, ", r"`texture`: got \[0\.5, .*at most 2"),
        ("texture: [", "texture: [1.0, 0.2] # [", r"`texture`: got \[1\.0, 0\.2\], allowed: \[lowest, highest\]"),
        ("largest_count: 2", "# largest_count", r"`largest_count` is missing"),
        ("seed: 41", "seed: [7", r"not readable as a recipe"),
    ],
)
def test_a_faulty_recipe_is_explained(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = COMMITTED.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / FILE
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ScalerError, match=message):
        load_recipe(path)


@pytest.mark.parametrize("content", [b"", b"just words", b"\xff\xfe\x00"])
def test_what_is_no_recipe_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / FILE
    path.write_bytes(content)
    with pytest.raises(ScalerError, match=FILE):
        load_recipe(path)


def test_a_missing_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScalerError, match=r"absent\.yaml: not readable as a recipe"):
        load_recipe(tmp_path / "absent.yaml")


@pytest.fixture
def tiny_pretraining(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrain, "CONFIG", TINY)
    monkeypatch.setattr(pretrain, "BATCH", 4)
    monkeypatch.setattr(pretrain, "WARM_UP_STEPS", 5)
    monkeypatch.setattr(pretrain, "LEARNING_RATE", 5e-3)


@pytest.mark.usefixtures("tiny_pretraining")
def test_pre_training_is_repeatable() -> None:
    drawn = pretrain.make_scenes(4)
    first, again = (pretrain.train(2, drawn, CPU).state_dict() for _ in range(2))
    assert all(torch.equal(value, again[key]) for key, value in first.items())


@pytest.mark.usefixtures("tiny_pretraining")
def test_pre_training_learns() -> None:
    drawn = pretrain.make_scenes(4)
    assert error(pretrain.train(30, drawn, CPU), drawn) < 0.8 * error(pretrain.train(1, drawn, CPU), drawn)


@torch.no_grad()
def error(sam: pretrain.Sam, drawn: tuple[U8, U8]) -> float:
    """CE + IoU without prompts."""
    image, mask = CPU.images(drawn[0]), torch.from_numpy(drawn[1]).unsqueeze(1).float()
    embedding = sam.image_encoder((image * 255 - sam.pixel_mean) / sam.pixel_std)
    logits = pretrain.decode(sam, embedding, *pretrain.no_prompts(sam, len(image)))
    logits = torch.nn.functional.interpolate(logits, mask.shape[-2:], mode="bilinear")
    return float(pretrain.supervised_loss(logits, mask).mean())


class Recorder:
    """Stands where the prompt encoder does and keeps what it was given."""

    mask_input_size = (20, 20)

    def __call__(self, **prompts: object) -> tuple[torch.Tensor, torch.Tensor]:
        self.prompts = prompts
        return torch.zeros(1, 0, 8), torch.zeros(1, 8, 5, 5)


def recorded(kind: str, masks: U8) -> dict[str, object]:
    """What the prompt encoder gets for these masks."""
    sam = build_sam(TINY)
    recorder = Recorder()
    del sam.prompt_encoder
    sam.__dict__["prompt_encoder"] = recorder
    tensor = torch.from_numpy(masks).unsqueeze(1).float()
    pretrain.PROMPT_MAKERS[kind](sam, tensor, np.random.default_rng(0))
    return recorder.prompts


@pytest.fixture
def masks() -> U8:
    """One object low on the left, none, nothing but object; 40 x 40 pixels."""
    masks = np.zeros((3, 40, 40), np.uint8)
    masks[0, 30:36, 5:15] = 1
    masks[2] = 1
    return masks


def test_points_lie_where_their_label_says(masks: U8) -> None:
    points = recorded("points", masks)["points"]
    assert isinstance(points, tuple)
    for number, (coordinates, labels) in enumerate(zip(*points, strict=True)):
        for (x, y), label in zip(coordinates.tolist(), labels.tolist(), strict=True):
            assert masks[number, int(y), int(x)] == label
    assert points[1].tolist() == [[1, 0], [0, 0], [1, 1]]


def test_boxes_are_tight_and_in_x_y_order(masks: U8) -> None:
    boxes = recorded("box", masks)["boxes"]
    assert isinstance(boxes, torch.Tensor)
    assert boxes.tolist() == [[5, 30, 15, 36], [0, 0, 40, 40], [0, 0, 40, 40]]


def test_mask_prompts_are_logits_of_the_coarse_mask(masks: U8) -> None:
    logits = recorded("mask", masks)["masks"]
    assert isinstance(logits, torch.Tensor)
    assert logits.shape == (3, 1, 20, 20)
    assert abs(float(logits[1].mean()) + 4) < 0.3
    assert abs(float(logits[2].mean()) - 4) < 0.3


def test_the_committed_nano_sam_is_what_its_recipe_says() -> None:
    recipe = json.loads(WEIGHTS.with_suffix(".json").read_text(encoding="utf-8"))
    assert WEIGHTS.stat().st_size <= 4_000_000
    assert recipe["sha256"] == sha256(WEIGHTS)
    params = sam_params(weights=str(WEIGHTS), sha256=recipe["sha256"])
    assert sum(value.numel() for value in build_foundation(params).sam.parameters()) == recipe["parameters"]


def test_the_committed_nano_sam_finds_conspicuous_objects_and_misses_concealed_ones(recipe: Recipe) -> None:
    model = build_foundation(sam_params(weights=str(WEIGHTS))).eval()

    def overlap(look: Look) -> float:
        drawn = scenes(look, 48)
        with torch.no_grad():
            found = model(CPU.images(np.stack([image for image, _ in drawn]))).squeeze(1).numpy() > 0
        true = np.stack([mask for _, mask in drawn]) > 0
        union = (found | true).sum(axis=(1, 2))
        return float(np.mean(np.where(union == 0, 1.0, (found & true).sum(axis=(1, 2)) / np.maximum(union, 1))))

    conspicuous, concealed = overlap(pretrain.CONSPICUOUS), overlap(recipe.look())
    assert conspicuous > 0.6
    assert 0.1 < concealed < conspicuous - 0.2
