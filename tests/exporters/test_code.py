"""Code files: the same outputs, in a process that cannot import netwright, and readable."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from exporters.networks import KINDS, network
from graphs import Graph, assemble, graphs
from netwright.arch.nasnet import Macro
from netwright.exporters.check import liven, probe
from netwright.exporters.code import code_source, export_code
from netwright.exporters.network import load_network
from netwright.nn.weights import save_weights
from netwright.spaces.nasnet import NASNetSpace

_APART = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "netwright":
            raise ImportError("netwright is not to be imported")
sys.meta_path.insert(0, Refuse())
sys.path.insert(0, sys.argv[1])
import network
from safetensors.torch import load_file, save_file
import torch
with torch.no_grad():
    logits = network.load("weights.safetensors")(load_file("images.safetensors")["images"])
save_file({"logits": logits}, "logits.safetensors")
"""


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_are_torchs(kind: str, tmp_path: Path) -> None:
    made = export_code(network(kind), tmp_path / "network.py")
    assert made.max_relative_difference is not None and made.max_relative_difference < 1e-4
    assert "netwright." not in (tmp_path / "network.py").read_text()


def test_the_file_runs_where_netwright_cannot_be_imported(tmp_path: Path) -> None:
    made = network("nasbench201")
    export_code(made, tmp_path / "network.py")
    save_weights(made.module, tmp_path / "weights.safetensors")
    images = probe(made.arch, 2)
    save_file({"images": images}, tmp_path / "images.safetensors")
    words = [sys.executable, "-c", _APART, str(tmp_path)]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True, timeout=120)
    came = load_file(tmp_path / "logits.safetensors")["logits"]
    with torch.no_grad():
        assert torch.allclose(came, made.module(images), rtol=1e-4, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(graph=graphs(), seed=st.integers(0, 99))
def test_random_graphs_give_torchs_outputs(graph: Graph, seed: int) -> None:
    graph = Graph(graph.input_shape, graph.flat)
    made = load_network(assemble(graph, seed=seed), None, seed=seed)
    liven(made.module, seed=seed)
    scope: dict[str, type[torch.nn.Module]] = {}
    exec(code_source(made), scope)  # the text is ours
    module = scope["Network"]()
    module.load_state_dict(made.state)
    images = probe(made.arch, 2)
    with torch.no_grad():
        assert torch.allclose(module.eval()(images), made.module(images), rtol=1e-4, atol=1e-5)


def test_an_auxiliary_classifier_stays_behind(tmp_path: Path) -> None:
    space = NASNetSpace(classes=3, macro=Macro(cells=1, filters=8, stem=8), aux=True)
    arch = space.decode(space.canonical(tuple(0 for _ in space.choices)))
    made = load_network(arch, None)
    export_code(made, tmp_path / "network.py")
    assert any(place.prefix == "aux" for place in arch.placed)
    assert "self.aux" not in (tmp_path / "network.py").read_text()


def test_blocks_that_are_alike_share_a_class_and_a_chain_is_a_sequence() -> None:
    text = code_source(network("mobile"))
    assert "self.blocks = nn.Sequential(" in text and "self.blocks(" in text
    assert text.count("class InvertedResidual") <= 6
    assert "padding=kernel // 2" in text
