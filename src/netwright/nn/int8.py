"""Static quantisation: an ONNX model in float32 becomes one in int8, by ONNX Runtime's tools."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from netwright.nn.extras import extra
from netwright.nn.onnx import IMAGES


def quantise(source: Path, path: Path, images: Sequence[npt.NDArray[np.float32]]) -> None:
    """Static quantisation by ONNX Runtime: uint8 activations, int8 weights per channel.

    Args:
        source: A float32 model whose input is ``images``.
        path: Where the int8 model goes.
        images: Batches (B, C, H, W) to see the ranges on.

    Raises:
        UsageError: If ONNX Runtime is not installed.
    """
    tools = extra("onnxruntime.quantization", install="onnx")
    shapes = extra("onnxruntime.quantization.shape_inference", install="onnx")

    class Reader(tools.CalibrationDataReader):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            self.left: Iterator[npt.NDArray[np.float32]] = iter(images)

        def get_next(self) -> dict[str, Any] | None:
            found = next(self.left, None)
            return None if found is None else {IMAGES: np.ascontiguousarray(found)}

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it advises, through the root logger, what is done here
    try:
        with tempfile.TemporaryDirectory() as folder:
            folded, draft = Path(folder) / "folded.onnx", Path(folder) / "int8.onnx"
            shapes.quant_pre_process(str(source), str(folded), skip_symbolic_shape=True)
            tools.quantize_static(
                str(folded),
                str(draft),
                Reader(),
                quant_format=tools.QuantFormat.QDQ,
                per_channel=True,
                reduce_range=True,
                activation_type=tools.QuantType.QUInt8,
                weight_type=tools.QuantType.QInt8,
            )
            path.write_bytes(draft.read_bytes())
    finally:
        root.setLevel(level)
