"""Noise is local, named and scaled."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from netwright.proxies.normal import normal_init, normal_like


def test_init_by_kind_of_parameter(net: nn.Module) -> None:
    values = normal_init(net, seed=0)
    assert set(values) == {name for name, _ in net.named_parameters()}
    assert torch.equal(values["1.weight"], torch.ones(6))
    assert not values["1.bias"].any() and not values["6.bias"].any()
    kaiming = normal_init(net, seed=0, kaiming=True)["3.conv1.weight"]
    assert torch.allclose(kaiming, values["3.conv1.weight"] * (2 / 54) ** 0.5)
    assert not torch.equal(values["3.conv1.weight"], values["3.conv2.weight"])


def test_same_numbers_in_every_dtype_and_no_global_draw() -> None:
    state = torch.get_rng_state()
    a = normal_like(torch.empty(1, dtype=torch.float64), (200, 50), seed=3)
    b = normal_like(torch.empty(1, dtype=torch.int64), (200, 50), seed=3)
    assert a.dtype == torch.float64 and b.dtype == torch.float32 and torch.equal(a.float(), b)
    assert torch.equal(torch.get_rng_state(), state)
    assert float(a.mean()) == pytest.approx(0, abs=0.05)
    assert float(a.std()) == pytest.approx(1, abs=0.05)
