"""ZiCo against NumPy, its lower bound and its invariances."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
import torch
from torch import nn

from netwright.errors import UsageError
from netwright.proxies.borrow import Batch
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.structure import sketch
from netwright.proxies.zico import layer_terms, zico

SCALES = [3.7, 1e-30, 2.0**40]


def by_numpy(net: nn.Module, batches: list[Batch], variant: str) -> float:
    """Plain backward passes and NumPy's own standard deviation."""
    net = copy.deepcopy(net).double()
    for sub in net.modules():
        sub.train(not isinstance(sub, nn.Dropout))
    grads: dict[str, list[np.ndarray]] = {}
    for images, labels in batches:
        net.zero_grad()
        nn.functional.cross_entropy(net(images.double()), labels).backward()  # type: ignore[no-untyped-call]
        for name, sub in net.named_modules():
            if isinstance(sub, nn.Conv2d | nn.Linear) and sub.weight.grad is not None:
                grads.setdefault(name, []).append(sub.weight.grad.flatten().numpy().copy())
    score = 0.0
    for layer in grads.values():
        g = np.stack(layer)
        deviation = np.std(g if variant == "code" else np.abs(g), axis=0)
        alive = deviation > 0
        ratio = np.sum(np.abs(g).mean(0)[alive] / deviation[alive])
        score += math.log(ratio) if ratio else 0.0
    return score


@pytest.mark.parametrize("variant", ["code", "paper"])
@pytest.mark.parametrize("n", [2, 3, 5])
def test_against_numpy(
    net: nn.Module,
    make_batches: Callable[..., list[Batch]],
    variant: Literal["code", "paper"],
    n: int,
) -> None:
    batches = make_batches(n)
    ours = zico(net.double(), batches, variant=variant)
    assert ours == pytest.approx(by_numpy(net, batches, variant), rel=1e-6)


def test_identical_batches_give_zero(net: nn.Module, batches: list[Batch]) -> None:
    assert zico(net, [batches[0], batches[0]]) == 0.0
    assert zico(net, [batches[0], batches[0]], variant="paper") == 0.0
    assert layer_terms(net, [batches[0]] * 3) == {}


def test_two_batches_are_bounded_below_by_log_n(net: nn.Module, batches: list[Batch]) -> None:
    terms = layer_terms(net.double(), batches)
    sizes = sketch(net, (3, 8, 8)).live
    stem = [n for n in terms if n in ("0", "3.conv1", "3.conv2")]
    assert len(stem) == 3  # no dead ReLU before these, so every weight deviates
    for name in stem:
        assert terms[name] >= math.log(sizes[name])


@pytest.mark.parametrize("factor", SCALES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_scaling_the_loss_changes_nothing(
    net: nn.Module,
    batches: list[Batch],
    scaled: Callable[[nn.Module, float], nn.Module],
    factor: float,
    dtype: torch.dtype,
) -> None:
    net = net.to(dtype)
    small = dtype == torch.float32 and factor == 3.7  # the only one that rounds
    tolerance = 1e-2 if dtype == torch.float32 and (small or factor < 1e-20) else 1e-6
    assert zico(scaled(net, factor), batches) == pytest.approx(zico(net, batches), rel=tolerance)


def test_order_of_images_and_of_batches_is_no_matter(net: nn.Module, batches: list[Batch]) -> None:
    net = net.double()
    turn = torch.tensor([4, 2, 0, 5, 1, 3])
    turned = [(images[turn], labels[turn]) for images, labels in reversed(batches)]
    assert zico(net, turned) == pytest.approx(zico(net, batches), rel=1e-6)


def test_channels_last_and_bfloat16(net: nn.Module, batches: list[Batch]) -> None:
    expected = zico(net.double(), batches)
    last = net.float().to(memory_format=torch.channels_last)
    placed = [(x.contiguous(memory_format=torch.channels_last), y) for x, y in batches]
    assert zico(last, placed) == pytest.approx(expected, rel=1e-3)
    assert last.get_parameter("0.weight").is_contiguous(memory_format=torch.channels_last)
    half = zico(net.to(torch.bfloat16), batches)
    assert math.isfinite(half) and half == pytest.approx(expected, rel=0.2)


def test_frozen_and_unused_layers(net: nn.Module, batches: list[Batch]) -> None:
    expected = zico(net, batches)
    net.requires_grad_(False)
    net.get_submodule("3").unused = nn.Linear(3, 3)
    assert zico(net, batches) == expected


def test_what_it_refuses(net: nn.Module, batches: list[Batch]) -> None:
    with pytest.raises(UsageError, match="zico needs 2 batches .* got 1"):
        zico(net, batches[:1])
    with pytest.raises(ScoreFailed, match="no convolution"):
        zico(
            nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            [(b[0], b[1] % 3) for b in batches],
        )
    broken: list[Batch] = [(batches[0][0] * torch.inf, batches[0][1]), batches[1]]
    with pytest.raises(ScoreFailed, match="is not finite"):
        zico(net, broken)
