"""Scoring a network: run proxies on it, keep what failed apart from what is a number."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from importlib import import_module

import torch
from torch import nn

from netwright.errors import UsageError
from netwright.nn.seeding import seeded
from netwright.proxies.borrow import Batch, image_shape, require_batches
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.listing import Proxy
from netwright.rng import derive


@dataclass(frozen=True, kw_only=True)
class Score:
    """What one proxy said about one network."""

    value: float | None
    """A finite number, or None where there is none."""
    reason: str = ""
    """Why there is no value."""
    seconds: float
    """Wall clock of this proxy alone."""

    def __post_init__(self) -> None:
        if self.value is not None and not math.isfinite(self.value):
            raise UsageError(f"A score of {self.value} is none; pass value=None and a reason.")


def score(
    module: nn.Module, batches: Sequence[Batch], *, proxies: Sequence[Proxy], seed: int
) -> dict[str, Score]:
    """Run proxies on a network, which comes back exactly as it was.

    Parameters, gradients, buffers, flags, hooks and torch's global generators are as before, and
    the same network, or its copy, gets the same scores again.  A score that is not finite, or
    that the numbers do not allow, is a ``Score`` without value and with a reason; any other
    exception is a bug and passes through.

    Args:
        module: Any network from images (B, C, H, W) to logits (B, classes), on any device.
        batches: (images (B, C, H, W), labels (B,)), best on the network's device.
        proxies: What to run.  A function held by its ``Proxy`` as an object gets a copy of the
            network, which it may write on; one that is named must borrow it (``borrow.py``).
        seed: Of the noise that some proxies draw.

    Returns:
        Scores by proxy name, in the order asked for.

    Raises:
        UsageError: With too few batches, two proxies of one name, or labels the network lacks.
    """
    image_shape(batches)
    names = [proxy.name for proxy in proxies]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"Proxy {twice[0]!r} was asked for twice; name each proxy once.")
    for proxy in proxies:
        require_batches(batches, proxy.batches, proxy.name)
    device = _device(module)
    placed = [(images.to(device), labels.to(device)) for images, labels in batches]
    return {proxy.name: _run(proxy, module, placed, seed=seed) for proxy in proxies}


def resolve(proxy: Proxy) -> Callable[..., float]:
    """The function of a proxy, imported if it is named by a string.

    Raises:
        UsageError: Where the string names nothing.
    """
    if not isinstance(proxy.function, str):
        return proxy.function
    path, _, attribute = proxy.function.partition(":")
    try:
        found: Callable[..., float] = getattr(import_module(path), attribute)
    except (ModuleNotFoundError, AttributeError, ValueError) as err:
        raise UsageError(
            f"Proxy {proxy.name!r} points to {proxy.function!r}, which cannot be imported; "
            'write it as "package.module:function".'
        ) from err
    return found


def _run(proxy: Proxy, module: nn.Module, batches: Sequence[Batch], *, seed: int) -> Score:
    function = resolve(proxy)
    ours = isinstance(proxy.function, str)
    call = partial(function, module if ours else deepcopy(module), batches)
    own = derive(seed, "proxy", proxy.name)
    start = time.perf_counter()
    value: float | None = None
    reason = ""
    try:
        with seeded(own, device=_device(module)):
            value = call(seed=own) if proxy.seeded else call()
    except ScoreFailed as err:
        reason = str(err)
    except torch.linalg.LinAlgError as err:  # type: ignore[attr-defined]
        reason = f"linear algebra failed: {err}"
    except RuntimeError as err:
        if not _out_of_memory(err):
            raise
        reason = "out of memory"
    if value is not None and not math.isfinite(value):
        value, reason = None, f"the value is {value}"
    return Score(value=value, reason=reason, seconds=time.perf_counter() - start)


def _out_of_memory(err: RuntimeError) -> bool:
    """Whether a device, or the host's allocator, had no memory left."""
    return isinstance(err, torch.OutOfMemoryError) or "can't allocate memory" in str(err)


def _device(module: nn.Module) -> torch.device:
    """Where the network's first parameter or buffer is."""
    first = next(module.parameters(), next(module.buffers(), None))
    return torch.device("cpu") if first is None else first.device
