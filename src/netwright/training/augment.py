"""Augmentation of a whole batch at once: flip, crop, RandAugment, erasing, mixup, CutMix.

Everything drawn is a function of the generator that is passed in, and is drawn on the CPU, so
that a step looks the same on every device and when it is run again.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn import functional

from netwright.training.recipe import Recipe

_GEOMETRIC = ("shear_x", "shear_y", "translate_x", "translate_y", "rotate")
_OPERATIONS = (
    "identity", *_GEOMETRIC, "brightness", "color", "contrast", "sharpness", "posterize",
    "solarize", "autocontrast", "equalize",
)  # fmt: skip


def augment(
    pixels: torch.Tensor, recipe: Recipe, *, resolution: int, generator: torch.Generator
) -> torch.Tensor:
    """Randomly changed images at the size the network sees, before normalisation.

    Args:
        pixels: (B, S, S, C), uint8, S >= resolution.
        recipe: What to change, and how much.
        resolution: R.
        generator: A CPU generator of this step's own.

    Returns:
        (B, R, R, C), uint8, or 0..255 in float32 where a resized crop has interpolated.
    """
    if recipe.randaugment:
        pixels = randaugment(pixels, recipe.randaugment, generator=generator)
    mirrored = torch.rand(len(pixels), generator=generator) < (0.5 if recipe.flip else 0.0)
    if recipe.crop_scale < 1.0:
        return resized_crop(
            pixels, mirrored, resolution=resolution, scale=recipe.crop_scale, generator=generator
        )
    return shifted_crop(
        pixels, mirrored, resolution=resolution, padding=recipe.crop_padding, generator=generator
    )


def shifted_crop(
    pixels: torch.Tensor,
    mirrored: torch.Tensor,
    *,
    resolution: int,
    padding: int,
    generator: torch.Generator,
) -> torch.Tensor:
    """Crops at random offsets of images whose edges are repeated ``padding`` pixels outwards.

    Args:
        pixels: (B, S, S, C), any type.
        mirrored: (B,), true where the image is to be mirrored.
        resolution: R.
        padding: In pixels.
        generator: A CPU generator.

    Returns:
        (B, R, R, C), of the same type.
    """
    count, stored = len(pixels), pixels.shape[1]
    if not padding and stored == resolution and not bool(mirrored.any()):
        return pixels
    span = stored - resolution + 2 * padding + 1
    offsets = torch.randint(span, (2, count, 1), generator=generator) - padding
    line = torch.arange(resolution)
    rows = (offsets[0] + line).clamp_(0, stored - 1)
    columns = (offsets[1] + torch.where(mirrored[:, None], line.flip(0), line)).clamp_(
        0, stored - 1
    )
    which = torch.arange(count)[:, None, None]
    rows, columns, which = (x.to(pixels.device) for x in (rows, columns, which))
    return pixels[which, rows[:, :, None], columns[:, None, :]]


def resized_crop(
    pixels: torch.Tensor,
    mirrored: torch.Tensor,
    *,
    resolution: int,
    scale: float,
    generator: torch.Generator,
) -> torch.Tensor:
    """Random resized crops (Szegedy et al., CVPR 2015), one bilinear sampling for the batch.

    Args:
        pixels: (B, S, S, C), uint8.
        mirrored: (B,), true where the image is to be mirrored.
        resolution: R.
        scale: The smallest share of the area that is kept; the aspect ratio lies in 3/4..4/3.
        generator: A CPU generator.

    Returns:
        (B, R, R, C), 0..255, float32.
    """
    draw = torch.rand(4, len(pixels), generator=generator)
    area = scale + (1.0 - scale) * draw[0]
    aspect = torch.exp((2.0 * draw[1] - 1.0) * math.log(4.0 / 3.0))
    width = (area * aspect).sqrt().clamp(max=1.0)
    height = (area / aspect).sqrt().clamp(max=1.0)
    x, y = (1.0 - width) * (2.0 * draw[2] - 1.0), (1.0 - height) * (2.0 * draw[3] - 1.0)
    zero = torch.zeros_like(x)
    sign = torch.where(mirrored, -1.0, 1.0)
    theta = torch.stack([sign * width, zero, x, zero, height, y], dim=1).view(-1, 2, 3)
    return _sample(pixels, theta.to(pixels.device), resolution=resolution, fill="border")


def randaugment(
    pixels: torch.Tensor, strength: int, *, generator: torch.Generator, layers: int = 2
) -> torch.Tensor:
    """RandAugment (Cubuk et al., NeurIPS 2020): two random operations an image, one strength.

    Images that drew the same operation and sign are changed together.  Magnitudes are those of
    torchvision's ``RandAugment``, of which strength 30 is the end.

    Args:
        pixels: (B, S, S, C), uint8.
        strength: 1 to 30.
        generator: A CPU generator.
        layers: Operations an image.

    Returns:
        (B, S, S, C), uint8.
    """
    images = pixels.permute(0, 3, 1, 2).clone(memory_format=torch.contiguous_format)
    for _ in range(layers):
        drawn = torch.randint(len(_OPERATIONS), (len(images),), generator=generator)
        sign = 2 * torch.randint(2, (len(images),), generator=generator) - 1
        groups = (drawn + 1) * sign
        for group in torch.unique(groups).tolist():
            members = torch.nonzero(groups == group)[:, 0].to(images.device)
            name = _OPERATIONS[abs(group) - 1]
            level = math.copysign(strength / 30.0, group)
            images[members] = _operate(images[members], name, level)
    return images.permute(0, 2, 3, 1)


def erase(images: torch.Tensor, probability: float, *, generator: torch.Generator) -> torch.Tensor:
    """Blank a rectangle (to the mean, 0) of some images (Zhong et al., AAAI 2020); in place.

    Args:
        images: (B, C, R, R), normalised.
        probability: Of each image.
        generator: A CPU generator.
    """
    count, side = len(images), images.shape[-1]
    draw = torch.rand(5, count, generator=generator)
    chosen = draw[0] < probability
    area = 0.02 + (1 / 3 - 0.02) * draw[1]
    aspect = torch.exp((2.0 * draw[2] - 1.0) * math.log(1 / 0.3))
    height = (side * (area * aspect).sqrt()).round().clamp(1, side) * chosen
    width = (side * (area / aspect).sqrt()).round().clamp(1, side)
    top = ((side - height + 1) * draw[3]).floor()
    left = ((side - width + 1) * draw[4]).floor()
    line = torch.arange(side)
    rows = (line >= top[:, None]) & (line < (top + height)[:, None])
    columns = (line >= left[:, None]) & (line < (left + width)[:, None])
    hole = (rows[:, :, None] & columns[:, None, :]).to(images.device)
    return images.masked_fill_(hole[:, None], 0.0)


def mix(
    images: torch.Tensor, targets: torch.Tensor, recipe: Recipe, *, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mixup (Zhang et al., ICLR 2018) or CutMix (Yun et al., ICCV 2019), one draw a batch.

    Args:
        images: (B, C, R, R), normalised.
        targets: (B, classes), probabilities.
        recipe: Whose ``mixup`` and ``cutmix`` are the alphas.
        rng: This step's own stream.

    Returns:
        Mixed images and targets.
    """
    cuts = recipe.cutmix > 0 and (recipe.mixup <= 0 or rng.random() < 0.5)
    alpha = recipe.cutmix if cuts else recipe.mixup
    keep = float(rng.beta(alpha, alpha))
    other = torch.from_numpy(rng.permutation(len(images))).to(images.device)
    if not cuts:
        mixed = images.lerp(images[other], 1.0 - keep)
        return mixed, targets.lerp(targets[other], 1.0 - keep)
    side = images.shape[-1]
    half = round(side * math.sqrt(1.0 - keep)) // 2
    x, y = rng.integers(side, size=2).tolist()
    rows = slice(max(0, y - half), min(side, y + half))
    columns = slice(max(0, x - half), min(side, x + half))
    mixed = images.clone()
    mixed[:, :, rows, columns] = images[other][:, :, rows, columns]
    share = (rows.stop - rows.start) * (columns.stop - columns.start) / side**2
    return mixed, targets.lerp(targets[other], share)


def _operate(images: torch.Tensor, name: str, level: float) -> torch.Tensor:
    """One RandAugment operation on (B, C, S, S) uint8; ``level`` lies in -1..1."""
    from torchvision.transforms.v2 import functional as change

    if name in _GEOMETRIC:
        return _warp(images, name, level)
    if name in ("brightness", "color", "contrast", "sharpness"):
        function = {
            "brightness": change.adjust_brightness,
            "color": change.adjust_saturation,
            "contrast": change.adjust_contrast,
            "sharpness": change.adjust_sharpness,
        }[name]
        result = function(images, 1.0 + 0.9 * level)
    elif name == "posterize":
        result = change.posterize(images, bits=8 - round(4 * abs(level)))
    elif name == "solarize":
        result = change.solarize(images, threshold=255.0 * (1.0 - abs(level)))
    elif name == "autocontrast":
        result = change.autocontrast(images)
    elif name == "equalize":
        result = change.equalize(images)
    else:
        result = images
    return torch.as_tensor(result)


def _warp(images: torch.Tensor, name: str, level: float) -> torch.Tensor:
    """Shear, shift or turn by an inverse map; what comes from outside is mid-grey."""
    angle = math.radians(30.0 * level)
    theta = {
        "shear_x": [1.0, 0.3 * level, 0.0, 0.0, 1.0, 0.0],
        "shear_y": [1.0, 0.0, 0.0, 0.3 * level, 1.0, 0.0],
        "translate_x": [1.0, 0.0, 0.9 * level, 0.0, 1.0, 0.0],
        "translate_y": [1.0, 0.0, 0.0, 0.0, 1.0, 0.9 * level],
        "rotate": [
            math.cos(angle), math.sin(angle), 0.0, -math.sin(angle), math.cos(angle), 0.0,
        ],
    }[name]  # fmt: skip
    matrix = torch.tensor(theta, device=images.device).view(1, 2, 3).expand(len(images), 2, 3)
    pixels = images.permute(0, 2, 3, 1)
    turned = _sample(pixels, matrix, resolution=images.shape[-1], fill="grey")
    return turned.round_().clamp_(0, 255).to(torch.uint8).permute(0, 3, 1, 2)


def _sample(
    pixels: torch.Tensor, theta: torch.Tensor, *, resolution: int, fill: str
) -> torch.Tensor:
    """Bilinear samples (B, R, R, C) of (B, S, S, C) under affine maps (B, 2, 3)."""
    count, channels = len(pixels), pixels.shape[-1]
    grid = functional.affine_grid(
        theta.to(torch.float32), [count, channels, resolution, resolution], align_corners=False
    )
    images = pixels.permute(0, 3, 1, 2).to(torch.float32)
    if fill == "border":
        sampled = functional.grid_sample(
            images, grid, mode="bilinear", padding_mode="border", align_corners=False
        )
    else:
        sampled = 128.0 + functional.grid_sample(
            images - 128.0, grid, mode="bilinear", padding_mode="zeros", align_corners=False
        )
    return sampled.permute(0, 2, 3, 1)
