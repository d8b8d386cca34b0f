"""``onnx``: one file for ONNX Runtime and everything that reads ONNX; the batch is free."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from netwright.exporters.check import Run, agree
from netwright.exporters.exported import Exported, write_whole
from netwright.exporters.features import Features
from netwright.exporters.network import Network
from netwright.nn.onnx import OPSET, onnx_model, onnx_session


def export_onnx(network: Network, path: Path, *, features: Features | None = None) -> Exported:
    """Write the network as ONNX, and run it in ONNX Runtime beside torch.

    Args:
        network: What to export.
        path: A ``.onnx`` file.
        features: Feature maps to give in place of logits, called ``stride_8`` and the like.

    Raises:
        UsageError: If ONNX or ONNX Runtime is not installed.
        ExportError: If its outputs are not torch's; no file is left.
    """
    ends = {v.node: f"stride_{v.stride}" for v in features.levels} if features else None
    model = onnx_model(network.arch, network.state, ends=ends, about=network.about())
    content: bytes = model.SerializeToString()
    module = features or network.module
    gap = agree(onnx_run(content), module, network.arch, what="ONNX")
    write_whole(path, lambda draft: _write(draft, content))
    return Exported.of("onnx", path, gap=gap, facts={"opset": OPSET})


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def onnx_run(model: Path | bytes, *, threads: int = 1) -> Run:
    """A model in ONNX Runtime as a function from images to outputs, both torch's tensors."""
    session = onnx_session(model, threads=threads)

    def run(images: Tensor) -> list[Tensor]:
        return [torch.from_numpy(found) for found in session(images.contiguous().numpy())]

    return run
