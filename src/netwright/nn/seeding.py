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
    where = torch.device(device)
    if where.type in ("cuda", "mps"):
        index = [where.index if where.index is not None else 0]
        with torch.random.fork_rng(devices=index, device_type=where.type):
            torch.default_generator.manual_seed(seed)
            getattr(torch, where.type).manual_seed(seed)
            yield
    else:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            yield
