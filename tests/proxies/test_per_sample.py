"""Per-image gradients, with normalisation held at the batch's statistics."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from netwright.proxies.borrow import Batch, borrowed, logits
from netwright.proxies.per_sample import Reader, read, settled
from netwright.proxies.sharing import Circle, Scene


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
    other: list[dict[str, Tensor]] = []
    circle = Circle(
        {
            "one": Reader(value=float, objective=lambda s, i: s.sum() * (i + 1), take=rows.append),
            "two": Reader(value=float, objective=lambda s, _: -s.sum(), take=other.append),
        }
    )
    read(circle, Scene(module=net, batches=batches, seed=0))
    assert len(rows) == len(other) == 6
    for i, (row, turned) in enumerate(zip(rows, other, strict=True)):
        assert all(torch.allclose(row[name], -(i + 1) * turned[name]) for name in row)
    weight = torch.arange(1.0, 7.0)[:, None].double()
    with borrowed(net, batch_statistics=False, replace=settled(net, images)) as view:
        value = (logits(view, images) * weight).sum()
        whole = torch.autograd.grad(value, list(view.layers.values()))
        for name, grad in zip(view.layers, whole, strict=True):
            assert torch.allclose(torch.stack([row[name] for row in rows]).sum(0), grad)
