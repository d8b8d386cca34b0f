"""Per-image gradients, with normalisation held at the batch's statistics."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from netwright.proxies.borrow import Batch, borrowed, logits
from netwright.proxies.per_sample import per_sample_gradients, settled


def test_settled_statistics_are_the_batchs(net: nn.Module, batches: list[Batch]) -> None:
    images = batches[0][0]
    before = {name: b.clone() for name, b in net.named_buffers()}
    stem = net.get_submodule("0")(images)
    found = settled(net, images)
    assert torch.allclose(found["1.running_mean"], stem.mean((0, 2, 3)), atol=1e-6)
    assert torch.allclose(found["1.running_var"], stem.var((0, 2, 3)), atol=1e-5)
    assert all(torch.equal(b, before[name]) for name, b in net.named_buffers())
    assert all(m.momentum == 0.1 for m in net.modules() if isinstance(m, nn.BatchNorm2d))


def test_gradients_add_up_to_the_batchs(net: nn.Module, batches: list[Batch]) -> None:
    net, images = net.double(), batches[0][0]
    rows: list[dict[str, Tensor]] = []
    per_sample_gradients(net, images, lambda scores, i: scores.sum() * (i + 1), rows.append)
    assert len(rows) == 6
    weight = torch.arange(1.0, 7.0)[:, None].double()
    with borrowed(net, batch_statistics=False, replace=settled(net, images)) as view:
        value = (logits(view, images) * weight).sum()
        whole = torch.autograd.grad(value, list(view.layers.values()))
        for name, grad in zip(view.layers, whole, strict=True):
            assert torch.allclose(torch.stack([row[name] for row in rows]).sum(0), grad)
