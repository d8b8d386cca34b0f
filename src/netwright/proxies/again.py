"""Derivatives of derivatives: which networks torch can differentiate twice, and a way for others.

Where every derivative on the way to a loss has one formula, whether or not it will itself be
differentiated, one backward pass serves those who want gradients and those who go on from them.
Some (SiLU's) have a second formula for that case, which rounds otherwise; some (Hardsigmoid's)
have none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from torch import Tensor
from torch.autograd.graph import Node
from torch.nn import functional as F  # noqa: N812 (torch's own spelling)
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

from netwright.proxies.structure import ordered

Formulas = Literal["one", "two", "unknown"]

_ONE = frozenset(
    "AdaptiveAvgPool2DBackward0 AddBackward0 AddmmBackward0 AliasBackward0 AvgPool2DBackward0 "
    "CatBackward0 CloneBackward0 ConstantPadNdBackward0 ConvolutionBackward0 DivBackward0 "
    "ExpandBackward0 HardtanhBackward0 LogSoftmaxBackward0 MaxPool2DWithIndicesBackward0 "
    "MeanBackward0 MeanBackward1 MmBackward0 MulBackward0 NativeBatchNormBackward0 "
    "NllLossBackward0 PermuteBackward0 ReluBackward0 SelectBackward0 SigmoidBackward0 "
    "SliceBackward0 SqueezeBackward1 SubBackward0 TBackward0 ToCopyBackward0 TransposeBackward0 "
    "UnsafeViewBackward0 UnsqueezeBackward0 ViewBackward0 torch::autograd::AccumulateGrad".split()
)
_TWO = frozenset("GeluBackward0 HardswishBackward0 MishBackward0 SiluBackward0".split())


def formulas(root: Node | None) -> Formulas:
    """How the derivatives below a node are written: as one formula, as two, or who knows.

    Args:
        root: What made a scalar, in autograd's graph.
    """
    names = {node.name() for node in ordered(root)}
    if names <= _ONE:
        return "one"
    return "two" if names <= _ONE | _TWO else "unknown"


@contextmanager
def rewritten() -> Iterator[None]:
    """Inside, calls whose derivative torch cannot differentiate are written so that it can."""
    with sdpa_kernel(SDPBackend.MATH), _Twice():
        yield


class _Twice(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        if func is F.hardsigmoid and isinstance(args[0], Tensor):
            return (args[0] / 6 + 0.5).clamp(0, 1)
        return func(*args, **(kwargs or {}))
