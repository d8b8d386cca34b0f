"""Peak activations against the definition, by brute force."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hypothesis import given, settings

from graphs import Graph, assemble, graphs
from netwright.arch.block import Block, Node
from netwright.arch.blocks import classifier, conv_bn_act, mbconv
from netwright.arch.cost import cost
from netwright.arch.graph import Architecture, chain
from netwright.arch.memory import peak_elements
from netwright.arch.operation import Step
from netwright.arch.ops import Activation, Add, Conv, Dropout, Identity


def by_definition(steps: Sequence[Step]) -> int:
    """For every moment, the sizes of the buffers that hold a value still to be read."""
    last = len(steps) - 1
    reads = [[t for t, s in enumerate(steps) if i in s.inputs] for i in range(len(steps))]
    reads[last].append(len(steps))
    buffer = list(range(len(steps)))
    for value, (op, inputs, shape) in enumerate(steps):
        if op is not None and op.alias:
            buffer[value] = buffer[inputs[0]]
        elif op is not None and op.elementwise:
            for i in inputs:
                sharers = [v for v in range(value) if buffer[v] == buffer[i]]
                over = all(t <= value for v in sharers for t in reads[v])
                if over and math.prod(steps[i].shape) == math.prod(shape):
                    buffer[value] = buffer[i]
                    break
    peak = 0
    for now in range(len(steps)):
        live = {buffer[v] for v in range(now + 1) if v == now or any(t >= now for t in reads[v])}
        peak = max(peak, sum(math.prod(steps[b].shape) for b in live))
    return peak


@settings(max_examples=150, deadline=None)
@given(graph=graphs(max_nodes=14))
def test_peak_is_the_definition(graph: Graph) -> None:
    arch = assemble(graph)
    steps = arch.steps()
    assert peak_elements(steps) == by_definition(steps)
    assert cost(arch).peak_activation_bytes == 4 * by_definition(steps)
    assert [s.shape for s in steps[1:]] == [n.shape for n in arch.nodes]


@settings(max_examples=60, deadline=None)
@given(graph=graphs(max_nodes=14))
def test_one_block_or_many_is_the_same_peak(graph: Graph) -> None:
    shapes = [graph.input_shape]
    nodes = []
    for i, (op, inputs) in enumerate(graph.flat, start=1):
        nodes.append(Node(f"n{i}", op, tuple(0 if j == 0 else f"n{j}" for j in inputs)))
        shapes.append(op.shape([shapes[j] for j in inputs]))
    block = Block("all", (graph.input_shape,), tuple(nodes))
    assert block.peak_elements == by_definition(assemble(graph).steps())


def test_peak_of_a_chain_is_the_largest_of_its_blocks() -> None:
    stem = conv_bn_act((3, 32, 32), 16, stride=2)
    body = mbconv(stem.out_shape, 16, 5, expand=6, se_ratio=0.25)
    narrow = mbconv(body.out_shape, 24, 3, expand=3, stride=2)
    arch = chain(
        (3, 32, 32),
        [("stem", stem), ("a", body), ("b", narrow), ("", classifier(narrow.out_shape, 10))],
    )
    assert arch.is_chain
    assert cost(arch).peak_activation_bytes == 4 * by_definition(arch.steps())
    # Input and depthwise output of the widest inverted residual, and its block input for the sum.
    assert cost(arch).peak_activation_bytes == 4 * (16 + 96 + 96) * 16 * 16
    assert cost(arch, bytes_per_element=1).peak_activation_bytes == (16 + 96 + 96) * 16 * 16


def _peak(*nodes: Node) -> int:
    return Block("b", ((2, 4, 4),), nodes).peak_elements


def test_hand_counted() -> None:
    conv, act = Conv(out=2), Activation()
    assert _peak(Node("c", conv, (0,))) == 64  # in and out
    assert _peak(Node("a", act, (0,))) == 32  # in place
    assert _peak(Node("a", act, (0,)), Node("s", Add(), ("a", 0))) == 64  # the input is read later
    assert (
        _peak(Node("i", Identity(), (0,)), Node("a", act, ("i",)), Node("d", Dropout(), ("a",)))
        == 32
    )
    # An alias of the input is read later: the activation must not overwrite it.
    assert (
        _peak(Node("i", Identity(), (0,)), Node("a", act, (0,)), Node("s", Add(), ("a", "i")))
        == 64
    )
    assert isinstance(Architecture, type)
