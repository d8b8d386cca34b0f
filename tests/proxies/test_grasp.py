"""GraSP against a finite difference of gradients."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from netwright.proxies.borrow import Batch
from netwright.proxies.grasp import grasp


def grads_at(net: nn.Module, batch: Batch, shift: dict[str, Tensor]) -> dict[str, Tensor]:
    twin = copy.deepcopy(net)
    for name, delta in shift.items():
        twin.get_parameter(name).data.add_(delta)
    nn.functional.cross_entropy(twin(batch[0].double()), batch[1]).backward()  # type: ignore[no-untyped-call]
    found = {name: p.grad for name, p in twin.named_parameters() if name.endswith("weight")}
    return {name: g for name, g in found.items() if g is not None}


def test_against_finite_differences(batches: list[Batch]) -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.GELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 4)
    ).double()
    draw = torch.Generator().manual_seed(0)
    for p in net.parameters():
        p.data.copy_(torch.randn(p.shape, generator=draw) / 2)
    step = 1e-4
    g = grads_at(net, batches[0], {})
    ahead = grads_at(net, batches[0], {k: v * step for k, v in g.items()})
    behind = grads_at(net, batches[0], {k: -v * step for k, v in g.items()})
    weight = {k: net.get_parameter(k).detach() / (2 * step) for k in g}
    expected = -sum(float((weight[k] * (ahead[k] - behind[k])).sum()) for k in g)
    assert grasp(net, batches) == pytest.approx(expected, rel=1e-5)


def test_what_torch_cannot_differentiate_twice_is_rewritten(batches: list[Batch]) -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gate, self.attend = nn.Conv2d(3, 3, 1), nn.Linear(3, 12)

        def forward(self, x: Tensor) -> Tensor:
            x = x * nn.functional.hardsigmoid(self.gate(x))
            q, k, v = self.attend(x.flatten(2).transpose(1, 2)).chunk(3, dim=-1)
            return nn.functional.scaled_dot_product_attention(q, k, v).mean(1)

    assert grasp(Gated(), batches) != 0


def test_a_linear_loss_has_no_curvature(batches: list[Batch]) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 4))
    one_class = nn.Sequential(nn.Flatten(), nn.Linear(192, 1))
    assert grasp(one_class, [(batches[0][0], batches[0][1] * 0)]) == 0
    assert grasp(net, batches) != 0
