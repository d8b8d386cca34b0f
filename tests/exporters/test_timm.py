"""Files for timm: the identical network where there is one, a sentence where there is none."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import torch

import netwright as nw
from exporters.networks import network
from netwright import catalog
from netwright.errors import UsageError
from netwright.exporters.check import liven, probe
from netwright.exporters.network import load_network
from netwright.exporters.timm import export_timm, timm_source
from netwright.nn.weights import save_weights
from netwright.rng import stream
from netwright.spaces.tokens import sample


@pytest.mark.parametrize("kind", ["mobile", "efficientnet"])
def test_timm_builds_the_identical_network(kind: str, tmp_path: Path) -> None:
    made = network(kind)
    found = export_timm(made, tmp_path / "network_timm.py")
    assert found.max_relative_difference is not None and found.max_relative_difference < 1e-5
    assert "netwright." not in (tmp_path / "network_timm.py").read_text()
    save_weights(made.module, tmp_path / "weights.safetensors")
    create = runpy.run_path(str(tmp_path / "network_timm.py"))["create"]
    images = probe(made.arch, 2)
    with torch.no_grad():
        logits = create(tmp_path / "weights.safetensors")(images)
        assert torch.allclose(logits, made.module(images), atol=1e-6)


@pytest.mark.parametrize("name", ["mnasnet_a1", "efficientnetv2_b0", "efficientnet_lite0"])
def test_published_networks(name: str, tmp_path: Path) -> None:
    made = load_network(catalog.architecture(name, classes=5, resolution=32), None)
    liven(made.module, seed=0)
    assert export_timm(made, tmp_path / "t.py").max_relative_difference == pytest.approx(0)


def test_random_networks_of_the_mobile_space(tmp_path: Path) -> None:
    space = nw.space("mobile", classes=3, resolution=32)
    for number in range(2):
        arch = space.decode(space.canonical(sample(space, stream(0, "timm", number))))
        export_timm(load_network(arch, None), tmp_path / "t.py")


def test_what_timm_cannot_be_is_one_sentence() -> None:
    with pytest.raises(UsageError, match="timm cannot build .*: it is no chain of stem"):
        timm_source(network("nasnet"))
    space = nw.space("mnasnet", classes=3, resolution=32)
    refused = set()
    for number in range(8):
        arch = space.decode(space.canonical(sample(space, stream(0, "timm", number))))
        try:
            timm_source(load_network(arch, None))
        except UsageError as err:
            refused.add(str(err).split(": ")[1].split(".")[0])
    assert refused <= {
        "it has skips through a pool",
        "it has plain convolutions with squeeze-and-excitation",
    }


def test_equal_layers_are_written_once() -> None:
    made = load_network(catalog.architecture("efficientnet_b0"), None)
    assert '["ir_r2_k3_s2_e6_c24_se0.25"]' in timm_source(made)
