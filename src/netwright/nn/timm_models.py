"""Models of timm by name: made, and counted on the meta device."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from netwright.errors import UnknownNameError, UsageError


def timm_model(
    name: str, *, resolution: int | None = None, classes: int | None = None, channels: int = 3
) -> tuple[nn.Module, int]:
    """A timm model with fresh weights, and the side of the images it is for.

    Weights are drawn from torch's global generator; wrap the call in ``seeded`` to fix them.

    Args:
        name: Without the prefix ``timm:``.
        resolution: Side of the images in pixels; the model's own where None.
        classes: Length of the logits; the model's own where None.
        channels: Of the images.

    Raises:
        UnknownNameError: With the nearest name that timm knows.
        UsageError: If timm cannot make it so.
    """
    import timm

    if not timm.is_model(name):
        raise UnknownNameError("timm model", name, timm.list_models())
    options: dict[str, Any] = {"in_chans": channels}
    if classes is not None:
        options["num_classes"] = classes
    try:
        model: Any = timm.create_model(name, pretrained=False, **options)
        native = int(model.pretrained_cfg.get("input_size", (3, 224, 224))[-1])
        if resolution not in (None, native) and hasattr(model, "patch_embed"):
            model = timm.create_model(name, pretrained=False, img_size=resolution, **options)
    except (RuntimeError, TypeError, ValueError, AssertionError) as err:
        raise UsageError(f"timm cannot make {name!r} like this: {err}") from err
    return model, resolution or native


def cost_of_timm(
    name: str, *, resolution: int | None = None, classes: int | None = None
) -> tuple[int, int, int]:
    """Parameters, MACs by torch's own counter, and the side of the images in pixels.

    Raises:
        UnknownNameError: With the nearest name that timm knows.
        UsageError: If the model does not take images of that size.
    """
    with torch.device("meta"):
        model, size = timm_model(name, resolution=resolution, classes=classes)
        image = torch.zeros(1, 3, size, size)
    counter = FlopCounterMode(display=False)
    try:
        with counter, torch.no_grad():
            model.eval()(image)
    except (RuntimeError, AssertionError) as err:
        raise UsageError(f"timm:{name} does not take {size} px images: {err}") from err
    params = sum(p.numel() for p in model.parameters())
    return params, counter.get_total_flops() // 2, size
