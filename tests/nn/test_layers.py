"""Layers that torch has not: stochastic depth, TensorFlow's padding, shift and zero."""

from __future__ import annotations

import pytest
import torch
from torch import fx, nn

from netwright.arch import ops
from netwright.arch.window import pair
from netwright.nn.layers import (
    DropPath,
    SameConv2d,
    SamePool2d,
    ThinPointwise2d,
    function_node,
    module_of,
    shift,
    zero,
)
from netwright.nn.seeding import seeded


def test_drop_path_drops_whole_images_and_keeps_the_mean() -> None:
    layer = DropPath(0.3)
    with seeded(0):
        y = layer(torch.ones(20_000, 2, 1, 1))
    per_image = y[:, 0, 0, 0]
    torch.testing.assert_close(y[:, 1, 0, 0], per_image)
    assert per_image.unique().tolist() == pytest.approx([0.0, 1 / 0.7])
    assert per_image.mean().item() == pytest.approx(1, abs=0.02)  # deviation .0046
    x = torch.rand(4, 2)
    assert layer.eval()(x) is x
    assert DropPath(0.0)(x) is x
    assert "0.3" in repr(layer)


def test_drop_path_works_on_vectors_and_in_half_precision() -> None:
    with seeded(0):
        y = DropPath(0.5)(torch.ones(64, 3, dtype=torch.bfloat16))
    assert y.dtype == torch.bfloat16 and set(y.unique().tolist()) == {0.0, 2.0}


@pytest.mark.parametrize("kind", ["conv", "max", "avg"])
def test_centred_windows_use_torchs_own_padding(kind: str) -> None:
    centred = ops.Conv(out=2, kernel=3, padding="same"), ops.Pool(kernel=5, padding="same")
    assert type(module_of(centred[0], ((2, 5, 5),), inplace=False)) is nn.Conv2d
    assert type(module_of(centred[1], ((2, 5, 5),), inplace=False)) is nn.AvgPool2d
    if kind == "conv":
        op: ops.Op = ops.Conv(out=2, kernel=3, stride=2, padding="same")
        assert type(module_of(op, ((2, 5, 5),), inplace=False)) is SameConv2d
    else:
        op = ops.Pool(mode="max" if kind == "max" else "avg", stride=2, padding="same")
        assert type(module_of(op, ((2, 5, 5),), inplace=False)) is SamePool2d


def test_same_pool_ignores_or_counts_its_border() -> None:
    image = torch.ones(1, 1, 4, 4)
    ignoring = SamePool2d(ops.Pool(stride=2, padding="same"))
    counting = SamePool2d(ops.Pool(stride=2, padding="same", count_include_pad=True))
    assert ignoring(image).eq(1).all()
    torch.testing.assert_close(counting(image)[0, 0], torch.tensor([[1.0, 6 / 9], [6 / 9, 4 / 9]]))
    assert SamePool2d(ops.Pool(mode="max", stride=2, padding="same"))(-image).eq(-1).all()
    assert "same padding" in repr(ignoring)


def test_shift_and_zero() -> None:
    x = torch.arange(9.0).reshape(1, 1, 3, 3)
    assert shift(x).flatten().tolist() == [4, 5, 0, 7, 8, 0, 0, 0, 0]
    assert zero(x, 2).shape == (1, 1, 2, 2) and not zero(x, 2).any()


@pytest.mark.parametrize("name", ops.ACTIVATIONS)
def test_activations_overwrite_only_when_told(name: ops.ActivationName) -> None:
    x = torch.linspace(-4, 4, 9)
    layer = module_of(ops.Activation(name=name), ((9,),), inplace=False)
    assert layer is not None
    kept = x.clone()
    layer(x)
    assert torch.equal(x, kept)


def test_weights_are_on_the_meta_device() -> None:
    layer = module_of(ops.Linear(out=3, bias=False), ((4,),), inplace=False)
    assert layer is not None and {p.device.type for p in layer.parameters()} == {"meta"}
    norms = [module_of(ops.BatchNorm(), (s,), inplace=False) for s in ((4,), (4, 2, 2))]
    assert [type(n) for n in norms] == [nn.BatchNorm1d, nn.BatchNorm2d]


def test_an_operation_with_a_module_is_no_function() -> None:
    graph = fx.Graph()
    with pytest.raises(TypeError, match="linear is not a function"):
        function_node(graph, ops.Linear(out=2), [graph.placeholder("x")])


@pytest.mark.parametrize("channels", [2, 3, 5, 7])
@pytest.mark.parametrize("stride", [2, (1, 2)])
def test_strided_pointwise_of_thin_maps(channels: int, stride: ops.Size) -> None:
    """Torch 2.14's own kernel dies in this backward pass, channels-last, on a CPU with AVX2."""
    op = ops.Conv(out=4, stride=stride, padding="same", bias=True)
    layer = module_of(op, ((channels, 9, 8),), inplace=False)
    assert isinstance(layer, ThinPointwise2d)
    layer = layer.to_empty(device="cpu").to(memory_format=torch.channels_last)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in layer.parameters():
            p.normal_(generator=generator)
    x = torch.randn(2, channels, 9, 8, generator=generator)
    last = x.contiguous(memory_format=torch.channels_last).requires_grad_()
    first = x.clone().requires_grad_()
    weight, bias = layer.weight.detach()[..., 0, 0], layer.bias
    assert bias is not None
    sh, sw = pair(stride)
    taken = first[..., ::sh, ::sw]
    expected = torch.einsum("oc,nchw->nohw", weight, taken) + bias.detach().view(1, -1, 1, 1)
    found = layer(last)
    torch.testing.assert_close(found, expected)
    found.square().sum().backward()
    torch.autograd.backward(expected.square().sum())
    torch.testing.assert_close(last.grad, first.grad)
