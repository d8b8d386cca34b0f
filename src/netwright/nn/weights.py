"""Weights on disk: safetensors in and out, checked against the network they are for."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from netwright.errors import UsageError


def save_weights(module: nn.Module, path: Path, *, about: dict[str, str] | None = None) -> None:
    """Write parameters and buffers; a reader never sees half a file.

    Args:
        module: Any network.
        path: A ``.safetensors`` file.
        about: Short facts to keep with them, such as the architecture's id.
    """
    tensors = {
        name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()
    }
    draft = path.with_name(f".{path.name}.part")
    save_file(tensors, draft, metadata={"format": "pt", **(about or {})})
    draft.replace(path)


def load_weights(module: nn.Module, path: Path) -> dict[str, str]:
    """Load what ``save_weights`` wrote into a network of the same tensors.

    Args:
        module: Changed in place; it keeps its device and dtype.
        path: A ``.safetensors`` file.

    Returns:
        The facts that were kept with the weights.

    Raises:
        UsageError: If the file is missing or no safetensors, or its tensors are another network's.
    """
    if not path.is_file():
        raise UsageError(f"There are no weights at {path}; expected a .safetensors file.")
    try:
        with safe_open(path, framework="pt") as file:
            state: dict[str, torch.Tensor] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no iteration of its own)
            about: dict[str, str] = file.metadata() or {}
    except SafetensorError as err:
        raise UsageError(f"{path} is not a safetensors file: {err}.") from err
    expected = module.state_dict()
    missing = sorted(set(expected) - set(state)) or sorted(set(state) - set(expected))
    wrong = [n for n, t in expected.items() if n in state and state[n].shape != t.shape]
    if missing or wrong:
        name = (missing or wrong)[0]
        raise UsageError(
            f"{path} holds the weights of another network: {name!r} is "
            f"{'not in both' if missing else 'of another shape'}."
        )
    module.load_state_dict(state)
    return about
