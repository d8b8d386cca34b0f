"""What is exported: weights that were loaded, and what is known of their images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from netwright import catalog
from netwright.errors import UsageError
from netwright.exporters.network import load_network
from netwright.nn.build import build
from netwright.nn.weights import save_weights
from netwright.spaces.nasnet import published

ARCH = catalog.architecture("mnasnet_small", classes=2, resolution=32)
FACTS = {"classes": '["cat", "dög"]', "mean": "[0.5, 0.4, 0.3]", "std": "[0.2, 0.2, 0.1]"}


def test_weights_and_facts_are_read(tmp_path: Path) -> None:
    trained = build(ARCH, seed=5)
    save_weights(trained, tmp_path / "w.safetensors", about=FACTS)
    network = load_network(ARCH, tmp_path / "w.safetensors")
    assert network.trained and not network.module.training
    assert network.classes == ("cat", "dög") and network.mean == (0.5, 0.4, 0.3)
    for name, value in trained.state_dict().items():
        assert torch.equal(network.state[name], value)
    about = network.about()
    assert json.loads(about["classes"]) == ["cat", "dög"]
    assert about["arch"] == ARCH.id and json.loads(about["input_shape"]) == [3, 32, 32]


def test_facts_that_do_not_fit_are_left_out(tmp_path: Path) -> None:
    about = {"classes": '["one"]', "mean": "[0.5]", "std": "nonsense"}
    save_weights(build(ARCH, seed=5), tmp_path / "w.safetensors", about=about)
    network = load_network(ARCH, tmp_path / "w.safetensors")
    assert network.classes is None and network.mean is None and network.std is None


def test_fresh_weights_come_from_the_seed_and_auxiliary_classifiers_stay_behind() -> None:
    assert not load_network(ARCH, None).trained
    aux = published("nasnet_a_cifar", classes=2, resolution=32, aux=True)
    keys = load_network(aux, None, seed=3).state.keys()
    assert keys < build(aux, seed=3, device="meta").state_dict().keys()


def test_missing_weights_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There are no weights at"):
        load_network(ARCH, tmp_path / "none.safetensors")
