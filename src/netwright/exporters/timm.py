"""``timm``: a file that builds the identical network with timm alone, from timm's own notation."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

import netwright
from netwright.arch.staged import Layer, Staged, read_staged
from netwright.errors import UsageError
from netwright.exporters.check import agree, outputs
from netwright.exporters.exported import Exported, write_whole
from netwright.exporters.network import Network

_ACTIVATIONS = {
    "relu": "nn.ReLU", "relu6": "nn.ReLU6", "silu": "nn.SiLU", "gelu": "nn.GELU",
    "hard_swish": "nn.Hardswish", "hard_sigmoid": "nn.Hardsigmoid", "sigmoid": "nn.Sigmoid",
    "tanh": "nn.Tanh",
}  # fmt: skip
_SHORT = {"relu": "re", "relu6": "r6", "hard_swish": "hs", "silu": "sw"}  # per block, in timm
_MOST_STRIDE = 32  # beyond it timm dilates instead


def export_timm(network: Network, path: Path) -> Exported:
    """Write a Python file whose ``create(weights)`` makes the network, run it and compare.

    Args:
        network: What to export.
        path: A ``.py`` file.

    Raises:
        UsageError: If timm's EfficientNet cannot be this network, with what stands in the way.
        ExportError: If its outputs are not torch's; no file is left.
    """
    text = timm_source(network)
    gaps: list[float] = []

    def write(draft: Path) -> None:
        draft.write_text(text, encoding="utf-8")
        module = _loaded(runpy.run_path(str(draft))["create"](), network)
        gaps.append(agree(outputs(module), network.module, network.arch, what="timm"))

    write_whole(path, write)
    return Exported.of("timm", path, gap=gaps[0])


def _loaded(module: Any, network: Network) -> nn.Module:
    """The module with the network's weights.

    Raises:
        UsageError: If its tensors are not the network's: timm rounds some widths of its own.
    """
    made: nn.Module = module
    own, state = made.state_dict(), network.state
    wrong = sorted(own.keys() ^ state.keys())
    wrong = wrong or [name for name, tensor in own.items() if tensor.shape != state[name].shape]
    if wrong:
        raise _cannot(network, f"{wrong[0]} has another shape there")
    made.load_state_dict(state)
    return made.eval()


def _cannot(network: Network, why: str) -> UsageError:
    return UsageError(
        f"timm cannot build {network.name}: {why}. Export it with --to code, which can be any "
        "network."
    )


def timm_source(network: Network) -> str:
    """The text of the file.

    Raises:
        UsageError: If timm's EfficientNet cannot be this network.
    """
    try:
        staged = read_staged(network.arch)
    except UsageError as err:
        raise _cannot(network, "it is no chain of stem, stages, head and classifier") from err
    _refuse(network, staged)
    stages = ",\n".join(f"    {_strings(stage, staged.stem)}" for stage in staged.stages)
    lines = [
        f'"""{network.name} as timm builds it; written by netwright {netwright.__version__}.',
        "",
        '    model = create("weights.safetensors")',
        '"""',
        "",
        "from functools import partial",
        "",
        "from safetensors.torch import load_file",
        "from timm.models.efficientnet import EfficientNet, SqueezeExcite, decode_arch_def",
        "from torch import nn",
        "",
        "ARCH_DEF = [",
        f"{stages},",
        "]",
        "",
        "",
        "def create(weights=None):",
        f'    """The network for images {staged.input_shape}; in eval mode with its weights."""',
        "    model = EfficientNet(",
        "        decode_arch_def(ARCH_DEF),",
        *(f"        {name}={value}," for name, value in _settings(staged).items()),
        "    )",
        *_stem(staged),
        "    if weights is not None:",
        "        model.load_state_dict(load_file(weights))",
        "        model.eval()",
        "    return model",
    ]
    return "\n".join(lines) + "\n"


def _refuse(network: Network, staged: Staged) -> None:
    """Raise for what timm's EfficientNet has no setting for."""
    head, stem = staged.head, staged.stem
    stride = 2
    for layers in staged.stages:
        for layer in layers:
            stride *= layer.stride
            if layer.skip == "pool":
                raise _cannot(network, "it has skips through a pool")
            if layer.kind == "cn" and layer.se_ratio:
                raise _cannot(network, "it has plain convolutions with squeeze-and-excitation")
            same = replace(stem.style, activation=layer.style.activation)
            if replace(layer.style, se_activation=same.se_activation) != same:
                raise _cannot(network, "its layers differ in padding or batch norm")
            if layer.style != stem.style and layer.style.activation not in _SHORT:
                raise _cannot(network, f"single layers use {layer.style.activation}")
    if (head.kernel, head.stride, head.style) != (1, 1, stem.style):
        raise _cannot(network, "its last convolution is not 1x1 with the style of the first")
    if stride > _MOST_STRIDE:
        raise _cannot(network, f"its layers stride by {stride // 2}, and timm's by 16 at most")


def _strings(layers: tuple[Layer, ...], stem: Layer) -> str:
    """``["ir_r2_k3_s2_e6_c24"]``: equal layers are written once."""
    found: list[str] = []
    at = 0
    while at < len(layers):
        first = layers[at]
        rest, count = replace(first, stride=1), 1
        while at + count < len(layers) and layers[at + count] == rest:
            count += 1
        found.append(_string(first, count, stem))
        at += count
    return "[" + ", ".join(f'"{text}"' for text in found) + "]"


def _string(layer: Layer, repeats: int, stem: Layer) -> str:
    parts = [layer.kind, f"r{repeats}", f"k{layer.kernel}", f"s{layer.stride}"]
    parts += [f"e{layer.expand:g}"] if layer.kind in ("ir", "er") else []
    parts += [f"c{layer.out}"]
    parts += [f"se{layer.se_ratio:g}"] if layer.se_ratio else []
    if layer.kind == "cn":
        parts += ["skip"] if layer.skip else []
    else:
        parts += [] if layer.skip else ["noskip"]
    if layer.style.activation != stem.style.activation:
        parts.append(f"n{_SHORT[layer.style.activation]}")
    return "_".join(parts)


def _settings(staged: Staged) -> dict[str, str]:
    """Arguments of timm's ``EfficientNet``, as source."""
    style = staged.stem.style
    pads = {"symmetric": "", "same": "same", "valid": "valid"}
    settings = {
        "num_classes": str(staged.classes),
        "num_features": str(staged.head.out),
        "in_chans": str(staged.input_shape[0]),
        "stem_size": str(staged.stem.out),
        "round_chs_fn": "int",  # the channels above are final
        "act_layer": _ACTIVATIONS[style.activation],
        "norm_layer": f"partial(nn.BatchNorm2d, eps={style.bn_eps!r}, "
        f"momentum={style.bn_momentum!r})",
        "drop_rate": repr(staged.dropout),
        "drop_path_rate": repr(staged.drop_path),
    }
    if pads[style.padding]:
        settings["pad_type"] = repr(pads[style.padding])
    inner = {
        layer.style.se_activation for s in staged.stages for layer in s if layer.se_ratio
    }  # fmt: skip
    if inner:
        forced = "".join(f"force_act_layer={_ACTIVATIONS[i]}, " for i in inner if i)
        rounding = "rd_round_fn=lambda width: max(1, int(width + 1e-6))"
        settings["se_layer"] = f"partial(SqueezeExcite, {forced}{rounding})"
    return settings


def _stem(staged: Staged) -> list[str]:
    """Lines for a first convolution that is not timm's 3x3 with stride 2."""
    stem = staged.stem
    if stem.kernel == 3 and stem.stride == 2:
        return []
    if stem.kernel == 3:
        return [f"    model.conv_stem.stride = ({stem.stride}, {stem.stride})"]
    pad = (stem.stride - 1 + stem.kernel - 1) // 2
    return [
        f"    model.conv_stem = nn.Conv2d({staged.input_shape[0]}, {stem.out}, {stem.kernel}, "
        f"stride={stem.stride}, padding={pad}, bias=False)"
    ]
