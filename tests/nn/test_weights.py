"""Weights on disk: exact, atomic, refused where they do not belong."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from netwright.errors import UsageError
from netwright.nn.weights import load_weights, save_weights


def net(width: int = 4) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width))


def test_a_round_trip_is_exact_and_keeps_what_is_said(tmp_path: Path) -> None:
    one, two = net(), net()
    one.get_buffer("1.running_mean").fill_(0.25)
    save_weights(
        one.to(memory_format=torch.channels_last), tmp_path / "w.safetensors", about={"seed": "7"}
    )
    about = load_weights(two, tmp_path / "w.safetensors")
    assert about["seed"] == "7"
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, two.state_dict()[name]), name
    assert [p.name for p in tmp_path.iterdir()] == ["w.safetensors"]  # no half-written draft left


def test_another_network_is_refused(tmp_path: Path) -> None:
    save_weights(net(), tmp_path / "w.safetensors")
    with pytest.raises(UsageError, match="'0.weight' is of another shape"):
        load_weights(net(8), tmp_path / "w.safetensors")
    with pytest.raises(UsageError, match="not in both"):
        load_weights(nn.Sequential(nn.Conv2d(3, 4, 3)), tmp_path / "w.safetensors")


def test_what_is_no_file_of_weights_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There are no weights at"):
        load_weights(net(), tmp_path / "none.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"not weights at all")
    with pytest.raises(UsageError, match="is not a safetensors file"):
        load_weights(net(), tmp_path / "bad.safetensors")
