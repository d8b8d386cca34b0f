"""ONNX models of random graphs and of the catalogue's kinds, run beside torch."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphs import Graph, assemble, graphs
from netwright import catalog
from netwright.arch.graph import Architecture
from netwright.errors import UsageError
from netwright.nn.build import build
from netwright.nn.onnx import OPSET, onnx_model, onnx_session

onnx = pytest.importorskip("onnx", reason="pip install 'netwright[onnx]'")
pytest.importorskip("onnxruntime", reason="pip install 'netwright[onnx]'")


def lively(arch: Architecture, seed: int) -> torch.fx.GraphModule:
    """The network with norm statistics that are not those of a fresh one."""
    module = build(arch, seed=seed, aux=False).eval()
    generator = torch.Generator().manual_seed(seed)
    for name, value in module.state_dict().items():
        if name.endswith("running_mean"):
            value.normal_(0, 0.3, generator=generator)
        elif name.endswith("running_var"):
            value.uniform_(0.5, 2, generator=generator)
        elif value.is_floating_point() and value.ndim == 1:
            value.uniform_(0.5, 1.5, generator=generator)
    return module


def differ(arch: Architecture, *, seed: int = 0, batch: int = 3) -> float:
    """The largest difference from torch, relative to the largest logit."""
    module = lively(arch, seed)
    run = onnx_session(onnx_model(arch, module.state_dict()).SerializeToString())
    images = torch.rand(batch, *arch.input_shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = module(images).numpy()
    (came,) = run(images.numpy())
    assert came.shape == expected.shape
    return float(np.abs(came - expected).max() / max(1e-6, np.abs(expected).max()))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graph=graphs(), seed=st.integers(0, 99))
def test_random_graphs_give_torchs_outputs(graph: Graph, seed: int) -> None:
    assert differ(assemble(graph, seed=seed), seed=seed) < 1e-4


@pytest.mark.parametrize(
    "name", ["mnasnet_small", "efficientnet_lite0", "efficientnet_b0", "zico_450m"]
)
def test_networks_of_the_literature_give_torchs_outputs(name: str) -> None:
    arch = catalog.architecture(name, classes=7, resolution=32)
    assert differ(arch) < 1e-4


def test_a_model_says_what_it_is_and_takes_any_batch() -> None:
    arch = catalog.architecture("mnasnet_small", classes=4, resolution=32)
    model = onnx_model(arch, build(arch, seed=0).state_dict(), about={"classes": "a, b"})
    facts = {entry.key: entry.value for entry in model.metadata_props}
    assert facts == {"architecture": arch.id, "opset": str(OPSET), "classes": "a, b"}
    assert [o.version for o in model.opset_import] == [OPSET]
    assert model.producer_name == "netwright"
    run = onnx_session(model.SerializeToString(), threads=2)
    for batch in (1, 2, 5):
        (logits,) = run(np.zeros((batch, 3, 32, 32), np.float32))
        assert logits.shape == (batch, 4)


def test_chosen_ends_are_given_in_order_and_the_rest_is_left_out() -> None:
    arch = catalog.architecture("mnasnet_small", classes=4, resolution=32)
    ends = {"blocks.1.0.bn3": "early", "conv_stem": "first"}
    model = onnx_model(arch, build(arch, seed=0).state_dict(), ends=ends)
    assert not any("blocks.2" in node.name for node in model.graph.node)
    early, first = onnx_session(model.SerializeToString())(np.ones((2, 3, 32, 32), np.float32))
    shapes = {node.name: node.shape for node in arch.nodes}
    assert early.shape == (2, *shapes["blocks.1.0.bn3"])
    assert first.shape == (2, *shapes["conv_stem"])


def test_without_the_library_it_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    arch = catalog.architecture("mnasnet_small", classes=4, resolution=32)
    with pytest.raises(UsageError, match=r"ONNX is not installed: pip install 'netwright\[onnx\]"):
        onnx_model(arch, {})
