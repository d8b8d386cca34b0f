"""Both gradient norms against plain backward passes and hand formulas."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from netwright.proxies.borrow import Batch
from netwright.proxies.grad_norm import grad_norm, grad_norm_zen


def test_against_backward(net: nn.Module, batches: list[Batch]) -> None:
    twin = copy.deepcopy(net).double().train()
    twin.get_submodule("8").eval()
    images, labels = batches[0]
    nn.functional.cross_entropy(twin(images.double()), labels).backward()  # type: ignore[no-untyped-call]
    layers = [m for m in twin.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    expected = sum(
        float((m.weight.grad**2).sum() ** 0.5) for m in layers if m.weight.grad is not None
    )
    assert grad_norm(net.double(), batches) == pytest.approx(expected)


def test_by_hand_on_a_linear_layer() -> None:
    """With zero weights the softmax is uniform, so the gradient is (1/k - onehot) x^T."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(3, 2))
    nn.init.zeros_(net.get_parameter("1.weight"))
    nn.init.zeros_(net.get_parameter("1.bias"))
    images = torch.tensor([1.0, 2.0, 2.0]).view(1, 3, 1, 1)
    assert grad_norm(net, [(images, torch.tensor([0]))]) == pytest.approx(3 * 0.5**0.5)


def test_zen_definition_reads_neither_data_nor_weights(
    net: nn.Module, batches: list[Batch]
) -> None:
    first = grad_norm_zen(net, batches, seed=1)
    nn.init.zeros_(net.get_parameter("0.weight"))
    other = [(torch.full_like(x, 7.0), y) for x, y in batches]
    assert grad_norm_zen(net, other, seed=1) == first
    assert grad_norm_zen(net, other, seed=2) != first


def test_zen_definition_by_hand() -> None:
    """One linear layer on one image: the gradient of weight and bias is p - onehot, times x, 1."""
    from netwright.proxies.normal import normal_init, normal_like
    from netwright.rng import derive

    net = nn.Sequential(nn.Flatten(), nn.Linear(3, 2))
    batch = torch.zeros(1, 3, 1, 1), torch.zeros(1)
    x = normal_like(batch[0], (1, 3, 1, 1), seed=derive(4, "x")).flatten()
    p = torch.softmax(normal_init(net, seed=4)["1.weight"] @ x, dim=0)
    norms = [float((p - torch.eye(2)[c]).norm() * (x.square().sum() + 1).sqrt()) for c in range(2)]
    assert any(grad_norm_zen(net, [batch], seed=4) == pytest.approx(n, rel=1e-5) for n in norms)
