"""Readers of one pass: each fails and pays for itself, and says what it would say alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from netwright.nn.build import build
from netwright.proxies.borrow import Batch
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.listing import ALL
from netwright.proxies.scoring import score
from netwright.proxies.sharing import Circle, Scene, alone
from netwright.spaces.nasbench201 import NASBench201Space


@dataclass(frozen=True)
class Seen:
    value: Callable[[], float]


class Gated(nn.Module):
    """Depthwise and pointwise convolutions, smooth activations, a gate, a branch that is cut."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8))
        self.depthwise = nn.Conv2d(8, 8, 5, padding=2, groups=8, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.gate = nn.Conv2d(8, 8, 1)
        self.cut = nn.Conv2d(8, 8, 1)
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.silu(self.stem(x), inplace=True)
        y = F.hardswish(self.norm(self.depthwise(x)))
        y = y * F.hardsigmoid(self.gate(y.mean((2, 3), keepdim=True))) + 0 * self.cut(x)
        result: Tensor = self.head(F.gelu(x + y).mean((2, 3)))
        return result


def cell() -> nn.Module:
    space = NASBench201Space(classes=4, resolution=32)
    return build(space.decode((1, 2, 0, 3, 1, 4)), seed=0)


@pytest.mark.parametrize("make", [None, Gated, cell], ids=["small", "gated", "cell"])
def test_together_is_what_each_says_alone(
    make: Callable[[], nn.Module] | None,
    net: nn.Module,
    make_batches: Callable[..., list[Batch]],
) -> None:
    net, batches = net if make is None else make(), make_batches(3, size=4)
    together = score(net, batches, proxies=ALL, seed=5)
    assert list(together) == [proxy.name for proxy in ALL]
    for proxy in ALL:
        if make is cell and not proxy.reader:
            continue
        found = score(net, batches, proxies=[proxy], seed=5)[proxy.name]
        assert together[proxy.name].reason == found.reason, proxy.name
        if found.value is not None:
            assert together[proxy.name].value == pytest.approx(found.value, rel=1e-9), proxy.name


def test_the_networks_first_call_may_write_on_the_images(batches: list[Batch]) -> None:
    net = nn.Sequential(
        nn.ReLU(inplace=True), nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    before = batches[0][0].clone()
    for name, found in score(net, batches, proxies=ALL, seed=0).items():
        assert (found.value is None) == bool(found.reason), name
    assert torch.equal(batches[0][0], before)


def test_without_memory_for_all_at_once_they_run_one_by_one(
    net: nn.Module, batches: list[Batch], monkeypatch: pytest.MonkeyPatch
) -> None:
    from netwright.proxies import batch_pass

    read = batch_pass.read

    def tight(circle: Circle[batch_pass.Reader], scene: Scene) -> None:
        read(circle, scene)
        if len(circle.readers) > 1 or "swap" in circle.readers:
            raise torch.OutOfMemoryError("no memory")

    expected = score(net, batches, proxies=ALL, seed=1)
    monkeypatch.setattr(batch_pass, "read", tight)
    found = score(net, batches, proxies=ALL, seed=1)
    assert found["swap"].reason == "out of memory"
    for name in found.keys() - {"swap"}:
        assert found[name].value == expected[name].value, name


def test_a_reader_that_fails_drops_out_alone() -> None:
    def fail() -> float:
        raise ScoreFailed("no")

    circle = Circle({"good": Seen(lambda: 1.0), "bad": Seen(fail)})
    circle.tell(["good", "bad"], lambda r: r.value())
    assert circle.who(bool) == ["good"] and circle.value("good") == 1.0
    with pytest.raises(ScoreFailed, match="no"):
        circle.value("bad")


def test_a_part_fails_for_all_who_need_it_and_is_paid_for_once() -> None:
    circle = Circle({name: Seen(float) for name in "abc"})

    def fails() -> None:
        with circle.part(["a"]):
            torch.ones(200, 200) @ torch.ones(200, 200)
        circle.tell(["c"], lambda r: r.value())
        raise ScoreFailed("gone")

    with circle.part(["a", "b"]):
        fails()
    assert circle.who(bool) == ["c"]
    assert circle.seconds["a"] > circle.seconds["b"] > 0 and circle.seconds["c"] > 0


def test_what_is_made_once_is_made_once_per_scene(batches: list[Batch]) -> None:
    made: list[int] = []

    def make(scene: Scene) -> Seen:
        scene.once("x", lambda: made.append(scene.seed))
        scene.once("x", lambda: made.append(99))
        return Seen(lambda: float(scene.seed))

    def nothing(circle: Circle[Seen], scene: Scene) -> None:
        assert circle.who(bool) == [""]

    assert alone(nothing, make, nn.Flatten(), batches, seed=7) == 7.0
    assert made == [7]


def test_times_add_up_to_no_more_than_was_spent(net: nn.Module, batches: list[Batch]) -> None:
    import time

    start = time.perf_counter()
    found = score(net, batches, proxies=ALL, seed=0)
    assert 0 < sum(s.seconds for s in found.values()) <= time.perf_counter() - start


def test_gradients_reach_no_one_who_did_not_ask(net: nn.Module, batches: list[Batch]) -> None:
    """Fisher listens to the loss alone, though the Jacobian goes through the same graph."""
    names = ("fisher", "jacob_cov", "epe_nas")
    chosen = [p for p in ALL if p.name in names]
    found = score(net, batches, proxies=chosen, seed=0)
    fisher = [p for p in ALL if p.name == "fisher"]
    assert found["fisher"].value == score(net, batches, proxies=fisher, seed=0)["fisher"].value
    assert not any(isinstance(p.grad, Tensor) for p in net.parameters())
