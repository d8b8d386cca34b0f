"""timm's EfficientNets read stage by stage: exactly, or refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from netwright.arch.staged import read_staged
from netwright.errors import UnknownNameError, UsageError
from netwright.nn.build import build
from netwright.nn.seeding import seeded
from netwright.nn.timm_stages import read_timm, timm_pretrained

timm = pytest.importorskip("timm")


def model_of(name: str) -> nn.Module:
    """A timm model on small images, with norm statistics that are not 0 and 1."""
    with seeded(0):
        model: Any = timm.create_model(name)
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm2d) and layer.running_mean is not None:
                nn.init.uniform_(layer.running_mean, -0.2, 0.2)
                assert layer.running_var is not None
                nn.init.uniform_(layer.running_var, 0.7, 1.4)
    model.pretrained_cfg = {**model.default_cfg, "input_size": (3, 64, 64)}
    return model.eval()  # type: ignore[no-any-return]


NAMES = ("mobilenetv2_050", "mnasnet_small", "semnasnet_075", "fbnetc_100", "tf_efficientnetv2_b0")


@pytest.mark.parametrize("name", NAMES)
def test_the_same_network_comes_out(name: str) -> None:
    model = model_of(name)
    arch = read_timm(model, name)
    ours = build(arch, seed=0).eval()
    assert ours.state_dict().keys() == model.state_dict().keys()
    ours.load_state_dict(model.state_dict())
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(ours(x), model(x), rtol=1e-4, atol=1e-4)
    blocks = model.get_submodule("blocks")
    assert isinstance(blocks, nn.Sequential)
    assert len(read_staged(arch).stages) == len(blocks)


@pytest.mark.parametrize("name", ["mobilenetv3_small_050", "resnet18"])
def test_another_class_is_no_relative(name: str) -> None:
    with torch.device("meta"):
        model = timm.create_model(name)
    with pytest.raises(UsageError, match=f"timm:{name} is no relative: it is a .* Inherit from a"):
        read_timm(model, name)
    with pytest.raises(UsageError, match="is no relative"):
        timm_pretrained(name)


def test_parts_that_are_none_of_ours_are_refused() -> None:
    with pytest.raises(UsageError, match="timm:mixnet_s has parts that the networks here cannot"):
        read_timm(model_of("mixnet_s"), "mixnet_s")
    model = model_of("mnasnet_small")
    blocks: Any = model.get_submodule("blocks")
    blocks[1][0].bn1.act = nn.ReLU6()  # one layer differs from what is read of the block's first
    blocks[1][0].bn2.act = nn.SiLU()
    with pytest.raises(UsageError, match="has parts"):
        read_timm(model, "mnasnet_small")


def test_what_cannot_be_downloaded_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    make: Callable[..., nn.Module] = timm.create_model

    def offline(name: str, pretrained: bool = False) -> nn.Module:
        if pretrained:
            raise ConnectionError("no route")
        return make(name)

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(UsageError, match=r"timm:mnasnet_100 cannot be downloaded \(ConnectionE"):
        timm_pretrained("mnasnet_100")
    with pytest.raises(UsageError, match="timm has no weights for mnasnet_140; give a file"):
        timm_pretrained("mnasnet_140")
    with pytest.raises(UnknownNameError, match="Did you mean 'mnasnet_100'"):
        timm_pretrained("mnasnet_1000")
