"""Architectures: checked when made, exact in JSON, named as they are built."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphs import Graph, assemble, graphs
from netwright.arch.blocks import classifier, conv_bn_act, mbconv
from netwright.arch.graph import Architecture, Block, Draft, Node, Placed, chain
from netwright.arch.ops import Add, Concat, Conv
from netwright.errors import ShapeError, UsageError

SHAPE = (3, 8, 8)
CONV = Block("c", (SHAPE,), (Node("conv", Conv(out=3), (0,)),))


@settings(max_examples=60, deadline=None)
@given(graph=graphs(), seed=st.integers(1, 100))
def test_json_is_exact(graph: Graph, seed: int) -> None:
    arch = assemble(graph, seed=seed)
    again = Architecture.from_json(arch.to_json())
    assert again == arch and hash(again) == hash(arch)
    assert (again.name, again.aux, again.id) == (arch.name, arch.aux, arch.id)
    assert again.to_json() == arch.to_json() and again.nodes == arch.nodes
    assert json.loads(arch.to_json())["id"] == arch.id


@settings(max_examples=60, deadline=None)
@given(graph=graphs(), seed=st.integers(1, 100))
def test_nodes_and_steps_tell_the_same(graph: Graph, seed: int) -> None:
    arch = assemble(graph, seed=seed)
    names = ["input", *(n.name for n in arch.nodes)]
    assert len(set(names)) == len(names)
    assert [(s.op, tuple(names[i] for i in s.inputs), s.shape) for s in arch.steps()[1:]] == [
        (n.op, n.inputs, n.shape) for n in arch
    ]
    assert arch.outputs[0] == names[-1] and arch.classes == 3


def _net() -> Architecture:
    stem = conv_bn_act(SHAPE, 8)
    body = mbconv(stem.out_shape, 8, se_ratio=0.25)
    top = classifier(body.out_shape, 4)
    return chain(SHAPE, [("stem", stem), ("blocks.0.0", body), ("", top)], name="net")


def test_names() -> None:
    arch = _net()
    assert [n.name for n in arch.nodes][:4] == [
        "stem.conv", "stem.bn1", "stem.act1", "blocks.0.0.conv_pw",
    ]  # fmt: skip
    assert arch.outputs == ("classifier",) and arch.is_chain
    assert arch == chain(SHAPE, [(p.prefix, p.block) for p in arch.placed], name="other")


@pytest.mark.parametrize(("placed", "aux", "words"), [
    ([], None, "at least one block"),
    ([("a", CONV, (1,))], None, "input 1 gives nothing"),
    ([("a", CONV, (-1,))], None, "input -1 gives nothing"),
    ([("a", CONV, (0, 0))], None, "reads 1 tensors; it was given 2"),
    ([("a", CONV, ())], None, "reads 1 tensors; it was given 0"),
    ([("a", mbconv((4, 8, 8), 4), (0,))], None, r"'a' expects \(4, 8, 8\); input 0 gives"),
    ([("a", CONV, (0,)), ("a", CONV, (1,))], None, "Two blocks at 'a' share"),
    ([("a", CONV, (0,)), ("b", CONV, (1,)), ("a", CONV, (2,))], None, "Two blocks at 'a' share"),
    ([("", Block("i", (SHAPE,), (Node("input", Conv(out=3), (0,)),)), (0,))], None, "'input'"),
    ([("a", Block("d", (SHAPE,), (Node("b.conv", Conv(out=3), (0,)),)), (0,)),
      ("a.b", CONV, (1,))], None, "share a node name"),
    ([("a.b", CONV, (0,)),
      ("", Block("d", (SHAPE,), (Node("a.b.conv", Conv(out=3), (0,)),)), (1,))], None, "share"),
    ([("a", CONV, (0,))], 0, "aux is 0"),
    ([("a", CONV, (0,))], 2, "aux is 2"),
])  # fmt: skip
def test_what_does_not_fit_together(placed: list[Any], aux: int | None, words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        Architecture(SHAPE, tuple(Placed(*p) for p in placed), aux=aux)


def test_near_names_are_no_collision() -> None:
    dotted = Block("d", (SHAPE,), (Node("b.other", Conv(out=3), (0,)),))
    arch = Architecture(SHAPE, (Placed("a", dotted, (0,)), Placed("a.b", CONV, (1,))))
    assert [n.name for n in arch.nodes] == ["a.b.other", "a.b.conv"]


def test_a_graph_of_blocks_is_no_chain() -> None:
    draft = Draft("join", SHAPE, SHAPE)
    draft.add("sum", Add(), 0, 1)
    placed = (Placed("a", CONV, (0,)), Placed("b", CONV, (1,)), Placed("c", draft.block(), (1, 2)))
    arch = Architecture(SHAPE, placed)
    assert not arch.is_chain and arch.nodes[-1].inputs == ("a.conv", "b.conv")
    assert not Architecture(SHAPE, placed[:2], aux=1).is_chain
    twice = Draft("twice", SHAPE, SHAPE)
    twice.add("join", Concat(), 0, 1)
    image_twice = Architecture(SHAPE, (Placed("", twice.block(), (0, 0)),))
    assert image_twice.nodes[0].inputs == ("input", "input") and not image_twice.is_chain


def _damaged(**changes: Any) -> str:
    return json.dumps({**json.loads(_net().to_json()), **changes})


@pytest.mark.parametrize(("text", "words"), [
    ("", "not an architecture file"),
    ("[1]", "not an architecture"),
    ('{"a": 1}', "written by"),
    (_damaged(netwright_architecture=99), "format 99"),
    (_damaged(blocks=None), "damaged"),
    (_damaged(blocks=[{}]), "damaged"),
    (_damaged(blocks=[[1]]), "damaged"),
    (_damaged(input=5), "damaged"),
])  # fmt: skip
def test_files_that_are_no_architecture(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Architecture.from_json(text)


@pytest.mark.parametrize("op", [{"op": "deconv"}, [], "conv", {"op": "conv", "out": 0}, None])
def test_files_with_a_wrong_operation(op: Any) -> None:
    data = json.loads(_net().to_json())
    data["blocks"][0]["nodes"][0][1] = op
    with pytest.raises(ShapeError):
        Architecture.from_json(json.dumps(data))
