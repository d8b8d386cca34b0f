"""int8 on small photos: still near, and the drop is stated."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

import netwright as nw
from command_line import draw_photos
from netwright.errors import UsageError
from netwright.exporters.check import agree, difference, outputs, probe
from netwright.exporters.int8 import export_int8
from netwright.exporters.network import Network, load_network
from netwright.exporters.onnx import export_onnx, onnx_run
from netwright.training.data import ImageData, open_data

pytest.importorskip("onnx", reason="pip install 'netwright[onnx]'")
pytest.importorskip("onnxruntime", reason="pip install 'netwright[onnx]'")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ImageData:
    root = tmp_path_factory.mktemp("int8") / "photos"
    return open_data(str(draw_photos(root, {"red": 20, "green": 20, "blue": 20}, side=16)))


@pytest.fixture(scope="module")
def network(data: ImageData) -> Network:
    space = nw.space("mobile", classes=3, resolution=data.resolution)
    arch = space.decode(space.canonical(tuple(0 for _ in space.choices)))
    return load_network(arch, None)


def test_it_is_near_and_its_accuracy_is_stated(
    network: Network, data: ImageData, tmp_path: Path
) -> None:
    export_onnx(network, tmp_path / "a.onnx")
    level = logging.getLogger().level
    made = export_int8(network, tmp_path / "a.onnx", tmp_path / "b.onnx", data=data, seed=0)
    assert logging.getLogger().level == level
    facts = made.facts
    sizes = [(tmp_path / name).stat().st_size for name in ("a.onnx", "b.onnx")]
    assert facts["size_ratio"] == sizes[1] / sizes[0] and facts["float32_bytes"] == sizes[0]
    assert facts["val_images"] == len(data.val)
    assert facts["accuracy_drop"] == pytest.approx(
        facts["val_accuracy_float32"] - facts["val_accuracy_int8"]
    )
    assert min(facts["latency_ms_float32"], facts["latency_ms_int8"]) > 0 and facts["threads"] == 1
    assert facts["val_accuracy_int8_low"] <= facts["val_accuracy_int8"]
    images = probe(network.arch, 4)
    gap = difference(onnx_run(tmp_path / "b.onnx")(images), outputs(network.module)(images))
    assert 1e-4 < gap < 0.5  # it is another network, and not a broken one
    float32 = onnx_run(tmp_path / "a.onnx")
    assert agree(float32, network.module, network.arch, what="float32") < 1e-4


def test_other_images_and_other_classes_are_refused(
    network: Network, data: ImageData, tmp_path: Path
) -> None:
    where = (tmp_path / "a.onnx", tmp_path / "b.onnx")
    other = replace(network, classes=("a", "b", "c"))
    with pytest.raises(UsageError, match="was trained on other classes than those of photos"):
        export_int8(other, *where, data=data, seed=0)
    digits = open_data("digits", lazy=True)
    with pytest.raises(UsageError, match="Give --int8 the images it was trained on"):
        export_int8(network, *where, data=digits, seed=0)
