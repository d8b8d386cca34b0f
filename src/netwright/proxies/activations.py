"""Activation codes: which units are on, seen at every ReLU-like call however it is spelled.

Modules, ``torch.nn.functional``, methods and in-place forms all end in the same few ATen calls, so
those are watched, below autograd, and none can be missed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

_ALWAYS = frozenset(
    "relu relu_ relu6 relu6_ leaky_relu leaky_relu_ elu elu_ celu celu_ selu selu_ silu silu_ "
    "gelu gelu_ hardswish hardswish_ mish mish_ softplus threshold threshold_ _prelu_kernel "
    "rrelu_with_noise rrelu_with_noise_".split()
)
_WHEN_FROM_ZERO = frozenset("hardtanh hardtanh_ clamp clamp_ clamp_min clamp_min_".split())


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Hands the input of every ReLU-like call to a function before the call runs."""

    def __init__(self, see: Callable[[Tensor], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.see = see

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,
        types: Sequence[type],
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        name = func.overloadpacket.__name__
        if args and isinstance(args[0], Tensor) and _switches(name, args, kwargs or {}):
            self.see(args[0])
        return func(*args, **(kwargs or {}))


def _switches(name: str, args: tuple[object, ...], kwargs: dict[str, object]) -> bool:
    """Whether this call is an activation that is off below zero and on above."""
    if name in _ALWAYS:
        return True
    if name not in _WHEN_FROM_ZERO:
        return False
    low = args[1] if len(args) > 1 else kwargs.get("min", kwargs.get("min_val"))
    return isinstance(low, int | float) and low == 0


@contextmanager
def watching(batch: int, see: Callable[[Tensor], None]) -> Iterator[None]:
    """Call ``see`` with every layer's pre-activations (B, units) inside the block.

    Activations of tensors that do not hold the batch in their first axis (a position table, say)
    are passed over; axes folded into the batch's are unfolded.  Units come in the order of
    memory, the same for all images of a call.

    Args:
        batch: Number of images that run through the network.
        see: Called once per activation call, in order of execution.
    """

    def flat(x: Tensor) -> None:
        if x.dim() > 0 and x.shape[0] > 0 and x.shape[0] % batch == 0:
            last = x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last)
            see((x.permute(0, 2, 3, 1) if last else x).detach().reshape(batch, -1))

    with _Watch(flat):
        yield
