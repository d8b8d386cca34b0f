"""A moving average of a network's weights and norm statistics, kept beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


class Average:
    """Exponential moving average of all floating-point parameters and buffers.

    Step t uses min(decay, (1 + t) / (10 + t)), the warm-up of TensorFlow's
    ``ExponentialMovingAverage``, so that the first, random weights are soon forgotten.

    Args:
        module: The network; its tensors are read at each update.
        decay: Per step.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self._current = floating_tensors(module)
        self.tensors = {name: value.detach().clone() for name, value in self._current.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move towards the network's present weights; ``step`` counts from 0."""
        weight = 1.0 - min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.tensors.values()), list(self._current.values()), weight)

    @torch.no_grad()
    def copy_to_module(self) -> None:
        """Write the average into the network."""
        for name, value in self._current.items():
            value.copy_(self.tensors[name])

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The network holds the average inside the block, and its own weights again after it."""
        own = {name: value.detach().clone() for name, value in self._current.items()}
        self.copy_to_module()
        try:
            yield
        finally:
            with torch.no_grad():
                for name, value in self._current.items():
                    value.copy_(own[name])


def floating_tensors(module: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and buffers of floating point, by name."""
    named = (*module.named_parameters(), *module.named_buffers())
    return {name: value.detach() for name, value in named if value.is_floating_point()}
