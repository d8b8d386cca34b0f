"""Few-shot prediction: order, intervals and what goes wrong."""

from __future__ import annotations

import numpy as np
import pytest

from netwright.errors import UsageError
from netwright.predict.columns import Floats
from netwright.predict.gaussian import Process
from netwright.predict.predictor import Predictor, _gain, _Warp
from netwright.rng import stream
from netwright.stats import spearman


def truth(rows: Floats) -> Floats:
    """Mostly size, a little form, bent."""
    value: Floats = np.tanh(rows[:, 0]) + 0.4 * rows[:, 1] + 0.2 * rows[:, 2] ** 2
    return value


def draw(n: int, *path: str | int, noise: float = 0.1) -> tuple[dict[str, Floats], Floats]:
    """Networks by their columns, and what a training of each gives."""
    rng = stream(0, "predictor", *path)
    rows = rng.normal(size=(n, 4))
    table = {"size": rows[:, :1], "form": rows[:, 1:]}
    return table, 70 + 5 * (truth(rows) + noise * rng.normal(size=n))


def test_a_few_networks_rank_the_others() -> None:
    rest, values = draw(300, "rest")
    found = []
    for n in (8, 32, 128):
        table, seen = draw(n, "seen", n)
        prediction = Predictor(rest).fit(table, seen).predict(rest)
        found.append(spearman(prediction.median, values))
        assert spearman(prediction.median, prediction.score) == pytest.approx(1)
    assert found[0] > 0.6 and found[1] > 0.85 and found[2] > 0.95


def test_intervals_hold_what_they_say() -> None:
    rest, values = draw(400, "rest")
    shares = []
    for i in range(12):
        table, seen = draw(40, "cover", i)
        p = Predictor(rest).fit(table, seen).predict(rest, level=0.8)
        assert ((p.low < p.median) & (p.median < p.high)).all()
        shares.append(np.mean((p.low <= values) & (values <= p.high)))
    assert 0.74 < np.mean(shares) < 0.87


def test_doubt_is_less_where_something_was_seen() -> None:
    table, seen = draw(30, "seen", 30)
    far = {group: part + 6 for group, part in table.items()}
    learned = Predictor(table).fit(table, seen)
    near, away = learned.predict(table), learned.predict(far)
    assert away.doubt.min() > near.doubt.max()


def test_the_probability_of_being_better_agrees_with_the_order() -> None:
    rest, values = draw(40, "rest")
    table, seen = draw(60, "seen", 60)
    learned = Predictor(rest).fit(table, seen)
    better = learned.better(rest)
    assert np.diag(better) == pytest.approx(0.5)
    assert better + better.T == pytest.approx(np.ones((40, 40)))
    score = learned.predict(rest).score
    assert ((better > 0.5) == (score[:, None] > score)).all()
    ranks = learned.ranks(rest)
    assert ranks.sum() == pytest.approx(40 * 41 / 2) and 1 <= ranks.min()
    assert spearman(ranks, -values) > 0.85


def test_probabilities_of_being_better_come_true() -> None:
    rest, _ = draw(200, "rest", noise=0.0)
    real = truth(np.hstack([rest["size"], rest["form"]]))
    pairs = np.triu_indices(200, 1)
    said, came = [], []
    for i in range(6):
        table, seen = draw(16, "few", i)
        said.append(Predictor(rest).fit(table, seen).better(rest)[pairs])
        came.append((real[:, None] > real)[pairs])
    sure = (np.concatenate(said) > 0.7) & (np.concatenate(said) < 0.9)
    assert 0.68 < np.concatenate(came)[sure].mean() < 0.95


def test_expected_improvement_is_what_draws_give_on_average() -> None:
    rest, _ = draw(5, "rest")
    table, seen = draw(20, "seen", 20)
    learned = Predictor().fit(table, seen)
    best = float(seen.max())
    gain = learned.improvement(rest, best)
    p = learned.predict(rest)
    edge = _Warp.of(seen).forward(np.array([best]))
    drawn = p.score + p.doubt * stream(0, "draws").normal(size=(200_000, 5))
    assert gain == pytest.approx(np.maximum(drawn - edge, 0).mean(axis=0), abs=0.004)


def test_improvement_is_over_the_best_it_believes_in_where_none_is_given() -> None:
    rest, _ = draw(5, "rest")
    table, seen = draw(20, "seen", 20)
    learned = Predictor().fit(table, seen)
    believed = float(learned.predict(table).median.max())
    assert learned.improvement(rest) == pytest.approx(learned.improvement(rest, believed))


def test_a_batch_is_chosen_as_if_the_earlier_had_come_as_expected() -> None:
    rest, _ = draw(60, "rest")
    table, seen = draw(20, "seen", 20)
    learned = Predictor(rest).fit(table, seen)
    chosen = learned.choose(rest, 4)
    assert len(set(chosen)) == 4
    assert chosen[0] == int(np.argmax(learned.improvement(rest)))
    scaling, warp, process = learned._ready()
    groups = scaling(rest)
    both = [
        (name, np.vstack([was, new[chosen[:1]]]))
        for (name, was), (_, new) in zip(process.rows, groups, strict=True)
    ]
    believed = np.append(warp.forward(seen), process.mean(groups)[chosen[0]])
    after = Process.at(both, believed, process.settings)
    gain = _gain(*after.predict(groups), max(process.best, believed[-1]))
    gain[chosen[0]] = -1
    assert chosen[1] == int(np.argmax(gain))
    assert sorted(learned.choose(rest, 60)) == list(range(60))


def test_probes_tell_more_than_draws() -> None:
    rest, values = draw(300, "rest")
    predictor = Predictor(rest)
    chosen = predictor.probes(rest, 10, seed=0)
    assert len(set(chosen)) == 10 and predictor.probes(rest, 6, seed=0) == chosen[:6]
    assert predictor.probes(rest, 2, seed=0, chosen=chosen[:4]) == chosen[4:6]

    def told(rows: list[int]) -> float:
        some = {group: part[rows] for group, part in rest.items()}
        return spearman(predictor.fit(some, values[rows]).predict(rest).score, values)

    drawn = [stream(0, "drawn", i).permutation(300)[:10].tolist() for i in range(8)]
    assert told(chosen) > np.mean([told(rows) for rows in drawn])


def test_two_values_are_enough_and_fewer_are_refused() -> None:
    table, seen = draw(4, "tiny")
    for n in (2, 3, 4):
        part = {group: rows[:n] for group, rows in table.items()}
        found = Predictor(table).fit(part, seen[:n]).predict(table)
        assert np.isfinite(found.median).all() and (found.low < found.high).all()
    with pytest.raises(UsageError, match="at least 2 values; 1 of 4 are numbers"):
        Predictor().fit(table, [1.0, np.nan, np.nan, np.nan])
    with pytest.raises(UsageError, match="learned nothing yet"):
        Predictor().predict(table)
    with pytest.raises(UsageError, match="3 values came for"):
        Predictor().fit(table, [1.0, 2.0, 3.0])
    with pytest.raises(UsageError, match="between 0 and 1"):
        Predictor().fit(table, seen).predict(table, level=80)


def test_failures_teach_nothing() -> None:
    table, seen = draw(30, "seen", 30)
    more = {group: np.vstack([part, part[:5] + 0.1]) for group, part in table.items()}
    holes = np.concatenate([seen, np.full(5, np.nan)])
    plain, holed = Predictor(table).fit(table, seen), Predictor(table).fit(more, holes)
    assert plain.predict(table).median == pytest.approx(holed.predict(table).median)


def test_equal_values_duplicates_and_constant_columns_are_survived() -> None:
    table = {"size": np.repeat([[1.0], [2.0]], 5, axis=0), "form": np.ones((10, 3))}
    found = Predictor().fit(table, [50.0] * 10).predict(table)
    assert found.median == pytest.approx(np.full(10, 50.0), abs=0.01)
    assert np.isfinite(found.low).all()
    nothing = {"size": np.ones((10, 2))}
    values = stream(0, "nothing").normal(size=10)
    flat = Predictor().fit(nothing, values).predict(nothing)
    assert np.ptp(flat.median) < 1e-9 and (flat.low < flat.high).all()


def test_one_failure_to_learn_does_not_decide_alone() -> None:
    rest, values = draw(300, "rest")
    table, seen = draw(32, "seen", 32)
    seen = seen.copy()
    seen[3] = 10.0  # chance
    found = Predictor(rest).fit(table, seen).predict(rest)
    assert spearman(found.median, values) > 0.75


def test_values_come_back_from_the_scale_they_are_learned_on() -> None:
    values = np.array([10.0, 90.0, 91.0, 92.0, 92.5])
    warp = _Warp.of(values)
    drawn = warp.forward(values)
    assert warp.back(drawn) == pytest.approx(values)
    assert drawn.mean() == pytest.approx(0) and drawn.std() == pytest.approx(1)
    assert (np.diff(drawn) > 0).all()
