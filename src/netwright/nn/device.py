"""Devices by name, checked before anything is put on them."""

from __future__ import annotations

import torch

from netwright.errors import UsageError


def require_device(name: str) -> None:
    """See that torch can compute on a device here.

    Args:
        name: ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.

    Raises:
        UsageError: If there is no such device on this machine.
    """
    kind, _, number = name.partition(":")
    if kind == "cpu" and not number:
        return
    if kind == "cuda" and (number.isdecimal() or not number):
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if int(number or 0) < count:
            return
        seen = f"{count} CUDA device{'s' if count != 1 else ''}" if count else "no CUDA device"
        raise UsageError(
            f"torch sees {seen} on this machine, so there is no {name!r}; use --device cpu, or "
            "install a CUDA build of torch and the driver."
        )
    if kind == "mps" and not number:
        if torch.backends.mps.is_available():
            return
        raise UsageError("torch sees no Apple GPU on this machine; use --device cpu.")
    raise UsageError(
        f"No device is called {name!r}; there are cpu, cuda (or cuda:1, ...) and mps."
    )
