"""EPE-NAS against NumPy, in closed form, and with more than a hundred classes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from netwright.proxies.borrow import Batch
from netwright.proxies.epe_nas import epe_nas
from netwright.proxies.failure import ScoreFailed


def sums(net: nn.Module, batch: Batch) -> list[float]:
    x = batch[0].double().requires_grad_()
    (grad,) = torch.autograd.grad(net(x).sum(), x)
    rows, found = grad.flatten(1).numpy(), []
    for label in range(4):
        of_class = rows[batch[1].numpy() == label]
        if len(of_class) > 1:
            found.append(np.log(np.abs(np.corrcoef(of_class)) + 1e-5).sum())
    return found


def test_against_numpy(plain_net: nn.Module, batches: list[Batch]) -> None:
    batch = batches[0][0], torch.tensor([0, 1, 1, 0, 0, 3])
    expected = sum(abs(s) for s in sums(plain_net, batch))
    assert epe_nas(plain_net, [batch]) == pytest.approx(expected, rel=1e-9)


def test_many_classes_compare_in_pairs(plain_net: nn.Module, batches: list[Batch]) -> None:
    batch = batches[0][0], torch.tensor([0, 1, 1, 0, 0, 3])
    wide = nn.Sequential(*plain_net.children(), nn.Linear(4, 101).double())
    a, b = sums(wide, batch)
    assert epe_nas(wide, [batch]) == pytest.approx(abs(a - b) / 2, rel=1e-9)


def test_closed_form_for_a_linear_network(batches: list[Batch]) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 4)).double()
    batch = batches[0][0], torch.tensor([0, 0, 0, 1, 1, 2])
    assert epe_nas(net, [batch]) == pytest.approx((9 + 4) * math.log(1 + 1e-5), rel=1e-6)


def test_no_class_with_two_images_fails(net: nn.Module, batches: list[Batch]) -> None:
    with pytest.raises(ScoreFailed, match="no class has two images"):
        epe_nas(net, [(batches[0][0][:4], torch.arange(4))])
