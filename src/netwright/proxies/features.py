"""The last feature map: what a classifier pools, found in any network by watching it run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from netwright.proxies.borrow import View, output
from netwright.proxies.failure import ScoreFailed

_POOLS = frozenset(
    "avg_pool2d _adaptive_avg_pool2d max_pool2d_with_indices adaptive_max_pool2d".split()
)
_REDUCTIONS = frozenset("mean amax sum".split())
_RESHAPES = frozenset("view _unsafe_view reshape".split())


class Pools(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Remembers the input of the last call that turned a map into one value per channel."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.pooled: Tensor | None = None
        self.flattened: Tensor | None = None

    def last(self) -> Tensor:
        """The map that was pooled, or else flattened, last.

        Raises:
            ScoreFailed: Where there is none.
        """
        found = self.pooled if self.pooled is not None else self.flattened
        if found is None:
            raise ScoreFailed("the network pools no feature map before its classifier")
        return found

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,
        types: Sequence[type],
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        given = args[0] if args else None
        if isinstance(given, Tensor) and given.dim() == 4:
            made = result[0] if isinstance(result, tuple) else result
            if isinstance(made, Tensor) and made.shape[:1] == given.shape[:1]:
                if _pools_all(name, args, given, made):
                    self.pooled = given
                elif name in _RESHAPES and made.dim() == 2:
                    self.flattened = given
        return result


def _pools_all(name: str, args: tuple[object, ...], given: Tensor, made: Tensor) -> bool:
    """Whether a call takes a map, channels first or last, to one value per channel."""
    if name in _REDUCTIONS:
        axes = args[1] if len(args) > 1 and isinstance(args[1], list | tuple) else ()
        return {axis % 4 for axis in axes} in ({2, 3}, {1, 2})
    return name in _POOLS and made.numel() * given.shape[2:].numel() == given.numel()


def last_features(view: View, images: Tensor) -> Tensor:
    """The map (B, C, H, W) that the network pools, or else flattens, last.

    Squeeze-and-excitation pools too, but earlier, so the last pool is the classifier's.

    Args:
        view: What ``borrowed`` gave.
        images: (B, C, H, W).

    Raises:
        ScoreFailed: Where the network neither pools nor flattens a map.
    """
    with torch.no_grad(), watched() as pools:
        output(view, images)
    return pools.last()


@contextmanager
def watched() -> Iterator[Pools]:
    """Watch the calls made inside the block; ask ``last`` after it."""
    pools = Pools()
    with pools:
        yield pools
