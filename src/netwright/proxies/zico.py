"""ZiCo: weights whose gradients agree across batches train fast (Li et al., ICLR 2023)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from netwright.proxies.batch_pass import Reader, read_alone
from netwright.proxies.borrow import Batch, require_batches, wide
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.sharing import Scene

Variant = Literal["code", "paper"]


def zico(module: nn.Module, batches: Sequence[Batch], *, variant: Variant = "code") -> float:
    """Sum over layers of ``log sum_w mean|g_w| / std(g_w)``; unitless, higher is better.

    The gradients ``g_w`` of a weight are those of the mean cross-entropy, one per batch, and the
    deviation is that of the population.  Only weights of convolutions and linear layers count.
    Weights without deviation are dropped, and so is a layer that has no other: batches that are
    identical give 0.  Dropout is off, unlike in the authors' code, whose networks have none.

    Li et al., "ZiCo: Zero-shot NAS via Inverse Coefficient of Variation on Gradients", ICLR 2023,
    arXiv 2301.11300.

    Args:
        module: Freshly initialised network.
        batches: At least two of (images (B, C, H, W), labels (B,)).
        variant: ``"code"`` divides by the deviation of g, as the released code does, ``"paper"``
            by that of |g|, as Equation 15 does.

    Raises:
        UsageError: With fewer than two batches; a deviation needs two.
        ScoreFailed: Where a gradient is not finite, or there is no layer.
    """
    terms = layer_terms(module, batches, variant=variant)
    return math.fsum(terms.values())


def layer_terms(
    module: nn.Module, batches: Sequence[Batch], *, variant: Variant = "code"
) -> dict[str, float]:
    """The summand of every layer that counts, by the layer's name; arguments as for ``zico``.

    Raises:
        UsageError: With fewer than two batches.
        ScoreFailed: Where a gradient is not finite, or there is no layer.
    """
    require_batches(batches, 2, "zico")
    layers = Layers(signed=variant == "code")
    read_alone(lambda _: _reader(layers), module, batches)
    return layers.terms()


def reader(scene: Scene) -> Reader:
    """ZiCo as a reader of the batch pass."""
    return _reader(shared_layers(scene))


def shared_layers(scene: Scene) -> Layers:
    """The layers' gradients, kept once for all readers of the pass."""
    return scene.once("zico layers", lambda: Layers(signed=True))


def _reader(layers: Layers) -> Reader:
    return Reader(
        value=lambda: math.fsum(layers.terms().values()), gradients=layers.add, every_batch=True
    )


class Layers:
    """The layers' gradients, batch by batch; it keeps three numbers per weight.

    Args:
        signed: Whether deviations are those of g, else of |g|.
    """

    def __init__(self, *, signed: bool) -> None:
        self.signed = signed
        self.moments: dict[str, _Moments] = {}
        self._last: dict[str, Tensor] = {}
        self._terms: dict[str, float] | None = None

    def add(self, grads: dict[str, Tensor], weights: dict[str, Tensor]) -> None:
        """Take in one more batch's gradients by layer name, once however many readers say so."""
        if grads is self._last:
            return
        self._last = grads
        for name, grad in grads.items():
            if name not in self.moments:
                self.moments[name] = _Moments(grad, signed=self.signed)
            else:
                self.moments[name].add(grad)

    def terms(self) -> dict[str, float]:
        """The summand of every layer that counts, by the layer's name.

        Raises:
            ScoreFailed: Where a gradient is not finite.
        """
        if self._terms is None:
            found: list[float] = []
            if self.moments:
                sums = torch.stack([m.ratio_sum() for m in self.moments.values()])
                found = sums.log().tolist()
            self._terms = dict(zip(self.moments, found, strict=True))
            self.moments, self._last = {}, {}
        for name, value in self._terms.items():
            if math.isnan(value) or value == math.inf:
                raise ScoreFailed(f"the gradient of layer {name!r} is not finite")
        return {name: value for name, value in self._terms.items() if value != -math.inf}


class _Moments:
    """Running mean, squared deviation and mean magnitude of one layer's gradients (Welford).

    Deviations are squared after division by a power of two that the first gradient fixes, so that
    squares neither underflow nor overflow and the score is free of the loss's scale.
    """

    def __init__(self, grad: Tensor, *, signed: bool) -> None:
        grad = grad.to(torch.promote_types(grad.dtype, torch.float32))
        _, exponent = torch.frexp(torch.linalg.vector_norm(grad, float("inf")))
        self.scale = torch.ldexp(torch.ones_like(grad[(0,) * grad.dim()]), -exponent)
        self.magnitude = grad.abs() if signed else None
        self.mean = grad.clone() if signed else grad.abs()
        self.squares = torch.zeros_like(grad)
        self.n = 1

    def add(self, grad: Tensor) -> None:
        """Take in the gradient of one more batch."""
        value = grad.to(self.mean.dtype)
        self.n += 1
        if self.magnitude is None:
            value = value.abs()
        else:
            self.magnitude += value.abs()
        delta = value - self.mean
        self.mean.add_(delta, alpha=1 / self.n)
        delta.mul_(self.scale)
        self.squares.addcmul_(delta, delta, value=(self.n - 1) / self.n)

    def ratio_sum(self) -> Tensor:
        """Sum over weights of mean magnitude over deviation; weights without deviation give 0."""
        magnitude = self.mean * self.n if self.magnitude is None else self.magnitude
        still = self.squares == 0
        ratio = (magnitude / self.squares.sqrt_()).masked_fill_(still, 0.0)
        result: Tensor = ratio.sum(dtype=wide(ratio.device)) * (self.scale / self.n**0.5)
        return result
