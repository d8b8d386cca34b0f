"""Scoring leaves the network as it was and keeps failures apart from numbers."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor, nn

from netwright.errors import UsageError
from netwright.proxies.borrow import Batch
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.listing import ALL, Proxy
from netwright.proxies.scoring import Score, score

IDS = [proxy.name for proxy in ALL]


def values(
    module: nn.Module, batches: list[Batch], proxies: Sequence[Proxy]
) -> dict[str, float | None]:
    return {n: s.value for n, s in score(module, batches, proxies=proxies, seed=1).items()}


def snapshot(module: nn.Module) -> list[object]:
    """Everything that could have changed, by identity and by value."""
    state: list[object] = []
    for name, p in module.named_parameters():
        grad = None if p.grad is None else (id(p.grad), p.grad.clone())
        state.append((name, id(p), p.data_ptr(), p.detach().clone(), p.stride(), grad))
        state.append((p.requires_grad, p.grad_fn, p.is_leaf, p.dtype))
    for name, b in module.named_buffers():
        state.append((name, id(b), b.data_ptr(), b.clone(), b.stride()))
    for name, m in module.named_modules():
        hooks = [len(v) for k, v in sorted(vars(m).items()) if k.endswith("hooks")]
        state.append((name, id(m), m.training, hooks, sorted(vars(m))))
        if isinstance(m, nn.BatchNorm2d):
            state.append((m.momentum, m.eps))
    state.append((torch.get_rng_state(), torch.is_grad_enabled(), torch.get_default_dtype()))
    return state


def same(a: object, b: object) -> bool:
    if isinstance(a, Tensor):
        return isinstance(b, Tensor) and torch.equal(a, b)
    if isinstance(a, list | tuple):
        assert isinstance(b, list | tuple)
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a == b


def lived_in(net: nn.Module, past: Batch) -> nn.Module:
    """A network with a past: gradients, frozen parts, moved statistics, mixed modes, a hook."""
    net.train()
    net(past[0])[:, 0].sum().backward()
    net.get_parameter("0.weight").requires_grad_(False)
    net.get_parameter("6.weight").grad = None
    net.get_submodule("3").eval()
    net.get_submodule("1").register_forward_hook(lambda *_: None)
    return net.to(memory_format=torch.channels_last)


@pytest.mark.parametrize("proxy", ALL, ids=IDS)
def test_the_network_comes_back_tensor_by_tensor(
    proxy: Proxy, net: nn.Module, batches: list[Batch]
) -> None:
    net = lived_in(net, batches[0])
    before = snapshot(net)
    value = values(net, batches, [proxy])[proxy.name]
    assert value is not None and math.isfinite(value)
    assert same(before, snapshot(net))


@pytest.mark.parametrize("proxy", ALL, ids=IDS)
def test_twice_and_a_copy_give_the_same(
    proxy: Proxy, net: nn.Module, batches: list[Batch]
) -> None:
    first = values(net, batches, [proxy])
    assert values(net, batches, [proxy]) == first
    assert values(copy.deepcopy(net), batches, [proxy]) == first
    assert values(copy.deepcopy(net).eval().requires_grad_(False), batches, [proxy]) == first
    with torch.no_grad():
        assert values(net, batches, [proxy]) == first
    with torch.inference_mode():
        assert values(net, [(x.clone(), y.clone()) for x, y in batches], [proxy]) == first


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_other_dtypes(dtype: torch.dtype, net: nn.Module, batches: list[Batch]) -> None:
    for name, s in score(net.to(dtype), batches, proxies=ALL, seed=0).items():
        assert s.value is not None or dtype == torch.bfloat16, (name, s.reason)


def test_a_batch_of_one_is_a_score_or_a_reason(net: nn.Module, batches: list[Batch]) -> None:
    one = [(images[:1], labels[:1]) for images, labels in batches]
    for name, s in score(net, one, proxies=ALL, seed=0).items():
        assert (s.value is None) == bool(s.reason), name


def test_a_network_without_layers_is_a_reason(batches: list[Batch]) -> None:
    net = nn.Sequential(nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
    found = score(net, batches, proxies=ALL, seed=0)
    assert found["params"].value == 0
    assert found["zico"].value is None and "no convolution" in found["zico"].reason
    for name, s in found.items():
        assert (s.value is None) == bool(s.reason), name


def test_batch_statistics_of_one_value_are_a_reason(
    make_batches: Callable[..., list[Batch]],
) -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 8), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten())
    found = score(net, make_batches(2, size=1), proxies=ALL, seed=0)
    assert "use a larger batch" in found["zico"].reason
    assert found["macs"].value == 4 * 3 * 64


def proxy_of(function: object, name: str = "mine") -> Proxy:
    return Proxy(name=name, function=function, summary="Mine.")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ScoreFailed("no luck"), "no luck"),
        (torch.linalg.LinAlgError("did not converge"), "linear algebra failed"),  # type: ignore[attr-defined]
        (torch.OutOfMemoryError("CUDA out of memory"), "out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"), "out of memory"),
    ],
)
def test_failures_of_the_numbers_are_reasons(
    net: nn.Module, batches: list[Batch], error: Exception, reason: str
) -> None:
    def fails(module: nn.Module, batches: Sequence[Batch]) -> float:
        raise error

    s = score(net, batches, proxies=[proxy_of(fails)], seed=0)["mine"]
    assert s.value is None and reason in s.reason


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_a_reason(
    net: nn.Module, batches: list[Batch], value: float
) -> None:
    s = score(net, batches, proxies=[proxy_of(lambda m, b: value)], seed=0)["mine"]
    assert s.value is None and s.reason == f"the value is {value}"
    with pytest.raises(UsageError, match="is none"):
        Score(value=value, seconds=0.0)


def test_a_bug_stays_an_exception(net: nn.Module, batches: list[Batch]) -> None:
    def bug(module: nn.Module, batches: Sequence[Batch]) -> float:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        score(net, batches, proxies=[proxy_of(bug)], seed=0)


def test_someone_elses_function_may_write(net: nn.Module, batches: list[Batch]) -> None:
    def writes(module: nn.Module, batches: Sequence[Batch]) -> float:
        module.train()
        module(batches[0][0]).sum().backward()
        for p in module.parameters():
            p.data.zero_()
        return float(torch.rand(()))

    before = snapshot(net)
    first = values(net, batches, [proxy_of(writes)])
    assert values(net, batches, [proxy_of(writes)]) == first
    assert same(before, snapshot(net))


def test_what_score_refuses(net: nn.Module, batches: list[Batch]) -> None:
    zico = next(p for p in ALL if p.name == "zico")
    with pytest.raises(UsageError, match="zico needs 2 batches"):
        score(net, batches[:1], proxies=[zico], seed=0)
    with pytest.raises(UsageError, match="asked for twice"):
        score(net, batches, proxies=[zico, zico], seed=0)
    with pytest.raises(UsageError, match="no batch"):
        score(net, [], proxies=[zico], seed=0)
    with pytest.raises(UsageError, match="cannot be imported"):
        score(net, batches, proxies=[proxy_of("netwright.proxies.zico:nope")], seed=0)
    with pytest.raises(UsageError, match="network has 4 outputs"):
        score(net, [(x, y + 3) for x, y in batches], proxies=[zico], seed=0)


def test_networks_that_do_not_return_logits(batches: list[Batch]) -> None:
    class Odd(nn.Module):
        def __init__(self, kind: str) -> None:
            super().__init__()
            self.kind, self.conv = kind, nn.Conv2d(3, 4, 1)

        def forward(self, x: Tensor) -> object:
            y = self.conv(x)
            return {"map": y, "dict": {"a": y}, "pair": (y.mean((2, 3)), None)}[self.kind]

    zico = [p for p in ALL if p.name == "zico"]
    assert score(Odd("pair"), batches, proxies=zico, seed=0)["zico"].value is not None
    with pytest.raises(UsageError, match=r"expected \(B, classes\)"):
        score(Odd("map"), batches, proxies=zico, seed=0)
    with pytest.raises(UsageError, match="returned dict"):
        score(Odd("dict"), batches, proxies=zico, seed=0)
