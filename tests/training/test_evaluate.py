"""Accuracy and loss, against a plain pass over the split."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn

from netwright.training.data import ImageData, normalise
from netwright.training.evaluate import evaluate


def test_against_one_plain_pass(digits: ImageData, make_net: Callable[..., nn.Sequential]) -> None:
    net = make_net().train()
    found = evaluate(net, digits, split="test", batch_size=50)
    assert net.training and digits.test is not None and found.count == len(digits.test)
    net.eval()
    labels = torch.from_numpy(digits.test.labels)
    with torch.no_grad():
        outputs = net(normalise(digits, digits.pixels.take(digits.test.rows)))
    assert found.accuracy == pytest.approx(float((outputs.argmax(1) == labels).float().mean()))
    assert found.loss == pytest.approx(float(nn.functional.cross_entropy(outputs, labels)))
    assert evaluate(net, digits, split="test").accuracy == found.accuracy


def test_nan_outputs_are_no_accuracy(
    digits: ImageData, make_net: Callable[..., nn.Sequential]
) -> None:
    net = make_net()
    nn.init.constant_(net.get_parameter("12.bias"), math.nan)
    found = evaluate(net, digits)
    assert math.isnan(found.accuracy) and math.isnan(found.loss)
