"""Built modules against a plain evaluation of the graph, against timm, and against themselves."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import timm
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from graphs import Graph, assemble, graphs
from netwright.arch import ops
from netwright.arch.blocks import Style, classifier, conv_bn_act, depthwise_separable, mbconv
from netwright.arch.graph import INPUT, Architecture, Block, Draft, Placed, chain
from netwright.arch.window import Padding, pair
from netwright.nn.build import build
from netwright.nn.seeding import seeded
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.tokens import sample

FUNCTIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "relu": lambda x: x.clamp(min=0),
    "relu6": lambda x: x.clamp(0, 6),
    "silu": lambda x: x * torch.sigmoid(x),
    "gelu": lambda x: x * 0.5 * (1 + torch.erf(x / math.sqrt(2))),
    "hard_swish": lambda x: x * (x + 3).clamp(0, 6) / 6,
    "hard_sigmoid": lambda x: (x + 3).clamp(0, 6) / 6,
    "sigmoid": lambda x: 1 / (1 + torch.exp(-x)),
    "tanh": torch.tanh,
}


OVERWRITING = ("relu", "relu6", "silu", "hard_swish", "hard_sigmoid")


def padded(
    x: Tensor, kernel: ops.Size, stride: ops.Size, padding: Padding, dilation: int, value: float
) -> Tensor:
    """The map with the border that its padding rule asks for."""
    border: list[int] = []
    for length, k, s in reversed(list(zip(x.shape[2:], pair(kernel), pair(stride), strict=True))):
        reach = dilation * (k - 1) + 1
        if padding == "same":
            total = max(reach - s, 0) if length % s == 0 else max(reach - length % s, 0)
            border += [total // 2, total - total // 2]
        elif padding == "symmetric":
            border += [(s - 1 + dilation * (k - 1)) // 2] * 2
        else:
            border += [0, 0]
    return F.pad(x, border, value=value)


def windows(x: Tensor, kernel: ops.Size, stride: ops.Size) -> Tensor:
    """Every window as a last axis: (B, C, H', W', kh * kw)."""
    (kh, kw), (sh, sw) = pair(kernel), pair(stride)
    return x.unfold(2, kh, sh).unfold(3, kw, sw).flatten(4)


def pooled(op: ops.Pool, x: Tensor) -> Tensor:
    """Pooling by looking at every window."""
    if op.mode == "max":
        low = padded(x, op.kernel, op.stride, op.padding, 1, -math.inf)
        return windows(low, op.kernel, op.stride).amax(-1)
    total = windows(padded(x, op.kernel, op.stride, op.padding, 1, 0.0), op.kernel, op.stride)
    if op.count_include_pad:
        return total.mean(-1)
    inside = windows(
        padded(torch.ones_like(x), op.kernel, op.stride, op.padding, 1, 0.0), op.kernel, op.stride
    )
    return total.sum(-1) / inside.sum(-1)


def applied(op: ops.Op, weights: Mapping[str, Tensor], x: list[Tensor]) -> Tensor:
    """One operation at inference, written without the layers of the package."""
    match op:
        case ops.Conv():
            at = padded(x[0], op.kernel, op.stride, op.padding, op.dilation, 0.0)
            bias = weights.get("bias")
            return F.conv2d(at, weights["weight"], bias, op.stride, 0, op.dilation, op.groups)
        case ops.Linear():
            return x[0] @ weights["weight"].T + weights.get("bias", torch.zeros(()))
        case ops.BatchNorm():
            shape = (1, -1) + (1,) * (x[0].ndim - 2)
            y = (x[0] - weights["running_mean"].reshape(shape)) / torch.sqrt(
                weights["running_var"].reshape(shape) + op.eps
            )
            return (
                y * weights["weight"].reshape(shape) + weights["bias"].reshape(shape)
                if op.affine
                else y
            )
        case ops.Activation():
            return FUNCTIONS[op.name](x[0])
        case ops.Pool():
            return pooled(op, x[0])
        case ops.GlobalPool():
            return x[0].mean((2, 3), keepdim=op.keep)
        case ops.Add():
            return torch.stack(x).sum(0)
        case ops.Multiply():
            return x[0] * x[1]
        case ops.Concat():
            return torch.cat(x, 1)
        case ops.Slice():
            return x[0][:, op.start : op.stop]
        case ops.Shift():
            y = torch.zeros_like(x[0])
            y[:, :, :-1, :-1] = x[0][:, :, 1:, 1:]
            return y
        case ops.Zero():
            return torch.zeros_like(x[0][:, :, :: op.stride, :: op.stride])
    return x[0]


def evaluated(arch: Architecture, module: nn.Module, image: Tensor) -> dict[str, Tensor]:
    """The value of every node, with the weights of ``module``."""
    state = module.state_dict()
    values = {INPUT: image}
    for node in arch.nodes:
        names = ("weight", "bias", "running_mean", "running_var")
        weights = {n: state[f"{node.name}.{n}"] for n in names if f"{node.name}.{n}" in state}
        values[node.name] = applied(node.op, weights, [values[i] for i in node.inputs])
    return values


def stirred(module: nn.Module, seed: int) -> None:
    """Random statistics and biases, so that no batch norm is the identity."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 2, generator=generator)
            elif name.endswith(("bias", "running_mean")):
                tensor.uniform_(-1, 1, generator=generator)


@settings(max_examples=100, deadline=None)
@given(graph=graphs(), seed=st.integers(1, 100))
def test_every_value_is_that_of_a_plain_evaluation(graph: Graph, seed: int) -> None:
    arch = assemble(graph, seed=seed)
    module = build(arch, seed=seed, dtype=torch.float64).eval()
    stirred(module, seed)
    image = torch.rand(2, *arch.input_shape, dtype=torch.float64)
    with torch.no_grad():
        values, came = evaluated(arch, module, image), module(image)
    assert {n.name: n.shape for n in arch.nodes} == {
        name: tuple(v.shape[1:]) for name, v in values.items() if name != INPUT
    }
    outputs = came if arch.aux is not None else (came,)
    for name, value in zip(arch.outputs, outputs, strict=True):
        torch.testing.assert_close(value, values[name])


@settings(max_examples=40, deadline=None)
@given(graph=graphs(), seed=st.integers(1, 100))
def test_overwriting_activations_leave_gradients_alone(graph: Graph, seed: int) -> None:
    arch = assemble(graph, seed=seed)
    gradients = []
    for inplace in (True, False):
        module = build(arch, seed=seed, dtype=torch.float64).eval()
        for layer in module.modules():
            if hasattr(layer, "inplace") and not inplace:
                setattr(layer, "inplace", False)  # noqa: B010
        stirred(module, seed)
        generator = torch.Generator().manual_seed(seed)
        image = torch.rand(3, *arch.input_shape, dtype=torch.float64, generator=generator)
        outputs = module(image)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        torch.autograd.backward(torch.stack([o.square().sum() for o in outputs]).sum())
        gradients.append({n: p.grad for n, p in module.named_parameters() if p.grad is not None})
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("name", ops.ACTIVATIONS)
def test_an_activation_behind_a_batch_norm_has_the_right_gradient(name: Any) -> None:
    style = Style(activation=name)
    body = mbconv((3, 4, 4), 3, 3, expand=2, se_ratio=0.5, style=style)
    arch = chain((3, 4, 4), [("b", body), ("", classifier(body.out_shape, 3))])
    module = build(arch, seed=1, dtype=torch.float64, channels_last=False)
    assert any(getattr(m, "inplace", False) for m in module.modules()) == (name in OVERWRITING)
    generator = torch.Generator().manual_seed(1)
    image, step = torch.randn(2, 3, 3, 4, 4, dtype=torch.float64, generator=generator)
    for mode in (module.eval(), module.train()):
        leaf = image.clone().requires_grad_()
        (slope,) = torch.autograd.grad(mode(leaf).square().sum(), leaf)
        ahead, behind = (mode(image + e * step).square().sum() for e in (1e-6, -1e-6))
        assert (slope * step).sum().item() == pytest.approx(
            (ahead - behind).item() / 2e-6, rel=1e-5
        )


def test_a_batch_norm_that_is_an_output_is_not_overwritten() -> None:
    trunk = Draft("trunk", (2, 4, 4))
    trunk.add("norm", ops.BatchNorm(), trunk.add("conv", ops.Conv(out=3), 0))
    top = Draft("top", (3, 4, 4))
    top.add("act", ops.Activation(), 0)
    placed = (Placed("a", trunk.block(), (0,)), Placed("b", top.block(), (1,)))
    module = build(Architecture((2, 4, 4), placed, aux=1), seed=0)
    _, before = module(torch.randn(4, 2, 4, 4, generator=torch.Generator().manual_seed(0)))
    assert before.min() < 0


def _head(shape: tuple[int, ...], name: str) -> Block:
    draft = Draft(name, shape)
    draft.add("fc", ops.Linear(out=5), draft.add("pool", ops.GlobalPool(), 0))
    return draft.block()


def test_aux_may_be_left_out() -> None:
    stem = conv_bn_act((3, 8, 8), 8)
    side, top = conv_bn_act(stem.out_shape, 4), conv_bn_act(stem.out_shape, 6)
    placed = (
        Placed("stem", stem, (0,)),
        Placed("side", side, (1,)),
        Placed("aux", _head(side.out_shape, "aux"), (2,)),
        Placed("top", top, (1,)),
        Placed("head", _head(top.out_shape, "head"), (4,)),
    )
    arch = Architecture((3, 8, 8), placed, aux=3)
    image = torch.rand(2, 3, 8, 8)
    both, one = build(arch, seed=3).eval(), build(arch, seed=3, aux=False).eval()
    logits, aux = both(image)
    assert aux.shape == (2, 5)
    torch.testing.assert_close(one(image), logits)
    assert not [name for name, _ in one.named_parameters() if name.startswith(("aux", "side"))]


def test_aux_logits_that_the_trunk_reads_stay() -> None:
    stem = _head((3, 8, 8), "stem")
    top = Draft("top", (5,))
    top.add("fc", ops.Linear(out=2), 0)
    placed = (Placed("stem", stem, (0,)), Placed("top", top.block(), (1,)))
    arch = Architecture((3, 8, 8), placed, aux=1)
    assert build(arch, seed=0, aux=False)(torch.rand(2, 3, 8, 8)).shape == (2, 2)


def _mobile(seed: int, resolution: int = 28) -> Architecture:
    space = MobileSpace(classes=5, resolution=resolution, channels=1)
    return space.decode(sample(space, np.random.Generator(np.random.Philox(key=seed))))


def test_one_seed_is_one_set_of_weights() -> None:
    arch = _mobile(1)
    same, again, other = (build(arch, seed=s).state_dict() for s in (7, 7, 8))
    torch.testing.assert_close(same, again, rtol=0, atol=0)
    assert not torch.equal(same["conv_stem.weight"], other["conv_stem.weight"])


def test_weights_do_not_depend_on_the_rest_of_the_network() -> None:
    stem = conv_bn_act((3, 8, 8), 8)
    short = chain((3, 8, 8), [("stem", stem), ("", classifier(stem.out_shape, 4))])
    more = mbconv(stem.out_shape, 8)
    long = chain((3, 8, 8), [("stem", stem), ("more", more), ("", classifier(more.out_shape, 4))])
    one, two = build(short, seed=0).state_dict(), build(long, seed=0).state_dict()
    assert len(one) < len(two)
    torch.testing.assert_close(one, {k: two[k] for k in one}, rtol=0, atol=0)


def test_global_generator_default_dtype_and_device_do_not_matter() -> None:
    arch = _mobile(2)
    expected = build(arch, seed=0).state_dict()
    before = torch.get_rng_state()
    torch.set_default_dtype(torch.float64)
    try:
        with seeded(99), torch.device("meta"):
            came = build(arch, seed=0).state_dict()
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(torch.get_rng_state(), before)
    torch.testing.assert_close(came, expected, rtol=0, atol=0)


def test_initial_weights_are_efficientnets() -> None:
    module = build(_mobile(3), seed=0)
    for name, layer in module.named_modules():
        if isinstance(layer, nn.Conv2d) and layer.weight.numel() > 2000:
            fan_out = math.prod(layer.kernel_size) * layer.out_channels / layer.groups
            assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / fan_out), rel=0.1), (
                name
            )
            assert abs(layer.weight.mean().item()) < 0.1 * math.sqrt(2 / fan_out)
        if isinstance(layer, nn.Linear):
            assert layer.weight.abs().max().item() <= 1 / math.sqrt(layer.out_features)
            assert not layer.bias.any()
        if isinstance(layer, nn.BatchNorm2d):
            assert layer.weight.eq(1).all() and layer.bias.eq(0).all()
            assert layer.running_var is not None and layer.running_var.eq(1).all()


def test_dtype_layout_name_and_code() -> None:
    arch = _mobile(4)
    module = build(arch, seed=0, dtype=torch.bfloat16)
    assert {p.dtype for p in module.parameters()} == {torch.bfloat16}
    assert type(module).__name__ == "mobile"
    assert "conv_stem" in module.code and module.training
    weight = build(arch, seed=0).get_parameter("conv_head.weight")
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert build(arch, seed=0, channels_last=False)(torch.rand(2, 1, 28, 28)).shape == (2, 5)


def _b0() -> Architecture:
    """EfficientNet-B0, stage by stage: kernel, stride, expansion, width, depth."""
    style = Style(activation="silu")
    stem = conv_bn_act((3, 64, 64), 32, stride=2, style=style, names=("conv_stem", "bn1", "act1"))
    blocks, shape = [("", stem)], stem.out_shape
    stages = ((3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3),
              (5, 1, 6, 112, 3), (5, 2, 6, 192, 4), (3, 1, 6, 320, 1))  # fmt: skip
    for stage, (kernel, stride, expand, width, depth) in enumerate(stages):
        for i in range(depth):
            step = stride if i == 0 else 1
            block = (
                depthwise_separable(shape, width, kernel, stride=step, se_ratio=0.25, style=style)
                if expand == 1
                else mbconv(
                    shape, width, kernel, expand=expand, stride=step, se_ratio=0.25, style=style
                )
            )
            blocks.append((f"blocks.{stage}.{i}", block))
            shape = block.out_shape
    head = conv_bn_act(shape, 1280, 1, style=style, names=("conv_head", "bn2", "act2"))
    return chain((3, 64, 64), [*blocks, ("", head), ("", classifier(head.out_shape, 1000))])


def test_b0_has_timms_keys_and_logits() -> None:
    with seeded(0):
        theirs = timm.create_model("efficientnet_b0").eval()
    ours = build(_b0(), seed=0).eval()
    stirred(theirs, 1)
    assert list(ours.state_dict()) and set(ours.state_dict()) == set(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    image = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(ours(image), theirs(image), rtol=1e-4, atol=1e-4)


def test_a_dead_end_behind_the_auxiliary_logits_goes_with_them() -> None:
    draft = Draft("end", (4, 1, 1))
    draft.add("pool", ops.GlobalPool(), 0)
    block = draft.block()
    image = (4, 1, 1)
    aux, dead = Draft("aux", (4,)), Draft("dead", (4,))
    aux.add("aux", ops.Linear(out=4), 0)
    dead.add("dead", ops.Linear(out=4), 0)
    last = Draft("last", (4,))
    last.add("last", ops.Linear(out=4), 0)
    placed = (
        Placed("", block, (0,)),
        Placed("", aux.block(), (1,)),
        Placed("", dead.block(), (2,)),
        Placed("", last.block(), (1,)),
    )
    module = build(Architecture(image, placed, aux=2), seed=0, aux=False)
    assert {key.split(".")[0] for key in module.state_dict()} == {"last"}
