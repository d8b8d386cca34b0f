"""Columns: in groups, on the scale of a reference."""

from __future__ import annotations

import numpy as np
import pytest

from netwright.errors import UsageError
from netwright.fakes import TinySpace
from netwright.predict.columns import GROUPS, Scaling, columns, group_of, spread
from netwright.predict.descriptors import NAMES
from netwright.rng import stream
from netwright.spaces.nasbench201 import NASBench201Space
from netwright.spaces.tokens import sample

TINY = TinySpace()
ROWS = [sample(TINY, stream(0, "columns", i)) for i in range(12)]
ARCHS = [TINY.decode(row) for row in ROWS]


def test_every_descriptor_is_in_one_group() -> None:
    assert {group_of(name) for name in NAMES} == {"size", "form", "level", "cell"}
    found = columns(ARCHS)
    assert sum(part.shape[1] for part in found.values()) == len(NAMES)


def test_tokens_of_numbers_are_one_column_and_words_one_each() -> None:
    found = spread(TINY, ROWS)
    assert found.shape == (12, 1 + 1 + 5 + 1)
    assert found[:, 0].tolist() == [row[0] for row in ROWS]
    assert found[:, 2:7].argmax(axis=1).tolist() == [row[2] for row in ROWS]
    assert spread(NASBench201Space(), [(0,) * 6]).shape == (1, 30)


def test_all_groups_together() -> None:
    scores = {"zico": [float(i) for i in range(12)], "naswot": [1.0] * 12}
    found = columns(ARCHS, space=TINY, tokens=ROWS, proxies=scores)
    assert tuple(found) == GROUPS and found["proxies"].shape == (12, 2)
    scaled = dict(Scaling(found)(found))
    assert scaled["proxies"].shape == (12, 1)  # a constant says nothing
    for part in scaled.values():
        assert part.mean(axis=0) == pytest.approx(0, abs=1e-9)
        assert part.std(axis=0) == pytest.approx(1)
    with pytest.raises(UsageError, match="11 rows of proxies"):
        columns(ARCHS, proxies={"zico": [0.0] * 11})


def test_only_the_order_within_the_reference_matters() -> None:
    values = stream(0, "order").normal(size=(50, 1))
    plain, bent = (Scaling({"proxies": v})({"proxies": v})[0][1] for v in (values, np.exp(values)))
    assert plain == pytest.approx(bent)


def test_beyond_the_reference_it_goes_on_straight() -> None:
    values = np.arange(100.0)[:, None]
    new = np.array([[-29.0], [50.0], [99.0], [128.0]])
    found = Scaling({"size": values})({"size": new})[0][1].ravel()
    step = 29 / values.std()
    assert found[3] - found[2] == pytest.approx(step)
    assert found[0] < found[1] < found[2] < found[3]


def test_what_is_missing_is_in_the_middle() -> None:
    values = np.array([[1.0], [np.nan], [2.0], [3.0]])
    found = Scaling({"proxies": values})({"proxies": values})[0][1].ravel()
    assert found[1] == 0 and found[0] < 0 < found[3] and np.isfinite(found).all()
    (group, rows), *more = Scaling({"proxies": np.full((3, 1), np.nan)})({"proxies": values})
    assert group == "size" and rows.tolist() == [[0.0]] * 4 and not more


def test_a_group_that_was_learned_from_must_be_there() -> None:
    with pytest.raises(UsageError, match="knows proxies"):
        Scaling({"proxies": np.eye(3)})({"size": np.eye(3)})


def test_many_values_keep_their_order_on_few_knots() -> None:
    values = np.sort(stream(0, "many").normal(size=(3000, 1)), axis=0)
    found = Scaling({"size": values})({"size": values})[0][1].ravel()
    assert (np.diff(found) > 0).all() and found.std() == pytest.approx(1, abs=0.01)
