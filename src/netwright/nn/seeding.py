"""The one place that touches torch's global generators, and puts them back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed: int, *, device: torch.device | str = "cpu") -> Iterator[None]:
    """Seed torch's global generators inside the block and restore their state after it.

    Args:
        seed: Any non-negative integer below 2**63.
        device: A CUDA or MPS device whose generator is seeded and restored beside the CPU's.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        with _seeded_accelerator(seed, torch.device(device)):
            yield


@contextmanager
def _seeded_accelerator(seed: int, device: torch.device) -> Iterator[None]:
    if device.type == "cuda":
        index = torch.cuda.current_device() if device.index is None else device.index
        state = torch.cuda.get_rng_state(index)
        with torch.cuda.device(index):
            torch.cuda.manual_seed(seed)
        try:
            yield
        finally:
            torch.cuda.set_rng_state(state, index)
    elif device.type == "mps":
        state = torch.mps.get_rng_state()
        torch.mps.manual_seed(seed)
        try:
            yield
        finally:
            torch.mps.set_rng_state(state)
    else:
        yield
