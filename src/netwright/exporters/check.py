"""Whether what was exported gives torch's outputs, on batches of several sizes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from netwright.arch.graph import Architecture
from netwright.errors import ExportError
from netwright.rng import derive

BATCHES = (1, 2, 5)
TOLERANCE = 1e-4  # of the largest output; float32 leaves some 1e-6

Run = Callable[[Tensor], Sequence[Tensor]]


def probe(arch: Architecture, batch: int, *, seed: int = 0) -> Tensor:
    """Normal noise (batch, C, H, W), as normalised images are."""
    generator = torch.Generator("cpu").manual_seed(derive(seed, "export probe", batch))
    return torch.randn(batch, *arch.input_shape, generator=generator)


def outputs(module: nn.Module) -> Run:
    """A module as a function from images to a row of outputs, without gradients."""

    def run(images: Tensor) -> Sequence[Tensor]:
        with torch.no_grad():
            found = module(images)
        return [found] if isinstance(found, Tensor) else list(found)

    return run


def difference(came: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    """The largest difference of any output, relative to the largest value of that output.

    Raises:
        ExportError: If numbers or shapes of the outputs differ.
    """
    shapes, wanted = [tuple(t.shape) for t in came], [tuple(t.shape) for t in expected]
    if shapes != wanted:
        raise ExportError(f"The exported network gives outputs {shapes}; torch gives {wanted}.")
    largest = 0.0
    for ours, theirs in zip(came, expected, strict=True):
        scale = max(theirs.abs().max().item(), torch.finfo(torch.float32).tiny)
        gap = (ours - theirs).abs().max().item() / scale
        largest = gap if math.isnan(gap) else max(largest, gap)
    return largest


def agree(run: Run, module: nn.Module, arch: Architecture, *, what: str) -> float:
    """Compare an exported network with torch on batches of 1, 2 and 5 images.

    Args:
        run: The exported network: images to outputs.
        module: The network in torch.
        arch: Says what an image is.
        what: The format, for the error.

    Returns:
        The largest difference relative to the largest output.

    Raises:
        ExportError: If it is above 1e-4, or no number.
    """
    expected, largest = outputs(module), 0.0
    for batch in BATCHES:
        images = probe(arch, batch)
        gap = difference(run(images), expected(images))
        if not gap <= TOLERANCE:
            raise ExportError(
                f"The {what} export of {arch.name or arch.id} differs from torch by {gap:.2g} of "
                f"its largest output on a batch of {batch}; at most {TOLERANCE:g} is accepted. "
                "Use another format, and report it with the architecture file."
            )
        largest = max(largest, gap)
    return largest


def liven(module: nn.Module, *, seed: int) -> None:
    """Give a fresh network norm statistics that are not 0 and 1, so that a check sees them.

    Args:
        module: Changed in place.
        seed: Of the numbers.
    """
    for name, layer in module.named_modules():
        if not isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d):
            continue
        generator = torch.Generator("cpu").manual_seed(derive(seed, "liven", name))
        ranges = {"running_mean": (-0.2, 0.2), "running_var": (0.7, 1.4), "weight": (0.8, 1.2)}
        for key, (low, high) in {**ranges, "bias": (-0.1, 0.1)}.items():
            if (tensor := getattr(layer, key)) is not None:
                fresh = torch.empty(tensor.shape).uniform_(low, high, generator=generator)
                tensor.data.copy_(fresh)
