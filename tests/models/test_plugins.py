"""A user's own class: the errors that tell what it breaks, and the adapters of docs/examples on stand-ins."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from scaler.errors import ScalerError
from scaler.models.segmenter import BUILT_IN, build_segmenter
from scaler.params import SegmenterParams
from tests.conftest import ROOT

SIZE = 64
EXAMPLES = ROOT / "docs" / "examples" / "plug_in_segmenters.py"
HEAD = "import sys\nimport torch\nfrom torch import nn\n"
GOOD = """
class Net(nn.Module):
    multiple_of = 16
    def __init__(self, width=4):
        super().__init__()
        self.layer = nn.Conv2d(3, 1, 3, padding=1)
    def forward(self, image):
        return [self.layer(image)]
"""


def parameters(model: str, depths: int = 1, **options: int) -> SegmenterParams:
    return SegmenterParams(model=model, options=options, weights=None, sha256=None, depth_weights=[1.0] * depths)


def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, name: str = "users_own") -> None:
    """A module on the path of imports."""
    file = tmp_path / Path(*name.split(".")).with_suffix(".py")
    file.parent.mkdir(exist_ok=True, parents=True)
    file.write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    for known in [key for key in sys.modules if key.split(".")[0] == name.split(".")[0]]:
        monkeypatch.delitem(sys.modules, known)


def forward(body: str) -> str:
    return GOOD.replace("return [self.layer(image)]", body)


def test_a_users_own_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, monkeypatch, HEAD + GOOD)
    assert build_segmenter(parameters("users_own:Net", width=8), SIZE).training


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (forward("raise RuntimeError('no mamba here')"), r"fails on an image .*RuntimeError: no mamba here"),
        (forward("return self.layer(image)"), r"expected a list of logits .* got a tensor of shape \(1, 1, 64, 64\)"),
        (forward("return (self.layer(image),)"), r"expected a list .* got a tuple of 1.*Return \[logits\]"),
        (forward("return []"), r"expected a list .* got a list of 0"),
        (forward("return [None]"), r"as output 0, got a NoneType"),
        (forward("return [self.layer(image)[..., ::2, ::2]]"), r"output 0 has \(1, 1, 32, 32\).*interpolate"),
        (forward("return [self.layer(image) / 0]"), r"output 0 holds NaN or infinite"),
        (forward("return [self.layer(image) > 0]"), r"floating point, but output 0 is torch\.bool"),
        (forward("return [self.layer(image) + torch.rand(1)]"), r"two runs on the same image differ"),
        (forward("return [self.layer(image)] * 2"), r"depth_weights: expected 2 weights.* got 1"),
        (GOOD.replace("multiple_of = 16", "pass"), r"`multiple_of`.*got None"),
        (GOOD.replace("multiple_of = 16", "multiple_of = 0"), r"`multiple_of`.*got 0"),
        (GOOD.replace("multiple_of = 16", "multiple_of = 48"), r"needs a multiple of 48, got 64"),
        (GOOD.replace("(nn.Module)", "").replace("super().__init__()", "pass"), r"torch\.nn\.Module, got a Net"),
        (GOOD.replace("= nn.Conv2d(3, 1, 3, padding=1)", "= lambda x: x.mean(1, True)"), r"nothing would be learned"),
        (GOOD.replace("width=4", "channels"), r"cannot be built .*missing 1 required positional argument: 'channels'"),
        (GOOD.replace("super().__init__()", "raise OSError('no net')"), r"cannot be built .*OSError: no net"),
        ("Net = 3", r"expected a class at 'users_own:Net', found a int"),
        ("class Nett: pass", r"cannot be imported \(AttributeError"),
        ("import absent_package", r"No module named 'absent_package'.*all installed that it imports"),
        ("def broken(:", r"cannot be imported \(SyntaxError"),
        ("sys.exit(3)", r"cannot be imported \(SystemExit: 3"),
    ],
)
def test_what_breaks_the_protocol_is_said(
    code: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, monkeypatch, HEAD + code)
    with pytest.raises(ScalerError, match=message):
        build_segmenter(parameters("users_own:Net"), SIZE)


@pytest.mark.parametrize("name", ["compactt", "absent_module:Net", ":Net", "scaler.models.compact:"])
def test_a_name_that_leads_nowhere(name: str) -> None:
    with pytest.raises(ScalerError, match=f"segmenter.model: .*'{name}'"):
        build_segmenter(parameters(name), SIZE)


def test_the_built_in_ones_are_imported_when_they_are_used() -> None:
    assert set(BUILT_IN) == {"compact", "ws_sam", "smp"}
    heavy = "{'timm', 'segmentation_models_pytorch', 'transformers', 'torchvision'}"
    code = (
        "import sys; from scaler.models.segmenter import build_segmenter; from scaler.params import SegmenterParams; "
        "build_segmenter(SegmenterParams(model='compact', options={}, weights=None, sha256=None, "
        f"depth_weights=[1.0, 1.0, 1.0]), 64); sys.exit(bool({heavy} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


SINET = """
class SINet_ResNet50(nn.Module):
    def __init__(self, channel=32, opt=None):
        super().__init__()
        self.layer = nn.Conv2d(3, 2, 8, stride=8)
        if self.training:
            self.initialize_weights()
    def forward(self, x):
        sm, im = nn.functional.interpolate(self.layer(x), scale_factor=8, mode="bilinear").split(1, dim=1)
        return sm, im
    def initialize_weights(self):
        raise OSError("a download")
"""
FEDER = """
class Network(nn.Module):
    def __init__(self, channels=96):
        super().__init__()
        self.channels, self.layer = channels, nn.Conv2d(3, EXTRA, 4, stride=4)
    def forward(self, x):
        maps = self.layer(x)
        return tuple(nn.functional.interpolate(maps[:, i : i + 1], x.shape[2:]) for i in range(EXTRA))
"""


@pytest.fixture
def examples() -> ModuleType:
    """The examples of the documentation, imported by path."""
    spec = importlib.util.spec_from_file_location("plug_in_segmenters", EXAMPLES)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def image() -> Tensor:
    return torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))


def test_sinet(examples: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a stand-in of the interface that the authors' class has; the import path is that of the documentation."""
    written(tmp_path, monkeypatch, HEAD + SINET, "Src.SINet")
    params = parameters("docs.examples.plug_in_segmenters:SINet", depths=2)
    model = build_segmenter(params, SIZE)
    search, identification = model(image())
    normalised = (image() - torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)) / torch.tensor(
        [0.229, 0.224, 0.225]
    ).view(1, 3, 1, 1)
    theirs = model.get_submodule("network")(normalised)
    torch.testing.assert_close([search, identification], list(theirs))
    identification.mean().backward()
    assert isinstance(model.get_submodule("network.layer").weight.grad, Tensor)


@pytest.mark.parametrize(("name", "extra", "channels"), [("Feder", 9, 96), ("Run", 13, 192)])
def test_feder_and_run(
    name: str, extra: int, channels: int, examples: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Edges and backgrounds, which come after the five maps, are left out; the fifth is the prediction."""
    written(tmp_path, monkeypatch, HEAD + f"EXTRA = {extra}" + FEDER, "lib.Network")
    model: nn.Module = getattr(examples, name)().eval()
    assert model.network.channels == channels
    depths = model(image())
    theirs = model.network(model.normalise(image()))
    assert len(depths) == 5
    torch.testing.assert_close(depths, list(theirs[:5]))


def test_every_example_is_in_the_documentation(examples: ModuleType) -> None:
    text = (ROOT / "docs" / "segmenters.md").read_text(encoding="utf-8")
    own = [name for name, value in vars(examples).items() if getattr(value, "__module__", "") == examples.__name__]
    assert [name for name in own if not name.startswith("_") and f"plug_in_segmenters:{name}" not in text] == []
