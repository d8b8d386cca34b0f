"""OpenVINO files, read again by OpenVINO."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporters.networks import network
from netwright.exporters.openvino import export_openvino

openvino = pytest.importorskip("openvino", reason="pip install 'netwright[openvino]'")
pytest.importorskip("onnx", reason="pip install 'netwright[onnx]'")


@pytest.mark.parametrize("kind", ["mobile", "nasbench201"])
def test_outputs_are_torchs(kind: str, tmp_path: Path) -> None:
    found = export_openvino(network(kind), tmp_path / "network.xml")
    assert found.max_relative_difference is not None and found.max_relative_difference < 1e-4
    assert sorted(p.name for p in tmp_path.iterdir()) == ["network.bin", "network.xml"]
    model = openvino.Core().read_model(str(tmp_path / "network.xml"))
    assert model.input().partial_shape[0].is_dynamic
    assert model.get_rt_info(["netwright", "arch"]).value == network(kind).arch.id
