"""Pareto: against pymoo, and against brute force on integers."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pymoo.indicators.hv import HV
from pymoo.operators.survival.rank_and_crowding.metrics import get_crowding_function
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

from netwright.errors import UsageError
from netwright.pareto import Direction, crowding, dominates, front, fronts, hypervolume

Array = npt.NDArray[np.float64]


def tables(dims: tuple[int, int] = (2, 4), most: int = 12) -> st.SearchStrategy[Array]:
    """Small tables of few distinct values, so that ties and equal points are common."""
    shapes = st.tuples(st.integers(1, most), st.integers(*dims))
    return hnp.arrays(np.float64, shapes, elements=st.integers(0, 7).map(float))


def least(points: Array) -> list[Direction]:
    return ["min"] * points.shape[1]


def test_dominates_takes_directions() -> None:
    assert dominates((0.9, 10), (0.8, 10), directions=("max", "min"))
    assert not dominates((0.9, 10), (0.9, 10), directions=("max", "min"))
    assert not dominates((0.9, 12), (0.8, 10), directions=("max", "min"))


@settings(max_examples=60, deadline=None)
@given(tables())
def test_fronts_agree_with_pymoo(points: Array) -> None:
    ours = fronts(points, directions=least(points))
    theirs = NonDominatedSorting().do(points)
    assert [set(f.tolist()) for f in ours] == [set(map(int, f)) for f in theirs]
    assert front(points, directions=least(points)).tolist() == ours[0].tolist()


@settings(max_examples=60, deadline=None)
@given(tables())
def test_directions_are_signs(points: Array) -> None:
    most: list[Direction] = ["max"] * points.shape[1]
    assert (
        front(-points, directions=most).tolist()
        == front(points, directions=least(points)).tolist()
    )


@settings(max_examples=60, deadline=None)
@given(tables(most=9))
def test_crowding_agrees_with_pymoo(points: Array) -> None:
    best = np.unique(points[front(points, directions=least(points))], axis=0)
    theirs = get_crowding_function("cd").do(best.copy())
    np.testing.assert_allclose(crowding(best), np.asarray(theirs, dtype=float), rtol=1e-12)


def test_of_equal_points_one_keeps_its_crowding_distance() -> None:
    once = crowding([(0, 4), (1, 2), (3, 1), (4, 0)])
    assert crowding([(0, 4), (1, 2), (1, 2), (3, 1), (4, 0)]).tolist() == [
        *once[:2].tolist(),
        0.0,
        *once[2:].tolist(),
    ]


@settings(max_examples=60, deadline=None)
@given(tables(dims=(1, 4), most=8))
def test_hypervolume_counts_the_cells_of_a_grid(points: Array) -> None:
    corner = 6
    cells = itertools.product(range(corner), repeat=points.shape[1])
    count = sum(1 for c in cells if (points <= np.array(c)).all(axis=1).any())
    reference = [corner] * points.shape[1]
    assert hypervolume(points, reference=reference, directions=least(points)) == count


@pytest.mark.parametrize("dims", [2, 3, 4])
def test_hypervolume_agrees_with_pymoo(dims: int) -> None:
    points = np.random.Generator(np.random.Philox(key=dims)).random((25, dims))
    ours = hypervolume(points, reference=[1.1] * dims, directions=["min"] * dims)
    assert ours == pytest.approx(float(HV(ref_point=np.full(dims, 1.1))(points)), rel=1e-12)


def test_hypervolume_of_a_maximised_and_a_minimised_objective() -> None:
    points = [(0.9, 20.0), (0.8, 10.0), (0.5, 30.0)]
    # 0.9 over macs 20..40 and 0.8 over macs 10..20, from an accuracy of 0 up
    value = hypervolume(points, reference=(0.0, 40.0), directions=("max", "min"))
    assert value == pytest.approx(0.9 * 20 + 0.8 * 10)


def test_nothing_has_no_front_and_no_volume() -> None:
    assert front([], directions=("max", "min")).size == 0
    assert fronts([], directions=("max", "min")) == []
    assert hypervolume([], reference=(0, 1), directions=("max", "min")) == 0.0
    assert crowding([]).size == 0


def test_nan_and_wrong_directions_are_refused() -> None:
    with pytest.raises(UsageError, match="NaN"):
        front([(0.1, float("nan"))], directions=("max", "min"))
    with pytest.raises(UsageError, match="2 objectives came with 1"):
        front([(0.1, 2.0)], directions=("max",))
    with pytest.raises(UsageError, match="finite"):
        hypervolume([(0.1, 2.0)], reference=(0.0, float("inf")), directions=("max", "min"))
