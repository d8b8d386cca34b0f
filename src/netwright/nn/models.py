"""A network as the user names it (architecture, timm model or Python function), built in torch."""

from __future__ import annotations

import importlib.util
import inspect
import traceback
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from netwright.arch.graph import Architecture
from netwright.errors import UsageError
from netwright.nn.build import build
from netwright.nn.seeding import seeded
from netwright.nn.timm_models import timm_model


def from_architecture(
    arch: Architecture, *, shape: tuple[int, int, int], classes: int, seed: int, device: str
) -> nn.Module:
    """The network in torch, if it takes these images and tells these classes apart.

    Raises:
        UsageError: If it was made for other images or classes.
    """
    if arch.input_shape != shape or arch.classes != classes:
        raise UsageError(
            f"{arch.name or arch.id} takes images {arch.input_shape} and has {arch.classes} "
            f"classes; the data has images {shape} and {classes} classes. Give a catalogue name, "
            "which adapts itself, or --resolution to match."
        )
    return build(arch, seed=seed, device=device)


def from_timm(
    name: str, *, shape: tuple[int, int, int], classes: int, seed: int, device: str
) -> nn.Module:
    """A timm model with fresh seeded weights for these images and classes.

    Raises:
        UsageError: If timm has no such model, or it does not take the images.
    """
    with seeded(seed):
        model, _ = timm_model(name, resolution=shape[1], classes=classes, channels=shape[0])
    return _tried(model.to(device), f"timm:{name}", shape=shape, classes=classes, device=device)


def from_file(
    text: str, *, shape: tuple[int, int, int], classes: int, seed: int, device: str
) -> nn.Module:
    """What the function of ``path/to/file.py:make_model`` returns.

    The function is called without arguments, or with ``classes=`` where it takes that.

    Args:
        text: Path and function name.
        shape: One image; it is tried on the network.
        classes: Length of the logits that is expected.
        seed: Of torch's generator while the function runs.
        device: Where the module goes.

    Raises:
        UsageError: If there is no such function, or its network does not take the images.
    """
    path, _, name = text.rpartition(":")
    make = _function(Path(path), name)
    try:
        with seeded(seed):
            takes_classes = "classes" in inspect.signature(make).parameters
            model = make(classes=classes) if takes_classes else make()
    except Exception as err:
        raise UsageError(f"{text} cannot be called: {_told(err, path)}.") from err
    if not isinstance(model, nn.Module):
        raise UsageError(f"{text} returned a {type(model).__name__}; expected a torch nn.Module.")
    return _tried(model.to(device), text, shape=shape, classes=classes, device=device)


def _tried(
    model: nn.Module, name: str, *, shape: tuple[int, int, int], classes: int, device: str
) -> nn.Module:
    """The network, after two blank images have gone through it."""
    was_training = model.training
    try:
        with torch.no_grad():
            out: object = model.eval()(torch.zeros(2, *shape, device=device))
    except Exception as err:
        why = (str(err).splitlines() or [""])[0][:200]
        raise UsageError(
            f"{name} does not take images of shape {shape}: {type(err).__name__}: {why}"
        ) from err
    if not isinstance(out, torch.Tensor):
        raise UsageError(f"{name} gives a {type(out).__name__}; expected logits, a tensor.")
    if out.shape != (2, classes):
        raise UsageError(
            f"{name} gives outputs of shape {tuple(out.shape)} for 2 images; "
            f"expected (2, {classes})."
        )
    return model.train(was_training)


def _told(err: Exception, path: str) -> str:
    """What went wrong in the user's file, with the last line of it that took part."""
    lines = [
        f.lineno
        for f in traceback.extract_tb(err.__traceback__)
        if Path(f.filename).name == Path(path).name
    ]
    line = err.lineno if isinstance(err, SyntaxError) else lines[-1] if lines else None
    what = err.msg if isinstance(err, SyntaxError) else (str(err).splitlines() or [""])[0]
    place = "" if line is None else f"line {line}, "
    return f"{place}{type(err).__name__}: {what}".rstrip(".: ")


def _function(path: Path, name: str) -> Callable[..., nn.Module]:
    if not path.is_file():
        raise UsageError(f"There is no file {path}; expected path/to/file.py:make_model.")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as err:
        raise UsageError(f"{path} cannot be run: {_told(err, str(path))}.") from err
    found: Callable[..., nn.Module] | None = getattr(module, name, None)
    if not callable(found):
        raise UsageError(f"{path} has no function {name!r}.")
    return found
