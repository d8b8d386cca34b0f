"""Training checkpoints: one safetensors file, its header holding the rest as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from netwright.errors import UsageError
from netwright.training.stepper import Stepper

FORMAT = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint:
    """What a training needs to go on as if it had never stopped."""

    tensors: Mapping[str, torch.Tensor]
    """Weights, average and optimiser state, under ``module.``, ``average.``, ``optimizer.``."""
    facts: Mapping[str, Any]
    """Everything else, as JSON values."""


def write_checkpoint(path: Path, stepper: Stepper, facts: Mapping[str, Any]) -> None:
    """Write atomically: a reader sees the previous file or this one, never half of one.

    Args:
        path: The file; its folder is made.
        stepper: Whose tensors.
        facts: JSON values.
    """
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    header = {"netwright": json.dumps({"format": FORMAT, **facts})}
    partial = path.with_name(f"{path.name}.partial")
    save_file(_tensors(stepper), partial, metadata=header)
    partial.replace(path)


def read_checkpoint(path: Path) -> Checkpoint:
    """Read what ``write_checkpoint`` wrote.

    Raises:
        UsageError: The file is no checkpoint of this program.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {}).get("netwright", "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        reason = str(error).split("\n")[0][:120]
        raise UsageError(
            f"{path} cannot be read as a training checkpoint ({reason}); remove it to start anew."
        ) from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise UsageError(
            f"{path} is no training checkpoint of this version; remove it to start anew."
        )
    return Checkpoint(tensors=tensors, facts=facts)


def restore(stepper: Stepper, checkpoint: Checkpoint) -> None:
    """Copy a checkpoint's tensors into a network in training, in place and in its own layout."""
    tensors = checkpoint.tensors
    with torch.no_grad():
        for name, value in stepper.module.state_dict().items():
            value.copy_(tensors[f"module.{name}"])
        if stepper.average is not None:
            for name, value in stepper.average.tensors.items():
                value.copy_(tensors[f"average.{name}"])
    parameters = [p for group in stepper.optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            index, key = name.removeprefix("optimizer.").split(".", 1)
            like = parameters[int(index)]
            if value.shape == like.shape and value.ndim:
                value = torch.empty_like(like).copy_(value)
            state.setdefault(int(index), {})[key] = value
    groups = stepper.optimizer.state_dict()["param_groups"]
    stepper.optimizer.load_state_dict({"state": state, "param_groups": groups})


def _tensors(stepper: Stepper) -> dict[str, torch.Tensor]:
    found = {f"module.{n}": t for n, t in stepper.module.state_dict().items()}
    if stepper.average is not None:
        found |= {f"average.{n}": t for n, t in stepper.average.tensors.items()}
    for index, state in stepper.optimizer.state_dict()["state"].items():
        for key, value in state.items():
            if isinstance(value, torch.Tensor):
                found[f"optimizer.{index}.{key}"] = value
    flat = torch.contiguous_format  # cloned, as safetensors refuses tensors that share memory
    return {name: tensor.detach().clone(memory_format=flat) for name, tensor in found.items()}
