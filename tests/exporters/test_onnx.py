"""ONNX files of one network of each kind, run by ONNX Runtime with one and two threads."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporters.networks import KINDS, network
from netwright.errors import ExportError
from netwright.exporters.check import agree
from netwright.exporters.features import Features
from netwright.exporters.onnx import export_onnx, onnx_run

onnx = pytest.importorskip("onnx", reason="pip install 'netwright[onnx]'")
pytest.importorskip("onnxruntime", reason="pip install 'netwright[onnx]'")


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_are_torchs(kind: str, tmp_path: Path) -> None:
    made = network(kind)
    found = export_onnx(made, tmp_path / "network.onnx")
    assert found.max_relative_difference is not None and found.max_relative_difference < 1e-4
    run = onnx_run(tmp_path / "network.onnx", threads=2)
    assert agree(run, made.module, made.arch, what="two threads") < 1e-4
    facts = {p.key: p.value for p in onnx.load(tmp_path / "network.onnx").metadata_props}
    assert facts["opset"] == str(found.facts["opset"]) and facts["arch"] == made.arch.id


def test_feature_maps_are_named_by_their_strides(tmp_path: Path) -> None:
    made = network("efficientnet")
    export_onnx(made, tmp_path / "maps.onnx", features=Features(made, strides=(4, 16)))
    outputs = [o.name for o in onnx.load(tmp_path / "maps.onnx").graph.output]
    assert outputs == ["stride_4", "stride_16"]


def test_a_wrong_file_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, other = network("mobile"), network("mobile")
    other.module.get_parameter("classifier.weight").data.mul_(2)
    monkeypatch.setattr(type(made), "state", property(lambda _: other.module.state_dict()))
    with pytest.raises(ExportError, match="ONNX export of mobile differs from torch"):
        export_onnx(made, tmp_path / "network.onnx")
    assert not list(tmp_path.iterdir())
