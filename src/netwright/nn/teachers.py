"""Teachers: networks that were trained on the same classes, for others to learn from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netwright.errors import UsageError
from netwright.nn.ancestors import ancestor
from netwright.nn.build import build
from netwright.nn.models import from_timm
from netwright.nn.weights import load_weights

if TYPE_CHECKING:
    from torch import nn


def load_teacher(
    name: str, *, shape: tuple[int, int, int], classes: Sequence[str], device: str
) -> nn.Module:
    """The trained network of a run or training.

    Args:
        name: The folder of a finished search or training; of ``netwright train DATA timm:NAME``
            too.
        shape: (C, R, R): one image, as it will see them.
        classes: That its answers must be about, in this order.
        device: Where it goes.

    Raises:
        UsageError: If it is no such folder, or was trained on other classes or images.
    """
    folder = Path(name)
    weights = folder / "weights.safetensors"
    if not weights.is_file():
        raise UsageError(
            f"{name} holds no trained network to learn from. Train one on the same images first, "
            "as with `netwright train DATA timm:resnet18 --out teacher`, and give its folder."
        )
    called = _timm_name(folder)
    if called is not None:
        module = from_timm(called, shape=shape, classes=len(classes), seed=0, device=device)
        known = json.loads(load_weights(module, weights).get("classes", "null"))
    else:
        source = ancestor(name)
        if source.arch.input_shape[0] != shape[0]:
            raise UsageError(
                f"The teacher {name} takes images of {source.arch.input_shape[0]} channels; these "
                f"have {shape[0]}."
            )
        known = source.classes
        module = build(source.arch, seed=0, device=device)
        module.load_state_dict(source.state)
    if known is None or tuple(known) != tuple(classes):
        raise UsageError(
            f"The teacher {name} was trained on other classes; give one that was trained on these "
            "images."
        )
    return module


def _timm_name(folder: Path) -> str | None:
    """What timm calls the network of a training; None where it is one of ours."""
    result = folder / "result.json"
    if (folder / "best.json").is_file() or not result.is_file():
        return None
    name = str(json.loads(result.read_text(encoding="utf-8")).get("arch", ""))
    return name.removeprefix("timm:") if name.startswith("timm:") else None
