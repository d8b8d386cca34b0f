"""Every spelling of a ReLU-like activation is seen, once, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from netwright.proxies.activations import watching
from netwright.proxies.borrow import Batch, borrowed, output


def test_every_activation_of_a_network_is_seen(net: nn.Module, batches: list[Batch]) -> None:

    units: list[int] = []
    with borrowed(net) as view, watching(6, lambda x: units.append(x.shape[1])):
        output(view, batches[0][0])
    assert units == [6 * 64, 6 * 64, 6 * 64, 5]


SPELLINGS: dict[str, list[Callable[[Tensor], Tensor]]] = {
    "relu": [F.relu, torch.relu, Tensor.relu, nn.ReLU(), lambda x: x.clone().relu_()],
    "relu6": [F.relu6, nn.ReLU6(), nn.ReLU6(inplace=True), lambda x: x.clamp(0, 6)],
    "clamp": [
        lambda x: x.clamp(min=0),
        lambda x: x.clamp_min(0.0),
        lambda x: F.threshold(x, 0, 0),
    ],
    "leaky": [F.leaky_relu, nn.LeakyReLU(0.1, inplace=True), nn.PReLU(), nn.RReLU()],
    "silu": [F.silu, nn.SiLU(), nn.SiLU(inplace=True)],
    "gelu": [F.gelu, nn.GELU(), nn.GELU(approximate="tanh")],
    "hardswish": [F.hardswish, nn.Hardswish(), nn.Hardswish(inplace=True)],
    "elu": [F.elu, nn.ELU(), nn.SELU(), nn.CELU(), F.mish, nn.Mish(), F.softplus],
}


@pytest.mark.parametrize(
    ("kind", "index"), [(kind, i) for kind, fs in SPELLINGS.items() for i in range(len(fs))]
)
def test_every_spelling_is_seen_once(kind: str, index: int) -> None:
    seen: list[Tensor] = []
    x = torch.tensor([[-1.0, 2.0], [3.0, -4.0]])
    for grad in (True, False):
        with torch.set_grad_enabled(grad), watching(2, lambda t: seen.append(t.clone())):
            SPELLINGS[kind][index](x.clone())
        assert len(seen) == 1 and torch.equal(seen.pop(), x)


def test_what_is_no_switch_is_passed_over() -> None:
    seen: list[Tensor] = []
    x = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    with watching(2, seen.append):
        x.sigmoid(), x.tanh(), F.hardtanh(x), x.clamp(-1, 1), F.hardsigmoid(x), x.softmax(1)
        F.relu(torch.zeros(5, 3))  # not the batch
    assert seen == []
