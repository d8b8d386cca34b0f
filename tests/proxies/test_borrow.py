"""A borrowed network is private inside and untouched after, whatever happens."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from netwright.errors import DataError, UsageError
from netwright.proxies.borrow import Batch, borrowed, image_shape, listening, logits


def test_flags_come_back_after_an_error(net: nn.Module, batches: list[Batch]) -> None:
    net.train()
    net.get_submodule("3").eval()
    before = [m.training for m in net.modules()]
    with pytest.raises(RuntimeError, match="mine"), borrowed(net):
        assert not net.training and net.get_submodule("1").training
        raise RuntimeError("mine")
    assert [m.training for m in net.modules()] == before
    assert torch.is_grad_enabled()


def test_leaves_share_memory_and_buffers_do_not(net: nn.Module, batches: list[Batch]) -> None:
    with borrowed(net) as view:
        assert view.tensors["0.weight"].data_ptr() == net.get_parameter("0.weight").data_ptr()
        assert view.layers["0"] is view.tensors["0.weight"]
        logits(view, batches[0][0])
        assert int(view.tensors["1.num_batches_tracked"]) == 1
    assert int(net.get_buffer("1.num_batches_tracked")) == 0


def test_dropout_is_off_and_statistics_are_chosen(net: nn.Module, batches: list[Batch]) -> None:
    images = batches[0][0]
    with borrowed(net) as view:
        batch = logits(view, images)
        assert torch.equal(batch, logits(view, images))
    with borrowed(net, batch_statistics=False) as view:
        stored = logits(view, images)
        assert torch.allclose(stored[:2], logits(view, images[:2]), atol=1e-6)
    assert not torch.allclose(batch, stored)


def test_shared_weights_are_one_leaf(batches: list[Batch]) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 192), nn.Linear(192, 192), nn.Linear(192, 2))
    net[2].weight = net[1].weight
    with borrowed(net) as view:
        assert list(view.layers) == ["1", "3"]
        grads = torch.autograd.grad(logits(view, batches[0][0]).sum(), view.layers["1"])
    net(batches[0][0]).sum().backward()
    expected = net.get_parameter("1.weight").grad
    assert expected is not None and torch.allclose(grads[0], expected)


def test_images_of_the_wrong_shape_are_named(batches: list[Batch]) -> None:
    assert image_shape(batches) == (3, 8, 8)
    with pytest.raises(UsageError, match=r"Got \(6, 192\)"):
        image_shape([(batches[0][0].flatten(1), batches[0][1])])
    assert issubclass(DataError, UsageError)


def test_hooks_are_taken_off_again(net: nn.Module) -> None:
    with pytest.raises(KeyError), listening(net.modules(), lambda *_: None):
        raise KeyError
    assert not any(m._forward_hooks for m in net.modules())
