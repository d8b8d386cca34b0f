"""Carrying weights: chosen channels of one network's tensors put into another's, and counted.

One rule keeps the function of a network that grows: a channel that the source does not have is
written by fresh weights and read by zeros.  It changes nothing until it has learnt something.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from torch import Tensor

Channels = Tensor
"""Channels of the source, in the order of the target's first channels."""


def strongest(importance: Tensor, count: int) -> Channels:
    """The most important channels, in their own order; all where there are no more than that.

    Args:
        importance: One number per channel (C,).
        count: How many the target has room for.
    """
    kept = importance.argsort(descending=True, stable=True)[:count]
    return kept.sort().values


def fit_kernel(weight: Tensor, size: tuple[int, int]) -> Tensor:
    """A kernel at another size about the same centre: cropped, or with zeros around.

    Args:
        weight: (O, I, K, K).
        size: Height and width of the result; odd as K is.
    """
    high, wide = weight.shape[2:]
    fitted = weight.new_zeros(*weight.shape[:2], *size)
    rows, columns = min(high, size[0]), min(wide, size[1])
    top, left = (high - rows) // 2, (wide - columns) // 2
    up, start = (size[0] - rows) // 2, (size[1] - columns) // 2
    core = weight[:, :, top : top + rows, left : left + columns]
    fitted[:, :, up : up + rows, start : start + columns] = core
    return fitted


class Carry:
    """Tensors on their way from one network to another.

    Args:
        source: The state dict that gives.
        target: The state dict that takes, of fresh tensors; changed in place.
    """

    def __init__(self, source: Mapping[str, Tensor], target: dict[str, Tensor]) -> None:
        self.source, self.target = source, target
        self.inherited: Counter[str] = Counter()  # tensor of the target → numbers taken

    def mix(
        self, to: str, of: str, *, out: Channels, into: Channels, scale: Tensor | float = 1.0
    ) -> None:
        """A convolution or linear layer that reads all channels; new ones are read by zeros.

        Args:
            to: Name of the layer in the target.
            of: Name of the layer in the source.
            out: Channels that it writes.
            into: Channels that it reads.
            scale: Factor, or one by channel of the source that is read.
        """
        given, fresh = self.source[f"{of}.weight"], self.target[f"{to}.weight"]
        if isinstance(scale, Tensor):
            scale = scale.reshape(1, -1, *[1] * (given.ndim - 2))
        taken, common = (given * scale)[out][:, into], 1
        if given.ndim == 4:
            size = (fresh.shape[2], fresh.shape[3])
            common = min(size[0], given.shape[2]) * min(size[1], given.shape[3])
            taken = fit_kernel(taken, size)
        rows, columns = len(out), len(into)
        fresh[:rows, columns:] = 0
        fresh[:rows, :columns] = taken.to(fresh)
        self.inherited[f"{to}.weight"] += rows * columns * common
        self._vector(f"{to}.bias", f"{of}.bias", out)

    def depthwise(self, to: str, of: str, channels: Channels) -> None:
        """A convolution of every channel with itself alone."""
        given, fresh = self.source[f"{of}.weight"], self.target[f"{to}.weight"]
        size = (fresh.shape[2], fresh.shape[3])
        fresh[: len(channels)] = fit_kernel(given[channels], size).to(fresh)
        common = min(size[0], given.shape[2]) * min(size[1], given.shape[3])
        self.inherited[f"{to}.weight"] += len(channels) * common

    def norm(self, to: str, of: str, channels: Channels, *, eps: tuple[float, float]) -> None:
        """A batch norm with its statistics, as the same function under another epsilon.

        Args:
            to: Name in the target.
            of: Name in the source.
            channels: Of the source.
            eps: Added to the variance in the target, and in the source.
        """
        for what in ("weight", "bias", "running_mean", "running_var"):
            self._vector(f"{to}.{what}", f"{of}.{what}", channels)
        if eps[0] != eps[1] and f"{of}.running_var" in self.source:
            spread = self.source[f"{of}.running_var"][channels]
            ratio = ((spread + eps[0]) / (spread + eps[1])).sqrt()
            weight = self.target[f"{to}.weight"]
            weight[: len(channels)] *= ratio.to(weight)
        count = f"{of}.num_batches_tracked"
        if count in self.source:
            self.target[f"{to}.num_batches_tracked"].copy_(self.source[count])

    def silence(self, norm: str) -> None:
        """Make a norm give zeros: the branch that it ends adds nothing until it has learnt to."""
        self.target[f"{norm}.weight"].zero_()
        self.target[f"{norm}.bias"].zero_()
        del self.inherited[f"{norm}.weight"], self.inherited[f"{norm}.bias"]

    def _vector(self, to: str, of: str, channels: Channels) -> None:
        if of in self.source and to in self.target:
            self.target[to][: len(channels)] = self.source[of][channels].to(self.target[to])
            if "running" not in to:
                self.inherited[to] += len(channels)


def read_by(weight: Tensor) -> Tensor:
    """How much of each channel a layer takes in: L1 of its weights by input channel (I,)."""
    return weight.abs().flatten(2).sum(2).sum(0) if weight.ndim > 2 else weight.abs().sum(0)
