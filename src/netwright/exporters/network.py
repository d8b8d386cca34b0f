"""What is exported: an architecture, its weights in torch, and what its users must know of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx

from netwright.arch.graph import Architecture
from netwright.nn.build import build
from netwright.nn.weights import load_weights


@dataclass(frozen=True, kw_only=True, eq=False)
class Network:
    """A network that can be exported; nothing here is changed by an exporter."""

    arch: Architecture
    module: fx.GraphModule
    """In eval mode, float32, on the CPU, without an auxiliary classifier."""
    trained: bool
    """Whether its weights were loaded; else they are fresh."""
    classes: tuple[str, ...] | None = None
    """Names of the classes, in the order of the logits."""
    mean: tuple[float, ...] | None = None
    """Subtracted from each channel of an image in 0..1 before it enters."""
    std: tuple[float, ...] | None = None
    """By which each channel is then divided."""

    @property
    def state(self) -> dict[str, Tensor]:
        """Weights and statistics by name."""
        found: dict[str, Tensor] = self.module.state_dict()
        return found

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self.arch.name or self.arch.id

    def about(self) -> dict[str, str]:
        """Short facts that are kept in every file that can hold some."""
        facts: dict[str, Any] = {
            "arch": self.arch.id,
            "name": self.name,
            "classes": self.classes,
            "input_shape": self.arch.input_shape,
            "mean": self.mean,
            "std": self.std,
        }
        return {
            key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            for key, value in facts.items()
            if value is not None
        }


def load_network(arch: Architecture, weights: Path | None, *, seed: int = 0) -> Network:
    """The network with trained weights, or fresh ones.

    Args:
        arch: The network.
        weights: A ``.safetensors`` file that a training or a search left; None: fresh weights.
        seed: Of fresh weights.

    Raises:
        UsageError: If the file is missing, or holds another network's weights.
    """
    whole = build(arch, seed=seed, channels_last=False)
    about = load_weights(whole, weights) if weights else {}
    module = build(arch, seed=seed, device="meta", aux=False)
    state = whole.state_dict()
    module.load_state_dict({key: state[key] for key in module.state_dict()}, assign=True)
    classes = _read(about, "classes")
    fits = classes is not None and len(classes) == arch.classes
    return Network(
        arch=arch,
        module=module.to(torch.float32).eval(),
        trained=weights is not None,
        classes=tuple(map(str, classes)) if classes is not None and fits else None,
        mean=_numbers(_read(about, "mean"), arch),
        std=_numbers(_read(about, "std"), arch),
    )


def _read(about: Mapping[str, str], key: str) -> list[Any] | None:
    try:
        found = json.loads(about.get(key, "null"))
    except ValueError:
        return None
    return found if isinstance(found, list) else None


def _numbers(found: list[Any] | None, arch: Architecture) -> tuple[float, ...] | None:
    fits = found is not None and len(found) == arch.input_shape[0]
    return tuple(map(float, found)) if found is not None and fits else None
