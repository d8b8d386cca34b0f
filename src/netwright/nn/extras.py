"""Libraries that only some jobs need: imported when used, or one sentence with what to type."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from netwright.errors import UsageError

_CALLED = {"onnx": "ONNX", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}


def extra(module: str, *, install: str) -> Any:
    """An optional library.

    Args:
        module: What to import, such as ``onnxruntime.quantization``.
        install: The extra of netwright's that brings it, such as ``onnx``.

    Raises:
        UsageError: If it is not installed, with what to type.
    """
    try:
        return import_module(module)
    except ImportError as err:
        name = module.partition(".")[0]
        raise UsageError(
            f"{_CALLED.get(name, name)} is not installed: pip install 'netwright[{install}]'."
        ) from err
