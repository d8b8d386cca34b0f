"""What the user may call a network on the command line, made for given images and classes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from netwright import catalog
from netwright.arch.graph import Architecture

if TYPE_CHECKING:
    from torch import nn


def module_for(
    name: str, *, shape: tuple[int, int, int], classes: int, seed: int, device: str
) -> tuple[nn.Module, Architecture | None]:
    """The network in torch with fresh weights, and its architecture where it has one.

    Args:
        name: A catalogue name, ``timm:NAME``, ``file.py:make_model``, a .json file or a RUN.
        shape: ``(C, H, W)`` of one image.
        classes: Length of the logits.
        seed: Of the weights.
        device: Where the module goes.

    Raises:
        UsageError: If there is no such network, or it does not fit the images.
    """
    from netwright.nn.models import from_architecture, from_file, from_timm

    if name.startswith("timm:"):
        timm = name.removeprefix("timm:")
        return from_timm(timm, shape=shape, classes=classes, seed=seed, device=device), None
    if ".py:" in name:
        return from_file(name, shape=shape, classes=classes, seed=seed, device=device), None
    arch = catalog.architecture(name, classes=classes, resolution=shape[1], channels=shape[0])
    made = from_architecture(arch, shape=shape, classes=classes, seed=seed, device=device)
    return made, arch


def short_name(name: str) -> str:
    """What a table calls it: the path's last part, or the name itself."""
    return Path(name).name or name
