"""Single operations as source, and trees of modules under their names."""

from __future__ import annotations

import pytest

from netwright.arch import ops
from netwright.exporters.source import (
    Layer,
    chained,
    construct,
    expression,
    grow,
    layer_of,
    numbered,
    plain,
    reach,
)


def test_names_become_attributes_or_keys() -> None:
    assert reach("se.0.conv") == 'self.se["0"].conv'
    assert plain("conv") and not plain("class") and not plain("1x1")


def test_a_convolution_has_its_padding_and_a_pool_its_window() -> None:
    layer = layer_of(ops.Conv(out=8, kernel=5, stride=2), (3, 9, 9))
    assert layer is not None and layer.callee == "nn.Conv2d"
    assert dict((n, v) for n, v, _ in layer.named)["padding"] == 2
    same = layer_of(ops.Conv(out=8, kernel=3, stride=2, padding="same"), (3, 9, 9))
    assert isinstance(same, Layer) and same.callee == "SameConv2d"
    assert layer_of(ops.Add(), (3, 9, 9)) is None
    pool = expression(ops.Pool(mode="max", kernel=3, stride=2), ["y"])
    assert pool == "F.max_pool2d(y, 3, 2, 1)"


def test_folders_of_modules_are_built_by_name_or_in_order() -> None:
    tree: dict[str, object] = {}
    for path in ("conv", "se.reduce", "blocks.0.0", "blocks.0.1"):
        grow(tree, path, "nn.Identity()")
    with pytest.raises(TypeError, match="is a module and a folder"):
        grow(tree, "conv.inside", "nn.Identity()")
    blocks = tree["blocks"]
    assert isinstance(blocks, dict) and numbered(blocks) and not numbered(tree)
    tree["blocks"] = chained(blocks)
    lines = "\n".join(construct(tree, ""))
    assert "self.se = Parts(" in lines and lines.count("nn.Sequential(") == 2


def test_an_operation_with_weights_has_no_expression() -> None:
    with pytest.raises(TypeError, match="conv has no expression"):
        expression(ops.Conv(out=1), ["x"])
