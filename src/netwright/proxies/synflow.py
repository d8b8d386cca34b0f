"""SynFlow: the flow through all paths of a network, read without data (Tanaka et al., 2020)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from netwright.proxies.borrow import Batch, borrowed, image_shape, output, require_layers, total
from netwright.proxies.borrow import wide as widest
from netwright.proxies.failure import ScoreFailed

_NORMS = (
    "batch_norm instance_norm layer_norm group_norm rms_norm local_response_norm native_batch_norm"
)
_ACTIVATIONS = (
    "relu relu_ relu6 hardtanh hardtanh_ leaky_relu leaky_relu_ elu elu_ celu celu_ selu selu_ "
    "silu gelu hardswish mish prelu rrelu rrelu_ softplus threshold threshold_ "
    "clamp clamp_ clip clip_ clamp_min clamp_min_ clamp_max clamp_max_"
)
_GATES = "sigmoid sigmoid_ hardsigmoid softmax"


def _spelled(names: str) -> frozenset[object]:
    """The functions and methods of these names."""
    homes = (F, torch, Tensor)
    return frozenset(getattr(home, n) for n in names.split() for home in homes if hasattr(home, n))


_BYPASSED, _CONSTANT = _spelled(f"{_NORMS} {_ACTIVATIONS}"), _spelled(_GATES)


class _Linear(TorchFunctionMode):
    """Normalisation and activations hand their input through, and gates are constants."""

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> object:
        if func in _BYPASSED:
            return args[0] if args else (kwargs or {})["input"]
        if func is F.scaled_dot_product_attention and len(args) >= 3:
            query, key, *rest = args
            args = (_zeros(query), _zeros(key), *rest)
        result = func(*args, **(kwargs or {}))
        return result.detach() if func in _CONSTANT and isinstance(result, Tensor) else result


def _zeros(tensor: object) -> object:
    return torch.zeros_like(tensor) if isinstance(tensor, Tensor) else tensor


def synflow(module: nn.Module, batches: Sequence[Batch]) -> float:
    """Log of the sum over weights of ``|w * dR/dw|``, for R the summed output of an image of ones.

    Every parameter is taken by magnitude, normalisation is bypassed, and so are activations and
    clipping (ReLU, ReLU6, SiLU, clamp, ...), so that what is left is linear in every path and
    nothing saturates.  Gates (sigmoid, hard sigmoid, softmax) are constants: under such inputs
    they are fully open, so squeeze-and-excitation neither amplifies nor counts, and attention
    is uniform.  A gate written with a clipped ReLU cannot be told from one and is linear.
    Computed in float64.

    Tanaka et al., "Pruning neural networks without any data by iteratively conserving synaptic
    flow", NeurIPS 2020, arXiv 2006.05467; as a score: Abdelfattah et al., ICLR 2021,
    arXiv 2101.08134, where the sum is reported without its log.

    Args:
        module: Any network; only the magnitudes of its parameters are read.
        batches: Only the shape of the first images (B, C, H, W) is read.

    Raises:
        ScoreFailed: Where the flow is zero or beyond float64, or there is no layer.
    """
    shape = image_shape(batches)
    parameters = dict(module.named_parameters())
    tensors = {**parameters, **dict(module.named_buffers())}
    floats = {name: t for name, t in tensors.items() if t.is_floating_point()}
    device = next(iter(floats.values()), batches[0][0]).device
    dtype = widest(device)
    replace = {
        name: t.detach().to(dtype).abs() if name in parameters else t.to(dtype)
        for name, t in floats.items()
    }
    with borrowed(module, batch_statistics=False, replace=replace) as view:
        layers = require_layers(view)
        with _Linear():
            flow = output(view, torch.ones((1, *shape), device=device, dtype=dtype)).sum()
        grads = torch.autograd.grad(flow, list(layers.values()), allow_unused=True)
        pairs = zip(layers.values(), grads, strict=True)
        score = total((w.detach() * g).abs().sum() for w, g in pairs if g is not None)
    if not math.isfinite(score):
        raise ScoreFailed("the flow is beyond the range of the floating type")
    if score <= 0:
        raise ScoreFailed("no path leads from the image to the output")
    return math.log(score)
