"""What the tests of published networks share: the comparison with timm."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from netwright.arch.cost import cost
from netwright.arch.graph import Architecture
from netwright.nn.build import build
from netwright.nn.seeding import seeded


def _step(module: nn.Module, images: Tensor, labels: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    logits = module(images)
    torch.autograd.backward(F.cross_entropy(logits, labels))
    grads = {n: p.grad for n, p in module.named_parameters() if p.grad is not None}
    return logits.detach(), grads


@pytest.fixture
def same_as_timm() -> Callable[[Architecture, str], None]:
    """Asserts that timm's network of that name has our keys, logits, gradients and statistics."""

    def compare(arch: Architecture, name: str) -> None:
        with seeded(7):
            theirs = timm.create_model(name, num_classes=arch.classes).train()
        ours = build(arch, seed=0, device="meta", channels_last=False)
        assert ours.state_dict().keys() == theirs.state_dict().keys()
        copied = {key: value.clone() for key, value in theirs.state_dict().items()}
        ours.load_state_dict(copied, strict=True, assign=True)
        generator = torch.Generator().manual_seed(1)
        shape = (2, *arch.input_shape)
        images = torch.randn(shape, generator=generator)
        labels = torch.tensor([0, arch.classes - 1])
        logits, grads = _step(ours, images, labels)
        expected, expected_grads = _step(theirs, images, labels)
        torch.testing.assert_close(logits, expected, rtol=1e-5, atol=1e-6)
        assert grads.keys() == expected_grads.keys() == dict(ours.named_parameters()).keys()
        for key, grad in grads.items():
            torch.testing.assert_close(grad, expected_grads[key], rtol=1e-4, atol=1e-6)
        for key, value in ours.state_dict().items():  # running means, variances, counts
            torch.testing.assert_close(value, theirs.state_dict()[key], rtol=1e-5, atol=1e-6)
        with torch.no_grad():
            torch.testing.assert_close(
                ours.eval()(images), theirs.eval()(images), rtol=1e-5, atol=1e-6
            )

    return compare


@pytest.fixture
def runs_at_native_size() -> Callable[[Architecture], None]:
    """Asserts, on the meta device, parameters by numel, MACs by torch's counter, all gradients."""

    def run(arch: Architecture) -> None:
        module = build(arch, seed=0, device="meta")
        assert sum(p.numel() for p in module.parameters()) == cost(arch).params
        images = torch.empty(2, *arch.input_shape, device="meta")
        with FlopCounterMode(display=False) as counter:
            logits = module(images)
        assert logits.shape == (2, arch.classes)
        assert counter.get_total_flops() == 2 * 2 * cost(arch).macs
        logits.sum().backward()
        assert all(p.grad is not None for p in module.parameters())

    return run
