"""Jacobian covariance against NumPy, and in closed form for a linear network."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netwright.proxies.borrow import Batch
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.jacob_cov import jacob_cov


def test_against_numpy(plain_net: nn.Module, batches: list[Batch]) -> None:
    rows = []
    for image in batches[0][0].double():
        x = image[None].clone().requires_grad_()
        (grad,) = torch.autograd.grad(plain_net(x).sum(), x)
        rows.append(grad.flatten().numpy())
    values = np.linalg.eigvalsh(np.corrcoef(np.stack(rows))) + 1e-5
    expected = -np.sum(np.log(values) + 1 / values)
    assert jacob_cov(plain_net, batches) == pytest.approx(expected, rel=1e-9)


def test_closed_form_where_all_jacobians_agree(batches: list[Batch]) -> None:
    """A linear network's correlation is all ones: eigenvalues 6, 0, 0, 0, 0, 0."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 4)).double()
    k = 1e-5
    expected = -(5 * (math.log(k) + 1 / k) + math.log(6 + k) + 1 / (6 + k))
    assert jacob_cov(net, batches) == pytest.approx(expected, rel=1e-6)


def test_order_of_images_is_no_matter(net: nn.Module, batches: list[Batch]) -> None:
    turned = [(batches[0][0].flip(0), batches[0][1])]
    assert jacob_cov(net.double(), turned) == pytest.approx(jacob_cov(net, batches))


def test_what_has_no_correlation_fails(net: nn.Module, batches: list[Batch]) -> None:
    class Blind(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.zeros(len(x), 4) + 0 * x.sum()

    class Deaf(Blind):
        def forward(self, x: Tensor) -> Tensor:
            return torch.zeros(len(x), 4, requires_grad=True)

    with pytest.raises(ScoreFailed, match="constant or not finite"):
        jacob_cov(Blind(), batches)
    with pytest.raises(ScoreFailed, match="does not depend on the image"):
        jacob_cov(Deaf(), batches)
    with pytest.raises(ScoreFailed, match="needs two images"):
        jacob_cov(net, [(batches[0][0][:1], batches[0][1][:1])])
