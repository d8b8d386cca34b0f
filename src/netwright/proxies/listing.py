"""The proxies there are, described without torch: what each needs, says and cites."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """A training-free score: where its function is and what it needs to run."""

    name: str
    function: str | Callable[..., float]
    """``(module, batches) -> float``, or where it is as ``"module:attribute"``."""
    summary: str
    citation: str = ""
    batches: int = 1
    """Fewest batches it takes; one is always needed, if only for the shape of its images."""
    data: bool = True
    """Whether the pixels matter; without, only their shape does."""
    labels: bool = False
    gradients: bool = False
    seeded: bool = False
    """Whether the function takes ``seed=``: it draws noise or weights of its own."""
    higher_is_better: bool = True
    control: bool = False
    """Whether it is a plain count that every other proxy has to beat."""

    def to_json(self) -> dict[str, Any]:
        """What ``netwright list proxies --json`` prints."""
        where = self.function if isinstance(self.function, str) else repr(self.function)
        return {**self.__dict__, "function": where}


ALL: tuple[Proxy, ...] = (
    Proxy(
        name="params",
        function="netwright.proxies.params:params",
        summary="Number of parameters.",
        data=False,
        control=True,
    ),
    Proxy(
        name="macs",
        function="netwright.proxies.macs:macs",
        summary="Multiply-adds of one image in convolutions and linear layers.",
        data=False,
        control=True,
    ),
    Proxy(
        name="sum_log_n",
        function="netwright.proxies.sum_log_n:sum_log_n",
        summary="Sum over live layers of the log of their weight counts.",
        data=False,
        control=True,
    ),
    Proxy(
        name="zico",
        function="netwright.proxies.zico:zico",
        summary="How far gradients agree across batches, summed in logs over layers.",
        citation="Li et al., ICLR 2023, arXiv 2301.11300",
        batches=2,
        labels=True,
        gradients=True,
    ),
    Proxy(
        name="naswot",
        function="netwright.proxies.naswot:naswot",
        summary="How well on/off codes of activations tell images apart.",
        citation="Mellor et al., ICML 2021, arXiv 2006.04647",
    ),
    Proxy(
        name="grad_norm",
        function="netwright.proxies.grad_norm:grad_norm",
        summary="Sum over layers of the norm of the loss's gradient.",
        citation="Abdelfattah et al., ICLR 2021, arXiv 2101.08134",
        labels=True,
        gradients=True,
    ),
    Proxy(
        name="grad_norm_zen",
        function="netwright.proxies.grad_norm:grad_norm_zen",
        summary="Norm of the whole gradient on noise, random labels and N(0, 1) weights.",
        citation="Lin et al., ICCV 2021, arXiv 2102.01063",
        data=False,
        gradients=True,
        seeded=True,
    ),
)
