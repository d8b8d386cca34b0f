"""MeCo against NumPy's correlation, and its sampled form."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from netwright.proxies.borrow import Batch
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.meco import meco, meco_opt, smallest_eigenvalue


def conv_net(width: int) -> nn.Module:
    net = nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1, bias=False), nn.Identity(), nn.ReLU(), nn.Flatten()
    ).double()
    draw = torch.Generator().manual_seed(1)
    net.get_parameter("0.weight").data.normal_(generator=draw)
    return net


def test_against_numpy(batches: list[Batch]) -> None:
    net = conv_net(5)
    y = net.get_submodule("0")(batches[0][0][:1].double())[0].flatten(1).detach().numpy()
    maps = [y, np.maximum(y, 0)]  # the identity's map is the convolution's
    expected = sum(np.linalg.eigvalsh(np.corrcoef(m))[0] for m in maps)
    assert meco(net, batches) == pytest.approx(expected, rel=1e-9)
    assert meco_opt(net, batches) == meco(net, batches)  # fewer than eight channels: all


def test_sampled_form_is_seeded_and_scaled(batches: list[Batch]) -> None:
    net = conv_net(16)
    values = {meco_opt(net, batches, seed=s) for s in (0, 0, 1)}
    assert len(values) == 2
    assert min(values) >= 2 * meco(net, batches)  # interlacing, times 16/8


def test_smallest_eigenvalue_at_its_limits() -> None:
    draw = torch.Generator().manual_seed(0)
    rows = torch.randn(4, 50, generator=draw)
    expected = np.linalg.eigvalsh(np.corrcoef(rows.numpy().astype(float)))[0]
    assert smallest_eigenvalue(rows) == pytest.approx(expected)
    still = torch.cat([rows, torch.ones(2, 50)])
    assert smallest_eigenvalue(still) == pytest.approx(expected)
    assert smallest_eigenvalue(rows[:, :4]) == 0.0
    assert smallest_eigenvalue(torch.ones(3, 9)) == 0.0
    assert smallest_eigenvalue(torch.cat([rows, rows])) == pytest.approx(0, abs=1e-12)
    with pytest.raises(ScoreFailed, match="not finite"):
        smallest_eigenvalue(rows * torch.nan)


def test_only_the_first_image_is_judged(batches: list[Batch]) -> None:
    images = batches[0][0].clone()
    images[1:] = 0
    judged = meco(conv_net(5), [(images, batches[0][1])])
    assert judged == pytest.approx(meco(conv_net(5), batches))
    with pytest.raises(ScoreFailed, match="no module"):
        meco(nn.Flatten(), batches)
