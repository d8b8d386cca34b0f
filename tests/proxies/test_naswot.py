"""NASWOT against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

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
