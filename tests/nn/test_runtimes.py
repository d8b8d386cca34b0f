"""Networks ready in their runtimes, and what a pass of each comes to, part by part."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from netwright import catalog
from netwright.arch.graph import Architecture
from netwright.errors import UsageError
from netwright.latency.parts import parts_of
from netwright.nn.runtimes import RuntimeName, Where, _pieces, blank, ready, shared_out
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.tokens import first_row

SPACE = MobileSpace(classes=4, resolution=8)
NEEDS = {"torch": (), "onnxruntime": ("onnx", "onnxruntime"), "openvino": ("onnx", "openvino")}


@pytest.fixture(scope="module")
def arch() -> Architecture:
    row = list(first_row(SPACE))
    row[1], row[3], row[5] = 2, 2, 1  # two layers of inverted residuals with SE
    return SPACE.decode(SPACE.canonical(tuple(row)))


def _names(arch: Architecture) -> list[Sequence[str]]:
    return [p.names for p in parts_of(arch)]


@pytest.mark.parametrize("runtime", ["torch", "onnxruntime", "openvino"])
def test_every_part_takes_time_in_every_pass(runtime: RuntimeName, arch: Architecture) -> None:
    for module in NEEDS[runtime]:
        pytest.importorskip(module)
    made = ready(arch, Where(runtime=runtime), parts=_names(arch))
    made.run()
    assert made.parts is not None
    found = made.parts(3)
    assert found.shape == (3, len(parts_of(arch))) and (found >= 0).all()
    assert (found.sum(axis=1) > 0).all()
    if runtime == "torch":
        assert (found > 0).all()
    setting = made.setting
    assert (setting.runtime, setting.threads, setting.shape) == (runtime, 1, (3, 8, 8))
    assert setting.version and setting.processor


def test_without_names_no_parts_are_told(arch: Architecture) -> None:
    assert ready(arch, Where()).parts is None


@pytest.mark.parametrize("name", ["mnasnet_a1", "nasnet_a_mobile"])
def test_pieces_in_a_row_are_the_network(name: str) -> None:
    made = catalog.architecture(name, classes=3, resolution=32)
    module = blank(made)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.linspace(-0.1, 0.2, parameter.numel()).view_as(parameter))
        images = torch.linspace(-1, 1, 3 * 32 * 32).view(1, 3, 32, 32)
        x = images
        for piece in _pieces(made, module, _names(made)):
            x = piece(x)
        torch.testing.assert_close(x, module(images))


def test_constants_for_weights_compute_something_finite(arch: Architecture) -> None:
    module = blank(arch)
    out = module(torch.ones(2, 3, 8, 8))
    assert out.shape == (2, 4) and torch.isfinite(out).all() and not module.training


def test_a_kernel_belongs_to_the_part_of_its_last_operation() -> None:
    part_of = {"act1": 0, "blocks.0.0.act1": 1, "blocks.0.0.bn2": 1, "classifier": 2}
    kernels = [
        (("ReorderInput_kernel_time",), 0.5),
        (("act1_nchwc_kernel_time",), 1.0),
        (("blocks.0.0.act1_nchwc_kernel_time",), 2.0),
        (("ReorderOutput_token_12_kernel_time",), 4.0),
        (("Multiply_7", "blocks.0.0.bn2"), 8.0),
        (("Multiply_8",), 16.0),
        (("classifier/WithoutBiases",), 32.0),
    ]
    assert shared_out(kernels, part_of, 3) == [1.5, 30.0, 32.0]


def test_kernels_of_a_quantised_network_are_known_by_its_names() -> None:
    part_of = {"conv_stem": 0, "blocks.0.0.bn3": 1, "blocks.0.0.add": 1, "classifier": 2}
    kernels = [
        (("images_QuantizeLinear_kernel_time",), 0.5),
        (("conv_stem_token_1_kernel_time",), 1.0),
        (("blocks.0.0.bn3_DequantizeLinear/duplicated_kernel_time",), 2.0),
        (("blocks.0.0.add_QuantizeLinear_kernel_time",), 4.0),
        (("classifier_kernel_time",), 8.0),
    ]
    assert shared_out(kernels, part_of, 3) == [1.5, 6.0, 8.0]


WRONG = [
    ({"runtime": "tflite"}, "No runtime is called 'tflite': torch"),
    ({"threads": 0}, "threads 0 runs nothing"),
    ({"batch": 0}, "batch 0 runs nothing"),
    ({"runtime": "onnxruntime", "device": "cuda"}, "is timed on the CPU in float32"),
    ({"runtime": "openvino", "dtype": "float16"}, "is timed on the CPU in float32"),
    ({"dtype": "int4"}, "No network is timed in 'int4': float32, bfloat16"),
    ({"dtype": "int8"}, "in int8 are timed in onnxruntime, not in torch"),
    ({"runtime": "openvino", "dtype": "int8"}, "in onnxruntime, not in openvino"),
]


@pytest.mark.parametrize(("values", "said"), WRONG)
def test_what_cannot_be_is_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Where(**values)  # type: ignore[arg-type]


def test_int8_runs_another_network_than_float32(arch: Architecture) -> None:
    pytest.importorskip("onnxruntime", reason="pip install 'netwright[onnx]'")
    where = Where(runtime="onnxruntime", dtype="int8")
    made = ready(arch, where, parts=_names(arch))
    assert made.setting.dtype == "int8" and "int8" in str(made.setting)
    made.run()
    assert made.parts is not None
    spent = made.parts(2)
    assert spent.shape == (2, len(_names(arch))) and (spent.sum(axis=1) > 0).all()


def test_parts_are_told_as_numbers_per_pass(arch: Architecture) -> None:
    made = ready(arch, Where(batch=2), parts=_names(arch))
    assert made.setting.batch == 2 and made.parts is not None
    assert made.parts(1).dtype == np.float64
