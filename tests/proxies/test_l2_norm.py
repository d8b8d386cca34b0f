"""Weight norms against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from torch import nn

from netwright.proxies.failure import ScoreFailed
from netwright.proxies.l2_norm import l2_norm


def test_against_numpy(net: nn.Module) -> None:
    layers = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    norms = [np.sqrt((m.weight.detach().numpy() ** 2).sum()) for m in layers]
    assert l2_norm(net, []) == pytest.approx(sum(norms), rel=1e-6)


def test_scales_with_the_weights_and_needs_a_layer(net: nn.Module) -> None:
    before = l2_norm(net, [])
    for parameter in net.parameters():
        parameter.data.mul_(3)
    assert l2_norm(net, []) == pytest.approx(3 * before)
    with pytest.raises(ScoreFailed, match="no convolution"):
        l2_norm(nn.BatchNorm2d(3), [])
