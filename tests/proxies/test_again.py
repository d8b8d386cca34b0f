"""Which networks share a backward pass with those who go on from it; no value changes by it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from netwright.proxies.again import formulas, rewritten
from netwright.proxies.borrow import Batch
from netwright.proxies.listing import ALL
from netwright.proxies.scoring import score


def net(act: Callable[[], nn.Module]) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), act(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(4, 4),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("act", "known"),
    [(nn.ReLU, "one"), (nn.ReLU6, "one"), (nn.SiLU, "two"), (nn.Hardsigmoid, "unknown")],
)
def test_formulas_and_values_with_and_without_grasp(
    act: Callable[[], nn.Module], known: str, batches: list[Batch]
) -> None:
    module = net(act)
    images, labels = batches[0]
    assert formulas(F.cross_entropy(module(images), labels).grad_fn) == known
    others = [p for p in ALL if p.name in ("snip", "fisher", "jacob_cov", "ntk_condition")]
    grasp = [p for p in ALL if p.name == "grasp"]
    without = score(module, batches, proxies=others, seed=0)
    together = score(module, batches, proxies=[*others, *grasp], seed=0)
    for proxy in others:
        assert together[proxy.name].value == without[proxy.name].value, proxy.name
    alone = score(module, batches, proxies=grasp, seed=0)["grasp"].value
    assert together["grasp"].value == pytest.approx(alone, rel=1e-6)


def test_nothing_has_one_formula() -> None:
    assert formulas(None) == "one"


def test_rewritten_hardsigmoid_is_the_same_and_differentiable_twice() -> None:
    x = torch.linspace(-4, 4, 9, requires_grad=True)
    with rewritten():
        y = F.hardsigmoid(x)
    assert torch.allclose(y, F.hardsigmoid(x.detach()))
    grad: Tensor = torch.autograd.grad((y * x).sum(), x, create_graph=True)[0]
    grad.sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None and bool(x.grad.isfinite().all())
