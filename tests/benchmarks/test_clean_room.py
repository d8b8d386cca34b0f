"""The clean interpreter: it has torch, it has no netwright, and it runs exported files."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import torch

from clean_room import clean_room, distributions, make_clean
from netwright.exporters.check import outputs, probe
from netwright.exporters.code import export_code
from netwright.exporters.network import load_network
from netwright.nn.weights import save_weights
from netwright.spaces.mnasnet import published


def test_what_torch_needs_comes_with_it_and_what_is_missing_is_left_out() -> None:
    names = {d.metadata["Name"].lower() for d in distributions(["torch", "no-such-package"])}
    assert {"torch", "filelock", "sympy", "mpmath"} <= names
    assert "netwright" not in names and "no-such-package" not in names


def test_the_environment_holds_what_was_named_alone(tmp_path: Path) -> None:
    python = make_clean(tmp_path / "environment", ("safetensors",))
    code = "import importlib.util as u; print(*(bool(u.find_spec(n)) for n in %r))"
    words = [str(python), "-I", "-c", code % (("safetensors", "netwright", "torch"),)]
    out = subprocess.run(words, capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["True", "False", "False"]


@pytest.mark.slow
def test_an_exported_file_gives_the_same_logits_there(tmp_path: Path) -> None:
    arch = published("mnasnet_small", classes=4, resolution=32)
    network = load_network(arch, None)
    file, weights = tmp_path / "network.py", tmp_path / "weights.safetensors"
    export_code(network, file)
    save_weights(network.module, weights)
    images = [probe(arch, 1), probe(arch, 2)]
    with clean_room(tmp_path) as room:
        found = room.run(file, "load", weights, images)
        with pytest.raises(RuntimeError, match="ended with code 1"):
            room.run(tmp_path / "none.py", "load", weights, images)
    for ours, batch in zip(found, images, strict=True):
        assert torch.equal(ours, outputs(network.module)(batch)[0])
