"""Devices are checked before anything is put on them."""

from __future__ import annotations

import pytest
import torch

from netwright.errors import UsageError
from netwright.nn.device import require_device


def test_the_cpu_is_always_there() -> None:
    require_device("cpu")


def test_a_device_that_is_missing_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="no CUDA device on this machine.*--device cpu"):
        require_device("cuda")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(UsageError, match="no Apple GPU on this machine"):
        require_device("mps")


def test_cuda_devices_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for name in ("cuda", "cuda:0", "cuda:1"):
        require_device(name)
    with pytest.raises(UsageError, match="sees 2 CUDA devices"):
        require_device("cuda:2")


@pytest.mark.parametrize("name", ["gpu", "", "cuda:x", "cpu:1", "mps:3", "CUDA"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="No device is called"):
        require_device(name)
