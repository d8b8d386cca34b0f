"""Probes: far apart, in a stable order, whatever the table looks like."""

from __future__ import annotations

import numpy as np
import pytest

from netwright.errors import UsageError
from netwright.predict.probes import diverse, standardised
from netwright.rng import stream


def table(n: int = 200, d: int = 5) -> np.ndarray:
    """Rows of unequal scales."""
    return stream(0, "table").normal(size=(n, d)) * np.arange(1, d + 1)


def spread(rows: np.ndarray) -> float:
    """The least distance between two rows."""
    gaps = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    return float(gaps[np.triu_indices(len(rows), 1)].min())


@pytest.mark.parametrize("design", ["maxmin", "doptimal", "informative"])
def test_each_row_once_and_the_same_for_one_seed(design: str) -> None:
    found = diverse(table(), 20, seed=1, design=design)  # type: ignore[arg-type]
    assert len(set(found)) == 20 and all(0 <= i < 200 for i in found)
    assert found == diverse(table(), 20, seed=1, design=design)  # type: ignore[arg-type]
    assert found[:7] == diverse(table(), 7, seed=1, design=design)  # type: ignore[arg-type]


def test_max_min_is_farther_apart_than_any_of_many_draws() -> None:
    rows = standardised(table())
    ours = spread(rows[diverse(table(), 12, seed=0)])
    rng = stream(0, "draws")
    drawn = [spread(rows[rng.choice(200, 12, replace=False)]) for _ in range(200)]
    assert ours > max(drawn)


def test_d_optimal_has_a_larger_determinant_than_any_of_many_draws() -> None:
    rows = np.hstack([np.ones((200, 1)), standardised(table())])

    def volume(at: np.ndarray | list[int]) -> float:
        return float(np.linalg.slogdet(rows[at].T @ rows[at])[1])

    rng = stream(0, "draws")
    drawn = [volume(rng.choice(200, 12, replace=False)) for _ in range(200)]
    assert volume(diverse(table(), 12, seed=0, design="doptimal")) > max(drawn)


def test_the_first_is_the_most_central_and_the_second_the_farthest_from_it() -> None:
    line = np.array([[0.0], [4.0], [5.0], [11.0]])
    assert diverse(line, 3, seed=0) == [2, 3, 0]


def test_scale_and_constant_columns_do_not_matter() -> None:
    wide = np.hstack([table() * 1e6 + 3, np.full((200, 2), 1e9)])
    assert diverse(wide, 15, seed=0) == diverse(table(), 15, seed=0)


def test_earlier_probes_are_kept_away_from() -> None:
    line = np.array([[0.0], [4.0], [5.0], [11.0]])
    assert diverse(line, 2, seed=0, chosen=[3]) == [0, 2]
    found = diverse(table(), 10, seed=0, chosen=[5, 6], design="doptimal")
    assert not {5, 6} & set(found)


def test_duplicates_are_taken_last() -> None:
    rows = np.vstack([np.zeros((5, 2)), np.eye(2) * 3])
    for seed in range(3):
        found = diverse(rows, 7, seed=seed)
        assert set(found[:3]) & {5, 6} == {5, 6} and sorted(found) == list(range(7))
    assert sorted(diverse(np.ones((4, 3)), 4, seed=0)) == [0, 1, 2, 3]


def test_informative_rows_leave_less_doubt_than_any_of_many_draws() -> None:
    rows = standardised(table())
    gaps = np.linalg.norm(rows[:, None] - rows[None], axis=2) ** 2 / rows.shape[1]
    scaled = np.sqrt(5 * gaps) / 1.5
    smooth = 0.5 * (1 + scaled + scaled**2 / 3) * np.exp(-scaled)
    prior = 1 + rows @ rows.T / rows.shape[1] + smooth

    def doubt(rows_at: np.ndarray | list[int]) -> float:
        at = np.asarray(rows_at)
        seen = prior[np.ix_(at, at)] + 0.1 * np.eye(len(at))
        return float(np.trace(prior - prior[:, at] @ np.linalg.solve(seen, prior[at])))

    rng = stream(0, "draws")
    drawn = [doubt(rng.choice(200, 12, replace=False)) for _ in range(200)]
    first = diverse(table(), 4, seed=0, design="informative")
    rest = diverse(table(), 8, seed=0, design="informative", chosen=first)
    assert not set(first) & set(rest)
    assert doubt([*first, *rest]) < min(drawn)


def test_of_many_rows_some_are_looked_at() -> None:
    many = stream(0, "many").normal(size=(2500, 3))
    found = diverse(many, 3, seed=0, design="informative", chosen=[2499])
    assert len(set(found)) == 3 and 2499 not in found
    assert len(diverse(many[:, :1], 2400, seed=0, design="informative")) == 2400


def test_what_cannot_be_chosen_is_refused() -> None:
    with pytest.raises(UsageError, match="201 probes cannot be chosen among 200"):
        diverse(table(), 201, seed=0)
    with pytest.raises(UsageError, match="1 that are not finite"):
        diverse(np.array([[1.0], [np.nan]]), 1, seed=0)
    with pytest.raises(UsageError, match="No design is called"):
        diverse(table(), 2, seed=0, design="best")  # type: ignore[arg-type]
    assert diverse(np.empty((0, 3)), 0, seed=0) == []
