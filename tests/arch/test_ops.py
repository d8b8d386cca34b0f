"""Every primitive operation: shapes it accepts, shapes it refuses, its JSON."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from graphs import Graph, graphs
from netwright.arch import ops
from netwright.arch.operation import Op, Shape
from netwright.arch.ops import op_from_json
from netwright.errors import ShapeError

MAP = (4, 6, 5)


@pytest.mark.parametrize(("op", "inputs", "expected"), [
    (ops.Conv(out=8, kernel=3), [MAP], (8, 6, 5)),
    (ops.Conv(out=8, kernel=3, stride=2), [MAP], (8, 3, 3)),
    (ops.Conv(out=8, kernel=3, padding="valid"), [MAP], (8, 4, 3)),
    (ops.Conv(out=8, kernel=(1, 5), padding="valid"), [MAP], (8, 6, 1)),
    (ops.Linear(out=7), [(4,)], (7,)),
    (ops.BatchNorm(), [MAP], MAP),
    (ops.Activation(), [(9,)], (9,)),
    (ops.Pool(stride=2), [MAP], (4, 3, 3)),
    (ops.GlobalPool(), [MAP], (4,)),
    (ops.GlobalPool(keep=True), [MAP], (4, 1, 1)),
    (ops.Add(), [MAP, MAP, MAP], MAP),
    (ops.Multiply(), [MAP, (4, 1, 1)], MAP),
    (ops.Multiply(), [(4,), (4,)], (4,)),
    (ops.Concat(), [MAP, (1, 6, 5)], (5, 6, 5)),
    (ops.Slice(start=1, stop=3), [MAP], (2, 6, 5)),
    (ops.Shift(), [MAP], MAP),
    (ops.Dropout(), [MAP], MAP),
    (ops.DropPath(), [MAP], MAP),
    (ops.Identity(), [MAP], MAP),
    (ops.Zero(stride=2), [MAP], (4, 3, 3)),
])  # fmt: skip
def test_shapes(op: Op, inputs: list[Shape], expected: Shape) -> None:
    assert op.shape(inputs) == expected
    assert op_from_json(op.to_json()) == op


@pytest.mark.parametrize(("op", "inputs"), [
    (ops.Conv(out=8), [(4,)]),
    (ops.Conv(out=8, groups=3), [MAP]),
    (ops.Conv(out=6, groups=4), [MAP]),
    (ops.Conv(out=8, kernel=7, padding="valid"), [MAP]),
    (ops.Linear(out=8), [MAP]),
    (ops.Pool(kernel=7, padding="valid"), [MAP]),
    (ops.GlobalPool(), [(4,)]),
    (ops.Add(), [MAP, (4, 6, 6)]),
    (ops.Multiply(), [MAP, (3, 1, 1)]),
    (ops.Multiply(), [(4,), (4, 1, 1)]),
    (ops.Multiply(), [(4, 1, 1), MAP]),
    (ops.Concat(), [MAP, (4, 6, 6)]),
    (ops.Concat(), [MAP, (4,)]),
    (ops.Slice(start=2, stop=2), [MAP]),
    (ops.Slice(start=2, stop=5), [MAP]),
    (ops.Shift(), [(4,)]),
    (ops.Zero(), [(4,)]),
])  # fmt: skip
def test_shapes_that_do_not_fit(op: Op, inputs: list[Shape]) -> None:
    with pytest.raises(ShapeError, match=op.kind):
        op.shape(inputs)


@pytest.mark.parametrize(("op", "fields", "words"), [
    (ops.Conv, dict(out=0), "out 0"),
    (ops.Conv, dict(out=(3, 3)), "out"),
    (ops.Conv, dict(out=4, kernel=0), "kernel 0"),
    (ops.Conv, dict(out=4, kernel=(3, 0)), "kernel"),
    (ops.Conv, dict(out=4, kernel=(3, 3, 3)), "kernel"),
    (ops.Conv, dict(out=4, kernel=2.5), "kernel 2.5"),
    (ops.Conv, dict(out=4, kernel="3"), "kernel '3'"),
    (ops.Conv, dict(out=4, stride=0), "stride 0"),
    (ops.Conv, dict(out=4, dilation=0), "dilation 0"),
    (ops.Conv, dict(out=4, groups=0), "groups 0"),
    (ops.Conv, dict(out=4, padding="SAME"), "padding 'SAME'; there are symmetric, same, valid"),
    (ops.Linear, dict(out=-1), "out -1"),
    (ops.Pool, dict(mode="sum"), "mode 'sum'"),
    (ops.Pool, dict(kernel=1, stride=3), "padding only"),
    (ops.Activation, dict(name="swish"), "name 'swish'"),
    (ops.Dropout, dict(rate=1), "rate 1"),
    (ops.DropPath, dict(rate=-0.1), "rate -0.1"),
    (ops.DropPath, dict(rate=float("nan")), "rate nan"),
    (ops.Zero, dict(stride=0), "stride 0"),
])  # fmt: skip
def test_operations_that_cannot_run(op: Any, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        op(**fields)


def test_padding_of_pools_is_checked_where_torch_would() -> None:
    assert ops.Pool(kernel=2, stride=3).shape([MAP]) == (4, 3, 2)
    assert ops.Pool(kernel=1, stride=3, padding="valid").shape([MAP]) == (4, 2, 2)
    assert ops.Pool(kernel=1, stride=3, padding="same").shape([MAP]) == (4, 2, 2)


@pytest.mark.parametrize(
    "data", [{}, {"op": "deconv"}, {"op": ["conv"]}, [], "conv", {"op": "conv"},
             {"op": "conv", "out": 3, "size": 2}],
)  # fmt: skip
def test_json_that_is_no_operation(data: Any) -> None:
    with pytest.raises(ShapeError):
        op_from_json(data)


@settings(max_examples=50, deadline=None)
@given(graph=graphs(max_nodes=15))
def test_json_round_trip_of_any_operation(graph: Graph) -> None:
    for op, _ in graph.flat:
        again = op_from_json(op.to_json())
        assert again == op and hash(again) == hash(op) and again.key == op.key


def test_every_kind_is_listed_under_its_name() -> None:
    assert all(kind == op.kind for kind, op in ops.KINDS.items())
    assert len(ops.KINDS) == 15
