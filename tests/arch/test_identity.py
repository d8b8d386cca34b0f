"""One network has one content id, however it is written down; another network has another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphs import Flat, Graph, assemble, graphs
from netwright.arch import ops
from netwright.arch.graph import Architecture
from netwright.arch.operation import Op, Shape
from netwright.arch.ops import (
    Activation,
    Add,
    BatchNorm,
    Concat,
    Conv,
    Dropout,
    DropPath,
    GlobalPool,
    Identity,
    Linear,
    Multiply,
    Pool,
    Shift,
    Slice,
    Zero,
)

IMAGE = (3, 8, 8)
HEAD: Flat = [(GlobalPool(), (-1,)), (Linear(out=10), (-1,))]
SETTINGS = settings(max_examples=60, deadline=None)


def net(*flat: tuple[Op, tuple[int, ...]], image: Shape = IMAGE, classes: int = 10) -> str:
    """Id of a graph with a classifier behind its last value."""
    n = len(flat)
    head: Flat = [(GlobalPool(), (n,)), (Linear(out=classes), (n + 1,))]
    whole = Graph(image, [*flat, *head])
    once, recut = assemble(whole).id, assemble(whole, seed=n).id
    assert once == recut
    return once


def rewired(graph: Graph, at: int, extra: Flat, result: int) -> Graph:
    """Operations written in behind value ``at``; what read it reads value ``result`` of them."""
    shift = len(extra)

    def new(i: int) -> int:
        return i if i < at else result if i == at else i + shift

    before = graph.flat[:at]
    after: Flat = [(op, tuple(new(i) for i in inputs)) for op, inputs in graph.flat[at:]]
    aux = graph.aux if graph.aux is None or graph.aux <= at else graph.aux + shift
    return Graph(graph.input_shape, [*before, *extra, *after], aux)


@SETTINGS
@given(graph=graphs(), seed=st.integers(1, 1000))
def test_names_order_and_cuts_do_not_matter(graph: Graph, seed: int) -> None:
    assert assemble(graph, seed=seed).id == assemble(graph).id


@SETTINGS
@given(graph=graphs(), seed=st.integers(1, 1000), place=st.integers(0, 100))
def test_what_changes_nothing_does_not_matter(graph: Graph, seed: int, place: int) -> None:
    at = place % len(graph.flat)
    shape = graph.shapes()[at]
    extras: list[Flat] = [
        [(Identity(), (at,))],
        [(Concat(), (at,))],
        [(Add(), (at,))],
        [(DropPath(rate=0.0), (at,))],
        [(Slice(start=0, stop=shape[0]), (at,))],
        [(Dropout(), (at,)), (BatchNorm(), (at + 1,)), (Identity(), (at,))],  # two dead ends
    ]
    if len(shape) == 3:
        zeros: Flat = [(Zero(), (at,)), (Conv(out=shape[0]), (at + 1,)), (Add(), (at + 2, at))]
        gated: Flat = [(Zero(), (at,)), (Multiply(), (at, at + 1)), (Add(), (at, at + 2))]
        extras += [zeros, gated]
    for extra in extras:
        other = rewired(graph, at, extra, at + len(extra))
        assert assemble(other, seed=seed).id == assemble(graph).id, extra


@SETTINGS
@given(graph=graphs(), seed=st.integers(1, 1000))
def test_order_and_nesting_of_sums_do_not_matter(graph: Graph, seed: int) -> None:
    rng = np.random.Generator(np.random.Philox(key=seed))
    flat: Flat = []
    place = {0: 0}
    for number, (op, inputs) in enumerate(graph.flat, start=1):
        terms = [place[i] for i in inputs]
        if isinstance(op, Add):
            terms = rng.permutation(terms).tolist()
            while len(terms) > 2:
                flat.append((Add(), (terms.pop(), terms.pop())))
                terms.append(len(flat))
        flat.append((op, tuple(terms)))
        place[number] = len(flat)
    aux = None if graph.aux is None else place[graph.aux]
    nested = Graph(graph.input_shape, flat, aux)
    assert assemble(nested, seed=seed).id == assemble(graph).id


def test_shared_is_not_duplicated() -> None:
    shared = net((Conv(out=4), (0,)), (Add(), (1, 1)))
    doubled = net((Conv(out=4), (0,)), (Conv(out=4), (0,)), (Add(), (1, 2)))
    assert shared != doubled
    # Whether the second layers read one first layer or one each, all four kinds of wiring.
    first: Flat = [(Conv(out=4), (0,)), (Conv(out=4), (0,))]
    ids = {
        net(
            *first,
            (Conv(out=5), (a,)),
            (Conv(out=5), (b,)),
            (Add(), (1, 2)),
            (Concat(), (3, 4, 5)),
        )
        for a, b in ((1, 1), (1, 2), (2, 1), (2, 2))
    }
    assert len(ids) == 2  # (1, 1) is (2, 2), and (1, 2) is (2, 1)


def test_parameter_free_twice_is_once_but_random_twice_is_two() -> None:
    relu = Activation()
    once = net((relu, (0,)), (Conv(out=4), (1,)), (Conv(out=4), (1,)), (Add(), (2, 3)))
    twice = net(
        (relu, (0,)), (relu, (0,)), (Conv(out=4), (1,)), (Conv(out=4), (2,)), (Add(), (3, 4))
    )
    assert once == twice
    assert net((Dropout(), (0,)), (Dropout(), (0,)), (Add(), (1, 2))) != net(
        (Dropout(), (0,)), (Add(), (1, 1))
    )


CHANGES: list[tuple[Op, list[Op]]] = [
    (
        Conv(out=4, kernel=3),
        [
            Conv(out=5, kernel=3),
            Conv(out=4, kernel=5),
            Conv(out=4, kernel=(3, 5)),
            Conv(out=4, kernel=(5, 3)),
            Conv(out=4, kernel=3, stride=2),
            Conv(out=4, kernel=3, stride=2, padding="same"),
            Conv(out=4, kernel=3, padding="valid"),
            Conv(out=4, kernel=3, dilation=2),
            Conv(out=4, kernel=3, groups=2),
            Conv(out=4, kernel=3, bias=True),
        ],
    ),
    (BatchNorm(), [BatchNorm(eps=1e-3), BatchNorm(momentum=0.01), BatchNorm(affine=False)]),
    (Activation(), [Activation(name="silu"), Activation(name="relu6")]),
    (Pool(), [Pool(mode="max"), Pool(kernel=5), Pool(stride=2), Pool(count_include_pad=True)]),
    (Dropout(rate=0.1), [Dropout(rate=0.2), DropPath(rate=0.1), Identity()]),
    (Slice(start=0, stop=2), [Slice(start=1, stop=3), Slice(start=0, stop=3)]),
    (Shift(), [Identity()]),
]


@pytest.mark.parametrize(("op", "others"), CHANGES, ids=lambda x: getattr(x, "kind", ""))
def test_every_attribute_counts(op: Op, others: list[Op]) -> None:
    stem: tuple[Op, tuple[int, ...]] = (Conv(out=4), (0,))
    ids = [net(stem, (each, (1,))) for each in (op, *others)]
    assert len(set(ids)) == len(ids)


def test_order_of_a_concat_resolution_classes_and_image_count() -> None:
    a, b = (Conv(out=4), (0,)), (Conv(out=4, kernel=3), (0,))
    assert net(a, b, (Concat(), (1, 2))) != net(a, b, (Concat(), (2, 1)))
    assert len({net(a), net(a, image=(3, 9, 8)), net(a, image=(1, 8, 8)), net(a, classes=11)}) == 4


def test_gate_and_value_are_told_apart() -> None:
    pool: tuple[Op, tuple[int, ...]] = (GlobalPool(keep=True), (0,))
    one: tuple[Op, tuple[int, ...]] = (GlobalPool(keep=True), (0,))
    assert net(pool, (Multiply(), (0, 1))) == net(pool, one, (Multiply(), (0, 2)))
    a, b = (Activation(), (0,)), (Shift(), (0,))
    assert net(a, b, (Multiply(), (1, 2))) != net(a, b, (Multiply(), (1, 1)))


def test_equal_sizes_in_pairs_are_one_size() -> None:
    assert Conv(out=4, kernel=(3, 3)) == Conv(out=4, kernel=3)
    assert net((Conv(out=4, kernel=(3, 3)), (0,))) == net((Conv(out=4, kernel=3), (0,)))


def test_zeros_with_biases_behind_them_are_not_zero() -> None:
    zero: tuple[Op, tuple[int, ...]] = (Zero(), (0,))
    plain = net((Conv(out=3), (0,)))
    assert net((Conv(out=3), (0,)), zero, (BatchNorm(), (2,)), (Add(), (1, 3))) != plain
    assert net((Conv(out=3), (0,)), zero, (Conv(out=3, bias=True), (2,)), (Add(), (1, 3))) != plain
    assert net((Conv(out=3), (0,)), zero, (Conv(out=3), (2,)), (Add(), (1, 3))) == plain
    sigmoid = Activation(name="sigmoid")
    assert net((Conv(out=3), (0,)), zero, (sigmoid, (2,)), (Add(), (1, 3))) != plain


def test_zeros_remember_their_shape() -> None:
    half, whole = (Zero(stride=2), (0,)), (Zero(), (0,))
    assert net(half, (BatchNorm(), (1,))) != net(whole, (BatchNorm(), (1,)))
    doubled: tuple[Op, tuple[int, ...]] = (Concat(), (0, 0))
    assert net(half, (Concat(), (1, 1))) == net(doubled, (Zero(stride=2), (1,)))


def test_auxiliary_logits_count() -> None:
    flat: Flat = [
        (Conv(out=4), (0,)),
        (GlobalPool(), (1,)),
        (Linear(out=10), (2,)),
        (Linear(out=10), (2,)),
    ]
    with_aux, without = Graph(IMAGE, flat, aux=3), Graph(IMAGE, flat)
    assert assemble(with_aux).id != assemble(without).id


def test_colours_are_refined_upwards_too() -> None:
    """Twins from below that differ in who reads them: two pairs, or a ring of four."""
    twins: Flat = [(Conv(out=4), (0,)) for _ in range(4)]

    def wired(*pairs: tuple[int, int]) -> str:
        sums: Flat = [(Add(), p) for p in pairs]
        convs: Flat = [(Conv(out=2), (5 + i,)) for i in range(4)]
        return net(*twins, *sums, *convs, (Add(), (9, 10, 11, 12)))

    ring = wired((1, 2), (2, 3), (3, 4), (4, 1))
    assert ring == wired((1, 3), (3, 2), (2, 4), (4, 1))
    assert ring != wired((1, 2), (2, 3), (3, 4), (1, 3))


def test_ids_are_the_same_in_every_release() -> None:
    """A golden value: stored trials are found by it."""
    arch = assemble(Graph(IMAGE, [(Conv(out=4, kernel=3), (0,)), (BatchNorm(), (1,)), *[
        (GlobalPool(), (2,)), (Linear(out=10), (3,))]]))  # fmt: skip
    assert arch.id == "866e587255232825"
    assert replace(arch, name="other").id == arch.id
    assert isinstance(arch, Architecture) and len(ops.KINDS) == 15
