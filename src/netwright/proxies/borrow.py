"""Borrowing a network: a private view to run and differentiate, which leaves no trace on it.

The forward pass runs through ``torch.func.functional_call`` on leaves that share the parameters'
memory and on copies of the buffers, so gradients, ``requires_grad`` flags, running statistics and
parameters of the network itself are never written.  Only the train/eval flags are, and they are
put back.

Inside, dropout and stochastic depth are off, and normalisation layers use the statistics of the
batch: a score is a property of the architecture, so it depends neither on dropped units nor on
what a frozen flag says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F  # noqa: N812 (torch's own spelling)
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from netwright.errors import UsageError
from netwright.proxies.failure import ScoreFailed

Batch = tuple[Tensor, Tensor]
"""Images (B, C, H, W) and labels (B,)."""

Hook = Callable[[nn.Module, tuple[object, ...], object], object]


@dataclass(frozen=True, kw_only=True)
class View:
    """A network with private tensors in place of its own."""

    module: nn.Module
    tensors: dict[str, Tensor]
    """Every parameter, as a leaf that asks for a gradient, and a copy of every buffer."""
    layers: dict[str, Tensor]
    """The weight of every convolution and linear layer by the layer's name, shared ones once."""


@contextmanager
def borrowed(
    module: nn.Module,
    *,
    batch_statistics: bool = True,
    settle: bool = False,
    replace: Mapping[str, Tensor] | None = None,
) -> Iterator[View]:
    """A view of the network for the length of the block; the network comes back as it was.

    Args:
        module: Any network; its train/eval flags are changed inside and restored after.
        batch_statistics: Normalise by the batch's own statistics, else by the stored ones.
        settle: Whether the view's running statistics become those of the last batch alone.
        replace: Values to use instead of the parameters and buffers of these names.
    """
    flags = [(sub, sub.training) for sub in module.modules()]
    norms = [(sub, sub.momentum) for sub, _ in flags if settle and isinstance(sub, _NormBase)]
    try:
        for sub, _ in flags:
            sub.training = batch_statistics and isinstance(sub, _NormBase)
        for norm, _ in norms:
            norm.momentum = 1.0
        with torch.inference_mode(mode=False), torch.enable_grad():
            yield _view(module, replace or {})
    finally:
        for sub, training in flags:
            sub.training = training
        for norm, momentum in norms:
            norm.momentum = momentum


def _view(module: nn.Module, replace: Mapping[str, Tensor]) -> View:
    tensors: dict[str, Tensor] = {}
    leaf_of: dict[int, Tensor] = {}
    for name, parameter in module.named_parameters():
        leaf = _usable(replace.get(name, parameter))
        if leaf.is_floating_point():
            leaf.requires_grad_()
        tensors[name] = leaf_of[id(parameter)] = leaf
    for name, buffer in module.named_buffers():
        tensors[name] = replace.get(name, buffer).detach().clone()
    layers: dict[str, Tensor] = {}
    for name, sub in module.named_modules():
        if isinstance(sub, _ConvNd | nn.Linear) and id(sub.weight) in leaf_of:
            layers[name] = leaf_of.pop(id(sub.weight))
    return View(module=module, tensors=tensors, layers=layers)


def buffers(view: View) -> dict[str, Tensor]:
    """Copies of a view's buffers by name."""
    return {name: view.tensors[name].clone() for name, _ in view.module.named_buffers()}


def _usable(tensor: Tensor) -> Tensor:
    """The same values without history; copied if they were made in inference mode."""
    return tensor.clone() if tensor.is_inference() else tensor.detach()


def placed(view: View, images: Tensor) -> Tensor:
    """A copy of the images (B, C, H, W) in the network's place and dtype, memory format kept."""
    like = next((t for t in view.tensors.values() if t.is_floating_point()), images)
    return images.detach().to(device=like.device, dtype=like.dtype, copy=True)


def run(view: View, images: Tensor) -> object:
    """Whatever the network returns for these images, cast to its device and dtype.

    Args:
        view: What ``borrowed`` gave.
        images: (B, C, H, W); they are not written, should the network's first call do so.

    Raises:
        ScoreFailed: Where batch statistics need more than one value per channel.
    """
    inputs = images.clone() if images.requires_grad else placed(view, images)
    try:
        result: object = functional_call(view.module, view.tensors, (inputs,))
    except ValueError as err:
        if "more than 1 value per channel" not in str(err):
            raise
        raise ScoreFailed(
            "batch statistics of a 1x1 feature map need more than one image; use a larger batch"
        ) from err
    return result


def output(view: View, images: Tensor) -> Tensor:
    """The first tensor that the network returns; arguments and failures as for ``run``.

    Raises:
        UsageError: Where it returns something without a tensor in first place.
    """
    result = run(view, images)
    while isinstance(result, tuple | list) and result:
        result = result[0]
    if not isinstance(result, Tensor):
        raise UsageError(
            f"The network returned {type(result).__name__}, expected a tensor (B, classes); "
            "wrap it in a module whose forward returns the logits."
        )
    return result


def as_logits(result: Tensor, images: Tensor) -> Tensor:
    """What the network returned for these images, if it is (B, classes).

    Raises:
        UsageError: Where the output has another shape.
    """
    if result.dim() != 2 or result.shape[0] != images.shape[0]:
        raise UsageError(
            f"The network returned shape {tuple(result.shape)} for {images.shape[0]} images, "
            "expected (B, classes); wrap it in a module whose forward returns the logits."
        )
    return result


def logits(view: View, images: Tensor) -> Tensor:
    """The network's output as logits (B, classes).

    Raises:
        UsageError: Where the output has another shape.
    """
    return as_logits(output(view, images), images)


def cross_entropy(scores: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of logits (B, classes), a scalar in nats, at least in single precision.

    Raises:
        UsageError: Where a label is no class of the network.
    """
    labels = labels.to(device=scores.device, dtype=torch.long)
    if labels.numel() and not 0 <= int(labels.min()) <= int(labels.max()) < scores.shape[1]:
        raise UsageError(
            f"Labels run from {int(labels.min())} to {int(labels.max())} but the network has "
            f"{scores.shape[1]} outputs; build it with as many classes as the data has."
        )
    return F.cross_entropy(scores.to(torch.promote_types(scores.dtype, torch.float32)), labels)


def loss(view: View, batch: Batch) -> Tensor:
    """Mean cross-entropy of a batch, a scalar in nats, at least in single precision.

    Raises:
        UsageError: Where a label is no class of the network.
    """
    images, labels = batch
    return cross_entropy(logits(view, images), labels)


def to_weights(
    view: View, value: Tensor, *, keep: bool = False, again: bool = False
) -> dict[str, Tensor]:
    """Gradients of a scalar by layer name; layers that get none are left out.

    Args:
        view: What ``borrowed`` gave.
        value: A scalar made by the view's network.
        keep: Whether another backward pass will go through the same graph.
        again: Whether the gradients can be differentiated in turn.

    Raises:
        ScoreFailed: Where the network has no convolution or linear layer.
    """
    weights = require_layers(view)
    if not value.requires_grad:
        return {}
    leaves = list(weights.values())
    grads = torch.autograd.grad(
        value, leaves, allow_unused=True, retain_graph=keep or again, create_graph=again
    )
    return {name: g for name, g in zip(weights, grads, strict=True) if g is not None}


def require_layers(view: View) -> dict[str, Tensor]:
    """The view's layers, of which there must be one.

    Raises:
        ScoreFailed: Where there is none.
    """
    if not view.layers:
        raise ScoreFailed("the network has no convolution or linear layer")
    return view.layers


def require_batches(batches: Sequence[Batch], n: int, proxy: str) -> None:
    """Refuse fewer batches than a proxy needs.

    Raises:
        UsageError: With fewer than ``n`` batches.
    """
    if len(batches) < n:
        raise UsageError(
            f"{proxy} needs {n} {'batch' if n == 1 else 'batches'} of (images, labels), "
            f"got {len(batches)}; pass at least {n}."
        )


def image_shape(batches: Sequence[Batch]) -> tuple[int, int, int]:
    """Channels, height and width of one image.

    Raises:
        UsageError: Where there is no batch, or its images are not (B, C, H, W).
    """
    if not batches or batches[0][0].dim() != 4:
        came = tuple(batches[0][0].shape) if batches else "no batch"
        raise UsageError(f"Got {came}, expected batches whose images have shape (B, C, H, W).")
    _, channels, height, width = batches[0][0].shape
    return channels, height, width


def wide(device: torch.device) -> torch.dtype:
    """The widest floating type of a device: float64, or float32 on MPS, which has no other."""
    return torch.float32 if device.type == "mps" else torch.float64


def total(terms: Iterable[Tensor]) -> float:
    """The sum of scalars on one device, fetched with a single synchronisation."""
    scalars = [term.to(wide(term.device)) for term in terms]
    return float(torch.stack(scalars).sum()) if scalars else 0.0


def norm(tensor: Tensor) -> Tensor:
    """The L2 norm of a tensor's entries, at least in single precision."""
    dtype = torch.promote_types(tensor.dtype, torch.float32)
    result: Tensor = torch.linalg.vector_norm(tensor, dtype=dtype)
    return result


@contextmanager
def listening(modules: Iterable[nn.Module], hook: Hook) -> Iterator[None]:
    """Call ``hook(module, inputs, output)`` after each forward pass of these modules.

    A result of the hook other than None takes the output's place.
    """
    handles = [module.register_forward_hook(hook) for module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
