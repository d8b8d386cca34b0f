"""``openvino``: OpenVINO's pair of files, read from the ONNX model and run on the CPU."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from netwright.exporters.check import Run, agree
from netwright.exporters.exported import Exported
from netwright.exporters.features import Features
from netwright.exporters.network import Network
from netwright.exporters.onnx import export_onnx
from netwright.nn.extras import extra


def export_openvino(network: Network, path: Path, *, features: Features | None = None) -> Exported:
    """Write ``.xml`` and ``.bin``, and run them in OpenVINO beside torch.

    The ONNX model is read by OpenVINO's own reader; its converter, which reports its use over the
    net, is not called.  Weights stay float32.

    Args:
        network: What to export.
        path: The ``.xml`` file; the weights go beside it.
        features: Feature maps to give in place of logits.

    Raises:
        UsageError: If OpenVINO, ONNX or ONNX Runtime is not installed.
        ExportError: If its outputs are not torch's; no file is left.
    """
    openvino = extra("openvino", install="openvino")
    core = openvino.Core()
    with tempfile.TemporaryDirectory() as folder:
        between = Path(folder) / "network.onnx"
        export_onnx(network, between, features=features)
        model = core.read_model(str(between))
        for key, value in network.about().items():
            model.set_rt_info(value, ["netwright", key])
        module = features or network.module
        gap = agree(_run(core, model), module, network.arch, what="OpenVINO")
        openvino.save_model(model, str(Path(folder) / path.name), compress_to_fp16=False)
        weights = path.with_suffix(".bin")
        for target in (weights, path):  # the weights first: who sees the graph finds them
            _move(Path(folder) / target.name, target)
    return Exported.of(
        "openvino", path, weights, gap=gap, facts={"openvino": openvino.__version__}
    )


def _move(made: Path, target: Path) -> None:
    draft = target.with_name(f".part-{target.name}")
    draft.write_bytes(made.read_bytes())
    draft.replace(target)


def _run(core: Any, model: Any) -> Run:
    """Compiled for the CPU in float32, with one thread."""
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    compiled = core.compile_model(model, "CPU", settings)

    def run(images: Tensor) -> list[Tensor]:
        found = compiled(images.contiguous().numpy())
        return [torch.from_numpy(found[k].copy()) for k in range(len(compiled.outputs))]

    return run
