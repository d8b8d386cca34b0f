"""Scoring a network: run proxies on it, keep what failed apart from what is a number."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import Any

import torch
from torch import nn

from netwright.errors import UsageError
from netwright.nn.seeding import seeded
from netwright.proxies.borrow import Batch, image_shape, require_batches
from netwright.proxies.failure import OVERWRITTEN, ScoreFailed, overwritten
from netwright.proxies.listing import Proxy
from netwright.proxies.plan import Pass, shared_by
from netwright.proxies.sharing import Circle, Scene, Valued
from netwright.rng import derive


@dataclass(frozen=True, kw_only=True)
class Score:
    """What one proxy said about one network."""

    value: float | None
    """A finite number, or None where there is none."""
    reason: str = ""
    """Why there is no value."""
    seconds: float
    """Wall clock of its own work, and its share of the passes that it read with others."""

    def __post_init__(self) -> None:
        if self.value is not None and not math.isfinite(self.value):
            raise UsageError(f"A score of {self.value} is none; pass value=None and a reason.")


def score(
    module: nn.Module, batches: Sequence[Batch], *, proxies: Sequence[Proxy], seed: int
) -> dict[str, Score]:
    """Run proxies on a network, which comes back exactly as it was.

    Proxies that read the same pass share it (``plan.explain`` says which): a value is what it is
    with the proxy alone, the time is not.

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
    memo: dict[str, object] = {}
    found: dict[str, Score] = {}
    with torch.inference_mode(mode=False):
        placed = [(images.to(device), labels.to(device, copy=True)) for images, labels in batches]
        if not all(bool(torch.isfinite(images).all()) for images, _ in placed):
            blind = Score(value=None, reason="an image is not finite", seconds=0.0)
            found = {proxy.name: blind for proxy in proxies if proxy.data}
        for made, sharers in shared_by([p for p in proxies if p.name not in found]):
            own = derive(seed, "pass", made.name)
            scene = Scene(module=module, batches=placed, seed=own, memo=memo)
            found |= _together(made, sharers, scene)
        for proxy in proxies:
            if proxy.name not in found:
                found[proxy.name] = _run(proxy, module, placed, seed=seed)
    return {name: found[name] for name in names}


def resolve(proxy: Proxy) -> Callable[..., float]:
    """The function of a proxy, imported if it is named by a string.

    Raises:
        UsageError: Where the string names nothing.
    """
    return proxy.function if callable(proxy.function) else _found(proxy.name, proxy.function)


def _found(name: str, where: str) -> Callable[..., Any]:
    path, _, attribute = where.partition(":")
    try:
        found: Callable[..., Any] = getattr(import_module(path), attribute)
    except (ModuleNotFoundError, AttributeError, ValueError) as err:
        raise UsageError(
            f"Proxy {name!r} points to {where!r}, which cannot be imported; "
            'write it as "package.module:function".'
        ) from err
    return found


def _together(made: Pass, sharers: Sequence[Proxy], scene: Scene) -> dict[str, Score]:
    """Run one pass for all who read it; one by one if there is no memory for all at once."""
    read = _found(made.name, made.function)
    circle: Circle[Valued] = Circle({p.name: _found(p.name, p.reader)(scene) for p in sharers})
    try:
        with seeded(scene.seed, device=_device(scene.module)):
            read(circle, scene)
    except RuntimeError as err:
        if not _out_of_memory(err):
            raise
        if len(sharers) == 1:
            seconds = circle.seconds[sharers[0].name]
            return {sharers[0].name: Score(value=None, reason="out of memory", seconds=seconds)}
        del circle
        scenes = [replace(scene, memo={}) for _ in sharers]
        alone = (_together(made, [p], s) for p, s in zip(sharers, scenes, strict=True))
        return {name: score for scores in alone for name, score in scores.items()}
    found: dict[str, Score] = {}
    for proxy in sharers:
        value, reason = _outcome(partial(circle.value, proxy.name))
        found[proxy.name] = Score(value=value, reason=reason, seconds=circle.seconds[proxy.name])
    return found


def _run(proxy: Proxy, module: nn.Module, batches: Sequence[Batch], *, seed: int) -> Score:
    function = resolve(proxy)
    ours = isinstance(proxy.function, str)
    call = partial(function, module if ours else deepcopy(module), batches)
    own = derive(seed, "proxy", proxy.name)
    start = time.perf_counter()
    with seeded(own, device=_device(module)):
        value, reason = _outcome(partial(call, seed=own) if proxy.seeded else call)
    return Score(value=value, reason=reason, seconds=time.perf_counter() - start)


def _outcome(call: Callable[[], float]) -> tuple[float | None, str]:
    """A finite value and no reason, or no value and the reason."""
    try:
        value = call()
    except ScoreFailed as err:
        return None, str(err)
    except torch.linalg.LinAlgError as err:  # type: ignore[attr-defined]
        return None, f"linear algebra failed: {err}"
    except RuntimeError as err:
        if overwritten(err):
            return None, OVERWRITTEN
        if not _out_of_memory(err):
            raise
        return None, "out of memory"
    return (value, "") if math.isfinite(value) else (None, f"the value is {value}")


def _out_of_memory(err: RuntimeError) -> bool:
    """Whether a device, or the host's allocator, had no memory left."""
    return isinstance(err, torch.OutOfMemoryError) or "can't allocate memory" in str(err)


def _device(module: nn.Module) -> torch.device:
    """Where the network's first parameter or buffer is."""
    first = next(module.parameters(), next(module.buffers(), None))
    return torch.device("cpu") if first is None else first.device
