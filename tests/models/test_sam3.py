"""scaler.models.sam3: transformers' own computation, real key names and shapes, words, and both models in Phase II."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor, nn
from transformers import Sam3Config, Sam3Model, Sam3TrackerConfig, Sam3TrackerModel, Sam3VideoConfig, Sam3VideoModel

from scaler.errors import ScalerError
from scaler.models.foundation import build_foundation
from scaler.models.prompts import FOREGROUND, Prompts
from scaler.models.sam3 import Sam3Tracker, Sam3Words, loaded, token_ids
from scaler.models.sam3_build import SIZE, build_detector, build_tracker
from scaler.models.sam3_keys import detector_state, tracker_state
from tests.models.sam3_tiny import BEGIN, END, TINY, published, use_tiny, write_vocabulary
from tests.tiny_sam import moved_by_two_steps, of_adaptation, pictures, sam_params, with_adaptation, without_gradient

FILE = Path("model.safetensors")
IDS = [BEGIN, 5, 7, END]


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    use_tiny(monkeypatch)


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return published()


def words(state: dict[str, Tensor], tmp_path: Path, adaptation: str = "decoder", side: int = TINY.side) -> Sam3Words:
    model = loaded("sam3", side, state, FILE)
    assert isinstance(model, Sam3Words)
    model.read_words("camouflaged animal", write_vocabulary(tmp_path))
    return with_adaptation(model.eval(), adaptation)


def tracker(state: dict[str, Tensor], adaptation: str = "decoder", side: int = TINY.side) -> Sam3Tracker:
    model = loaded("sam3_tracker", side, state, FILE)
    assert isinstance(model, Sam3Tracker)
    return with_adaptation(model.eval(), adaptation)


def shapes(model: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in model.state_dict().items()}


def test_the_real_sizes_are_those_of_the_published_model() -> None:
    """Names and shapes of the whole published model, as transformers has it by default; nothing is allocated."""
    with torch.device("meta"):
        video = Sam3VideoModel(Sam3VideoConfig())
        ours = build_detector(SIZE, SIZE.side), build_tracker(SIZE, SIZE.side)
        theirs = Sam3Model(Sam3Config()), Sam3TrackerModel(Sam3TrackerConfig())
    assert SIZE.side == 1008
    for own, other in zip(ours, theirs, strict=True):
        assert shapes(own) == shapes(other)
    published_state = video.state_dict()
    assert len(published_state) == 1797
    for own, taken in zip(ours, (detector_state(published_state), tracker_state(published_state)), strict=True):
        assert shapes(own) == {name: tuple(value.shape) for name, value in taken.items()}


def normalised(image: Tensor) -> Tensor:
    return (image - 0.5) / 0.5


@torch.no_grad()
@pytest.mark.parametrize("side", [56, 98])
def test_words_find_what_transformers_own_model_finds(state: dict[str, Tensor], tmp_path: Path, side: int) -> None:
    official = build_detector(TINY, side).eval()
    official.load_state_dict(detector_state(state))
    image = pictures(2, side, side)
    ids = torch.tensor([IDS]).expand(2, -1)
    wanted = official(pixel_values=normalised(image), input_ids=ids).semantic_seg
    model = words(state, tmp_path, side=side)
    came = model.decode(model.features(image), None)
    assert came.shape == (2, 1, 4 * side // 14, 4 * side // 14)
    torch.testing.assert_close(came, wanted, rtol=1e-4, atol=1e-4)
    assert model(image).shape == (2, 1, side, side)


def official_tracker(state: dict[str, Tensor]) -> Sam3TrackerModel:
    """With a pyramid of three maps, so that its forward, too, adds the no-memory embedding to the one at side/14."""
    config = build_tracker(TINY, TINY.side).config
    config.vision_config.scale_factors = [4.0, 2.0, 1.0]
    model = Sam3TrackerModel(config).eval()
    model.load_state_dict({k: v for k, v in tracker_state(state).items() if ".fpn_layers.3." not in k})
    return model


@torch.no_grad()
def test_points_boxes_and_masks_give_what_transformers_own_model_gives(state: dict[str, Tensor]) -> None:
    official, model, image = official_tracker(state), tracker(state), pictures(1, TINY.side, TINY.side)
    no = torch.zeros(1, dtype=torch.bool)
    point, label = torch.tensor([[[20.5, 31.5]]]), torch.tensor([[FOREGROUND]])
    box = torch.tensor([[10.5, 12.5, 40.5, 50.5]])
    mask = torch.randn(1, 1, 16, 16)
    nowhere = torch.zeros(1, 0, 2), torch.zeros(1, 0, dtype=torch.int64)
    asked = {"input_points": point[:, None] - 0.5, "input_labels": label[:, None]}
    cases = {
        "point": (Prompts(point, label, None, no, None, no), asked),
        "box": (Prompts(*nowhere, box, ~no, None, no), {"input_boxes": box[:, None] - 0.5}),
        "mask": (Prompts(point, label, None, no, mask, ~no), asked | {"input_masks": mask}),
    }
    for name, (prompts, theirs) in cases.items():
        wanted = official(pixel_values=normalised(image), multimask_output=False, **theirs).pred_masks[:, 0]
        came = model.decode(model.features(image), prompts)
        torch.testing.assert_close(came, wanted, rtol=1e-3, atol=1e-3, msg=lambda text, name=name: f"{name}: {text}")


def test_every_key_of_the_published_file_has_its_place(state: dict[str, Tensor]) -> None:
    for name in ("sam3", "sam3_tracker"):
        key = "detector_model.vision_encoder.backbone.layers.1.mlp.fc1.bias"
        with pytest.raises(ScalerError, match=r"1 missing: vision_encoder\.backbone\.layers\.1\.mlp\.fc1\.bias"):
            loaded(name, None, {k: v for k, v in state.items() if k != key}, FILE)
        with pytest.raises(ScalerError, match="1 unexpected: extra"):
            loaded(name, None, state | {"extra": torch.zeros(1)}, FILE)
        with pytest.raises(
            ScalerError, match=r"1 of another shape: vision_encoder\.backbone\.layers\.1\.mlp\.fc1\.bias"
        ):
            loaded(name, None, state | {key: torch.zeros(3)}, FILE)
    with pytest.raises(ScalerError, match=r"1 unexpected: detr_decoder\.extra"):
        loaded("sam3", None, state | {"detector_model.detr_decoder.extra": torch.zeros(1)}, FILE)
    with pytest.raises(ScalerError, match=r"1 unexpected: mask_decoder\.extra"):
        loaded("sam3_tracker", None, state | {"tracker_model.mask_decoder.extra": torch.zeros(1)}, FILE)


def test_a_file_of_one_model_alone_is_taken(state: dict[str, Tensor]) -> None:
    assert isinstance(loaded("sam3", None, detector_state(state), FILE), Sam3Words)
    assert isinstance(loaded("sam3_tracker", None, tracker_state(state), FILE), Sam3Tracker)


def test_words_become_numbers_and_the_text_encoder_goes(state: dict[str, Tensor], tmp_path: Path) -> None:
    assert token_ids("camouflaged animal", write_vocabulary(tmp_path)) == IDS
    model = words(state, tmp_path)
    assert model.words.shape == (1, 4, TINY.decoder.width)
    assert not any("text" in name or "detr_decoder" in name for name in model.state_dict())


def test_faulty_words_are_explained(state: dict[str, Tensor], tmp_path: Path) -> None:
    model = loaded("sam3", None, state, FILE)
    with pytest.raises(ScalerError, match=r"tokenizer\.json: not found\. SAM 3 reads words by the file"):
        model.read_words("polyp", tmp_path / "tokenizer.json")
    path = write_vocabulary(tmp_path)
    for text in ("", "polyp " * 31):
        with pytest.raises(ScalerError, match="expected a few words"):
            model.read_words(text, path)
    with pytest.raises(ScalerError, match="sam3 is asked for something by words"):
        model(pictures(1, 56, 56))
    with pytest.raises(ScalerError, match="Sam3Tracker takes no words"):
        tracker(state).read_words("polyp", path)
    path.write_text("{}")
    with pytest.raises(ScalerError, match="not readable as a vocabulary"):
        model.read_words("polyp", path)


def test_a_side_that_14_does_not_divide_is_refused(state: dict[str, Tensor]) -> None:
    with pytest.raises(ScalerError, match=r"sam\.size: expected a multiple of 14 \(for SAM 3\), got 64\. Nearest: 70"):
        loaded("sam3", 64, state, FILE)


@torch.no_grad()
@pytest.mark.parametrize("name", ["sam3", "sam3_tracker"])
def test_adaptations_start_as_the_model_that_was_loaded(state: dict[str, Tensor], tmp_path: Path, name: str) -> None:
    image = pictures(2, 64, 64)
    build = (lambda how: words(state, tmp_path, how)) if name == "sam3" else (lambda how: tracker(state, how))
    plain = build("decoder")(image)
    for adaptation in ("adapter", "lora"):
        torch.testing.assert_close(build(adaptation)(image), plain, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["sam3", "sam3_tracker"])
@pytest.mark.parametrize("adaptation", ["adapter", "lora", "decoder"])
def test_a_step_moves_all_that_is_trained_and_nothing_else(
    state: dict[str, Tensor], tmp_path: Path, name: str, adaptation: str
) -> None:
    model = (words(state, tmp_path, adaptation) if name == "sam3" else tracker(state, adaptation)).train()
    model.recompute = True
    trained = set(model.trainable_names())
    own = of_adaptation(trained)
    assert moved_by_two_steps(model, 56) <= trained
    assert bool(own) == (adaptation != "decoder")
    ignored = {key for key in trained if key.endswith("k_proj.bias")}  # by a softmax
    assert without_gradient(model, own if name == "sam3_tracker" else trained - ignored) == set()
    assert all(key.startswith("sam.") for key in trained - own)


def test_dropout_of_frozen_parts_stays_off(state: dict[str, Tensor], tmp_path: Path) -> None:
    model = words(state, tmp_path).train()
    first, again = (model(pictures(1, 56, 56)).detach() for _ in range(2))
    assert torch.equal(first, again)


def test_the_published_file_is_taken_by_name(state: dict[str, Tensor], tmp_path: Path) -> None:
    write_vocabulary(tmp_path)
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file({k: v.contiguous().clone() for k, v in state.items()}, path)
    found = build_foundation(sam_params(model="sam3", text="polyp", weights=str(path), adaptation="lora"))
    assert isinstance(found, Sam3Words)
    assert found.words.shape == (1, 3, TINY.decoder.width)
    assert isinstance(build_foundation(sam_params(model="sam3_tracker", weights=str(path))), Sam3Tracker)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "sam3"}, "sam3 is asked for something by words"),
        ({"text": "polyp"}, "no other model is; got model: nano"),
        ({"model": "sam3", "text": "polyp", "prompts": "teacher_box"}, "sam3 takes its words and nothing else"),
    ],
)
def test_words_and_prompts_that_do_not_go_together_are_refused(changes: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sam_params(**changes)
