"""NASWOT against NumPy; every spelling of an activation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from netwright.proxies.activations import watching
from netwright.proxies.borrow import Batch
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.naswot import naswot


def test_against_numpy(plain_net: nn.Module, batches: list[Batch]) -> None:
    images = batches[0][0].double()
    before = plain_net.get_submodule("0")(images).detach().numpy().reshape(6, -1)
    on = (before > 0).astype(float)
    kernel = on @ on.T + (1 - on) @ (1 - on).T
    expected = np.log(np.linalg.det(kernel))
    assert naswot(plain_net, batches) == pytest.approx(expected, rel=1e-9)


def test_every_activation_of_a_network_is_seen(net: nn.Module, batches: list[Batch]) -> None:
    from netwright.proxies.borrow import borrowed, output

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


def test_permuting_the_batch_changes_nothing(net: nn.Module, batches: list[Batch]) -> None:
    images, labels = batches[0]
    turn = torch.tensor([4, 2, 0, 5, 1, 3])
    assert naswot(net.double(), [(images[turn], labels)]) == pytest.approx(naswot(net, batches))


def test_singular_kernel_fails_with_its_reason(net: nn.Module, batches: list[Batch]) -> None:
    images = batches[0][0].clone()
    images[1] = images[0]
    with pytest.raises(ScoreFailed, match="share their activation codes"):
        naswot(net, [(images, batches[0][1])])
    with pytest.raises(ScoreFailed, match="no ReLU-like activation"):
        naswot(nn.Sequential(nn.Flatten(), nn.Linear(192, 4)), batches)
    with pytest.raises(ScoreFailed, match="not finite"):
        naswot(net, [(images * torch.nan, batches[0][1])])


def test_a_batch_of_one_has_a_score(plain_net: nn.Module, batches: list[Batch]) -> None:
    one = [(batches[0][0][:1], batches[0][1][:1])]
    assert naswot(plain_net, one) == pytest.approx(np.log(4 * 36))
