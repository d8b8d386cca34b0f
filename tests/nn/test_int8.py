"""Quantised models: whole numbers inside, near the original, nothing logged."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

import netwright as nw
from netwright.nn.build import build
from netwright.nn.onnx import IMAGES, onnx_model
from netwright.rng import stream

onnx = pytest.importorskip("onnx", reason="pip install 'netwright[onnx]'")
ort = pytest.importorskip("onnxruntime", reason="pip install 'netwright[onnx]'")


def test_weights_become_whole_numbers_and_outputs_stay_near(tmp_path: Path) -> None:
    from netwright.nn.int8 import quantise

    space = nw.space("mobile", classes=3, resolution=16)
    arch = space.decode(space.canonical(tuple(0 for _ in space.choices)))
    before, after = tmp_path / "float32.onnx", tmp_path / "int8.onnx"
    before.write_bytes(onnx_model(arch, build(arch, seed=0).state_dict()).SerializeToString())
    rng = stream(0, "images")
    images = [rng.standard_normal((2, *arch.input_shape)).astype(np.float32) for _ in range(3)]
    level = logging.getLogger().level
    quantise(before, after, images)
    assert logging.getLogger().level == level
    kinds = [w.data_type for w in onnx.load(after).graph.initializer if len(w.dims) == 4]
    assert kinds and set(kinds) == {onnx.TensorProto.INT8}
    said = [
        ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(
            None, {IMAGES: images[0]}
        )[0]
        for path in (before, after)
    ]
    gap = np.linalg.norm(said[1] - said[0]) / np.linalg.norm(said[0])
    assert 0 < gap < 0.5
