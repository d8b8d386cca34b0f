"""GradSign against one backward pass per image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from netwright.proxies.borrow import Batch
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.gradsign import gradsign


def test_against_numpy(plain_net: nn.Module, batches: list[Batch]) -> None:
    signs = []
    for image, label in zip(*batches[0], strict=True):
        plain_net.zero_grad()
        nn.functional.cross_entropy(plain_net(image[None].double()), label[None]).backward()  # type: ignore[no-untyped-call]
        weights = [plain_net.get_parameter(f"{i}.weight").grad for i in (0, 4)]
        signs.append(
            np.concatenate([np.sign(w.flatten().numpy()) for w in weights if w is not None])
        )
    expected = np.abs(np.sum(signs, axis=0)).mean()
    assert gradsign(plain_net, batches) == pytest.approx(expected, rel=1e-6)


def test_equal_images_agree_wholly(plain_net: nn.Module, batches: list[Batch]) -> None:
    images, labels = batches[0]
    same = [(images[:1].expand(5, -1, -1, -1), labels[:1].expand(5))]
    one = [(images[:1], labels[:1])]
    assert gradsign(plain_net, same) == pytest.approx(5 * gradsign(plain_net, one))


def test_scale_of_the_loss_and_order_of_images_are_no_matter(
    net: nn.Module, batches: list[Batch], scaled: Callable[[nn.Module, float], nn.Module]
) -> None:
    net = net.double()
    expected = gradsign(net, batches)
    turned = [(batches[0][0].flip(0), batches[0][1].flip(0))]
    assert gradsign(scaled(net, 1e-9), batches) == expected
    assert gradsign(net, turned) == pytest.approx(expected, rel=1e-3)


def test_gradients_that_are_not_finite_fail(plain_net: nn.Module, batches: list[Batch]) -> None:
    with pytest.raises(ScoreFailed, match="not finite"):
        gradsign(plain_net, [(batches[0][0] * torch.inf, batches[0][1])])
