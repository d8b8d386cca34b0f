"""What is said of made-up tables: a signal, none, a lead, ties, failures, too few networks."""

from __future__ import annotations

import json

import numpy as np
import pytest

from netwright.errors import UsageError
from netwright.rng import stream
from netwright.stats import kendall, partial_spearman, spearman
from netwright.trust import Kind, Scores, Trust, Weighed, verdict, weigh

N = 12
RNG = stream(0, "trust")
TRUTH = np.arange(N) + 0.0
NOISE = RNG.normal(size=(40, N))


def column(name: str, values: np.ndarray, *, kind: Kind = "proxy", up: bool = True) -> Scores:
    return Scores(name=name, kind=kind, values=tuple(values.tolist()), higher_is_better=up, ms=2.0)


def counts(values: np.ndarray) -> list[Scores]:
    return [column(name, values + i, kind="control") for i, name in enumerate(("params", "macs"))]


def weighed(
    scores: list[Scores], values: np.ndarray = TRUTH, *, noise: float | None = None
) -> Weighed:
    return weigh(scores, values.tolist(), noise=noise, seed=0, repeats=400)


def test_a_signal_that_the_counts_lack_is_named() -> None:
    scores = [*counts(NOISE[0]), column("good", TRUTH + 0.3 * NOISE[1])]
    scores += [column(f"bad {i}", NOISE[i]) for i in range(2, 12)]
    found = weighed(scores)
    best = found.rows[0]
    assert best.name == "good" and best.p_value is not None and best.p_value <= 0.05
    assert best.lead_at_least is not None and best.lead_at_least > 0
    assert found.verdict.startswith("On this data good (1.00) ranks")
    assert "correction for 13 scores" in found.verdict


def test_figures_are_those_of_one_pair_at_a_time() -> None:
    scores = [*counts(NOISE[0]), column("low", -TRUTH + NOISE[1], up=False)]
    scores[1] = column("macs", NOISE[3], kind="control")
    row = next(r for r in weighed(scores).rows if r.name == "low")
    assert row.spearman is not None and row.kendall is not None
    x, p, m = TRUTH - NOISE[1], NOISE[0], NOISE[3]
    assert row.spearman.value == pytest.approx(spearman(x, TRUTH))
    assert row.kendall.value == pytest.approx(kendall(x, TRUTH))
    assert row.partial == pytest.approx(partial_spearman(x, TRUTH, controls=[p, m]))
    assert row.spearman.low <= row.spearman.value <= row.spearman.high
    assert row.lead == pytest.approx(spearman(x, TRUTH) - spearman(p, TRUTH))
    assert json.loads(json.dumps(row.to_dict()))["ms"] == 2.0


def test_no_signal_is_called_chance() -> None:
    scores = [*counts(NOISE[0]), *(column(f"bad {i}", NOISE[i]) for i in range(1, 30))]
    found = weighed(scores)
    assert "With 12 probes nothing can be told apart from chance" in found.verdict
    assert "of 31 scores" in found.verdict and found.by_luck is not None
    assert found.rows[0].spearman is not None  # it looks good alone: that is the trap
    assert 0.4 < found.rows[0].spearman.value < found.by_luck


def test_no_proxy_beats_counts_that_say_as_much() -> None:
    scores = [*counts(TRUTH + 0.2 * NOISE[0]), column("copy", TRUTH + 2 * NOISE[1])]
    assert "On this data no proxy beats the parameter count" in weighed(scores).verdict
    close = [*counts(TRUTH + 2.5 * NOISE[0]), column("close", TRUTH + 2 * NOISE[2])]
    found = weighed(close)
    assert found.rows[0].name == "close"
    assert "no proxy is shown to beat the parameter count: the best, close," in found.verdict
    assert "12 probes cannot tell from chance" in found.verdict


def test_networks_within_the_noise_cannot_be_ranked() -> None:
    scores = [*counts(TRUTH), column("good", TRUTH)]
    assert weighed(scores, noise=0.5).apart == 66
    found = weighed(scores, noise=10.5)
    assert found.apart == 1 and found.pairs == 66
    assert found.verdict.startswith("Nothing can be said: only 1 of 66 pairs")
    tied = weighed(scores, noise=2.5)
    assert tied.apart == 45
    assert tied.rows[0].kendall is not None
    assert tied.rows[0].kendall.value == pytest.approx(45 / np.sqrt(66 * 45))


def test_what_failed_ranks_last() -> None:
    values = [None, *TRUTH[1:].tolist()]
    half = Scores(
        name="half", kind="proxy", values=(None, None, *TRUTH[2:].tolist()), reason="no ReLU"
    )
    none = Scores(name="none", kind="ensemble", values=(None,) * N, reason="no layer")
    found = weigh([*counts(TRUTH), half, none], values, noise=0.5, seed=0, repeats=200)
    rows = {r.name: r for r in found.rows}
    assert found.apart == 66 and found.networks == N
    assert rows["half"].failed == 2 and rows["half"].reason == "no ReLU"
    assert rows["half"].spearman is not None
    assert rows["half"].spearman.value == pytest.approx(
        spearman([-1, -1, *TRUTH[2:]], [-1, *TRUTH[1:]])
    )
    assert found.rows[-1] is rows["none"]
    assert rows["none"].spearman is None and rows["none"].p_value is None
    assert weigh(counts(TRUTH), [None] * N, noise=0.5, seed=0, repeats=50).apart == 0


def test_too_little_is_said_to_be_too_little() -> None:
    for n in (0, 1, 4):
        said = weigh(
            [column("a", TRUTH[:n]), *counts(TRUTH[:n])], TRUTH[:n].tolist(), noise=None,
            seed=0, repeats=50,
        ).verdict  # fmt: skip
        assert said.startswith(f"Nothing can be said: {n} networks were trained")
    flat = weighed([*counts(np.ones(N)), column("flat", np.ones(N))])
    assert "are equal" in flat.verdict and flat.by_luck is None
    assert "are equal" in weighed(counts(TRUTH), np.ones(N)).verdict
    assert weighed(counts(TRUTH)).verdict.startswith("The parameter count has a Spearman")


def test_a_count_that_never_changes_is_no_rival() -> None:
    scores = [*counts(np.ones(N)), column("good", TRUTH)]
    found = weighed(scores)
    assert found.rows[0].lead is None and "params are equal for all" in found.verdict


def test_many_winners_are_not_all_named() -> None:
    scores = counts(NOISE[0]) + [column(f"good {i}", TRUTH + 0.01 * NOISE[i]) for i in range(5)]
    said = weighed(scores).verdict
    assert "good 0 (1.00), good 1 (1.00) and good 2 (1.00) and 2 more rank networks" in said


def test_nonsense_is_refused() -> None:
    with pytest.raises(UsageError, match="has 3 values for 12 networks"):
        weighed([column("a", TRUTH[:3])])
    with pytest.raises(UsageError, match="pass None"):
        weighed([column("a", np.full(N, np.nan))])


def test_a_row_without_a_p_value_is_not_real() -> None:
    row = Trust(
        name="a", kind="proxy", spearman=None, kendall=None, partial=None, p_value=None,
        lead=None, lead_at_least=None, failed=0, reason="", ms=None,
    )  # fmt: skip
    said = verdict([row], networks=N, pairs=66, apart=None, by_luck=0.7)
    assert said.startswith("Nothing can be said: the networks, or all of their scores, are equal")
