"""EfficientNets of timm read stage by stage: MobileNetV2, MnasNet, FBNet, EfficientNet and kin."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import nn

from netwright.arch.blocks import Style
from netwright.arch.graph import Architecture
from netwright.arch.staged import Kind, Layer, Staged
from netwright.errors import UnknownNameError, UsageError
from netwright.nn.build import build
from netwright.nn.seeding import seeded

_KINDS: dict[str, tuple[Kind, str, str]] = {  # kind, sliding convolution, projection
    "ConvBnAct": ("cn", "conv", "conv"),
    "DepthwiseSeparableConv": ("ds", "conv_dw", "conv_pw"),
    "EdgeResidual": ("er", "conv_exp", "conv_pwl"),
    "InvertedResidual": ("ir", "conv_dw", "conv_pwl"),
}
_ACTIVATIONS = {
    "ReLU": "relu", "ReLU6": "relu6", "SiLU": "silu", "Swish": "silu", "Hardswish": "hard_swish",
    "GELU": "gelu", "Sigmoid": "sigmoid", "Tanh": "tanh",
}  # fmt: skip
_TOLERANCE = 1e-4


def timm_pretrained(name: str) -> nn.Module:
    """A timm model of the EfficientNet class with its published weights, downloaded by timm.

    Raises:
        UnknownNameError: With the nearest name that timm knows.
        UsageError: If it is of another class, has no weights, or they cannot be had.
    """
    import timm

    if not timm.is_model(name):
        raise UnknownNameError("timm model", name, timm.list_models())
    with torch.device("meta"):
        plain: Any = timm.create_model(name)
    _require_efficientnet(plain, name)
    if not (plain.pretrained_cfg.get("hf_hub_id") or plain.pretrained_cfg.get("url")):
        raise UsageError(f"timm has no weights for {name}; give a file of them.")
    try:
        with seeded(0):
            model: nn.Module = timm.create_model(name, pretrained=True)
    except Exception as err:  # of the hub's client, the network or the file system
        raise UsageError(
            f"The weights of timm:{name} cannot be downloaded ({type(err).__name__}); check the "
            "connection, or give a .safetensors or .pth file of them."
        ) from err
    return model


def read_timm(model: Any, name: str) -> Architecture:
    """The architecture of a timm EfficientNet.

    Args:
        model: Left as it is; its logits are compared with those of what was read.
        name: What a person calls it.

    Raises:
        UsageError: If a part of it is none of ours.
    """
    _require_efficientnet(model, name)
    try:
        staged = _staged(model, name)
        arch = staged.architecture()
        ours = build(arch, seed=0).eval()
        ours.load_state_dict(model.state_dict())
    except (AttributeError, KeyError, RuntimeError, ValueError) as err:
        raise _unreadable(name) from err
    generator = torch.Generator("cpu").manual_seed(0)
    image = torch.randn(1, *arch.input_shape, generator=generator)
    training = model.training
    with torch.inference_mode():
        expected, came = model.eval()(image), ours(image)
    model.train(training)
    if not (came - expected).abs().max() <= _TOLERANCE * expected.abs().max():
        raise _unreadable(name)
    return arch


def _require_efficientnet(model: Any, name: str) -> None:
    from timm.models.efficientnet import EfficientNet

    if not isinstance(model, EfficientNet):
        raise UsageError(
            f"timm:{name} is no relative: it is a {type(model).__name__}. Inherit from a "
            "MobileNetV2, MnasNet or EfficientNet, such as timm:mobilenetv2_100 or lite0."
        )


def _unreadable(name: str) -> UsageError:
    return UsageError(
        f"timm:{name} has parts that the networks here cannot have, so nothing can be inherited "
        "from it; take another MobileNetV2, MnasNet or EfficientNet."
    )


def _staged(model: Any, name: str) -> Staged:
    side = int(model.pretrained_cfg["input_size"][-1])
    norm = model.bn1
    style = Style(
        activation=_activation(norm.act),
        padding="same" if "Same" in type(model.conv_stem).__name__ else "symmetric",
        bn_eps=norm.eps,
        bn_momentum=norm.momentum,
    )
    stem = Layer(
        kind="cn",
        out=model.conv_stem.out_channels,
        kernel=model.conv_stem.kernel_size[0],
        stride=model.conv_stem.stride[0],
        skip=False,
        style=style,
    )
    head = replace(
        stem, out=model.conv_head.out_channels, kernel=model.conv_head.kernel_size[0], stride=1
    )
    return Staged(
        input_shape=(model.conv_stem.in_channels, side, side),
        stem=stem,
        stages=tuple(tuple(_layer(block, style) for block in stage) for stage in model.blocks),
        head=head,
        classes=model.classifier.out_features,
        name=f"timm_{name}",
    )


def _layer(block: Any, style: Style) -> Layer:
    kind, sliding, projection = _KINDS[type(block).__name__]
    first = next(m for m in block.modules() if isinstance(m, nn.Conv2d))
    slides = getattr(block, sliding)
    own = replace(style, activation=_activation(block.bn1.act), bn_eps=block.bn1.eps)
    squeeze: Any = getattr(block, "se", None)
    gate = None
    ratio = 0.0
    if hasattr(squeeze, "conv_reduce"):
        inner, gate = _activation(squeeze.act1), _activation(squeeze.gate)
        own = replace(own, se_activation=None if inner == own.activation else inner)
        ratio = (squeeze.conv_reduce.out_channels + 1e-3) / first.in_channels
    if gate not in (None, "sigmoid"):
        raise ValueError(f"gate {gate}")
    return Layer(
        kind=kind,
        out=getattr(block, projection).out_channels,
        kernel=slides.kernel_size[0],
        stride=slides.stride[0],
        expand=slides.out_channels / first.in_channels if kind in ("ir", "er") else 1,
        se_ratio=ratio,
        skip=bool(block.has_skip),
        style=own,
    )


def _activation(module: nn.Module) -> Any:
    return _ACTIVATIONS[type(module).__name__]
