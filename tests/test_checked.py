"""What a check found, from outcomes to columns, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import math

import pytest

from netwright.arch.cost import Cost
from netwright.catalog import PROXIES
from netwright.checked import Check, Probe, merit, score_columns, seed_noise
from netwright.proxies.ensembles import Ensemble, Panel
from netwright.records import Outcome
from netwright.trust import weigh

COST = Cost(params=10, macs=20, peak_activation_bytes=30)


def trained(loss: float | None) -> Outcome:
    if loss is None:
        return Outcome(status="failed", reason="loss became nan at step 4")
    return Outcome(status="ok", metrics={"val_loss": loss, "val_accuracy": 1 / loss})


def probe(loss: float | None, again: float | None = None) -> Probe:
    other = None if again is None else trained(again)
    return Probe(tokens=(0,), arch_id="a", cost=COST, outcome=trained(loss), again=other)


def scored(number: int, *, ntk: float | None = None) -> Outcome:
    metrics = {"params": number, "macs": 9.0 - number, "sum_log_n": 1.0, "naswot": number**2}
    metrics |= {"naswot ms": 5.0 + number, "ntk_condition ms": 1.0}
    if ntk is None:
        reason = "ntk_condition: the kernel is 0; grasp: no"
        return Outcome(status="failed", metrics=metrics, reason=reason)
    return Outcome(status="ok", metrics={**metrics, "ntk_condition": ntk})


def test_a_loss_is_better_when_it_is_small() -> None:
    assert merit(trained(2.0), "val_loss") == -2.0
    assert merit(trained(2.0), "val_accuracy") == 0.5
    assert merit(trained(None), "val_loss") is merit(None, "val_loss") is None


def test_noise_is_twice_the_root_mean_square_between_seeds() -> None:
    probes = [probe(1.0, 1.3), probe(2.0, 1.6), probe(1.5), probe(None, 1.0)]
    assert seed_noise(probes, "val_loss") == pytest.approx(2 * math.sqrt((0.09 + 0.16) / 2))
    assert seed_noise([probe(1.0)], "val_loss") is None


def test_columns_know_kind_direction_time_and_failures() -> None:
    both = Ensemble(name="both", members=("params", "ntk_condition"), rule="rank_mean", summary="",
                    lower=frozenset({"ntk_condition"}))  # fmt: skip
    missing = Ensemble(name="missing", members=("params", "zico"), rule="rank_mean", summary="")
    rows = [scored(1, ntk=4.0), scored(2), scored(3, ntk=2.0)]
    proxies = [PROXIES[n] for n in ("params", "naswot", "ntk_condition")]
    found = {c.name: c for c in score_columns(rows, proxies, [both, missing])}
    assert list(found) == ["params", "macs", "sum_log_n", "naswot", "ntk_condition", "both"]
    assert [c.kind for c in found.values()] == [*["control"] * 3, "proxy", "proxy", "ensemble"]
    assert not found["ntk_condition"].higher_is_better
    assert found["ntk_condition"].values == (4.0, None, 2.0)
    assert found["ntk_condition"].reason == "the kernel is 0"
    assert found["naswot"].ms == 7.0 and found["macs"].ms is None and found["both"].ms == 1.0
    sample = [{"params": r.metrics["params"], "ntk_condition": r.metrics.get("ntk_condition")}
              for r in rows]  # fmt: skip
    assert found["both"].values == tuple(Panel.of(both, sample).score(s) for s in sample)


def test_json_and_csv_hold_the_table() -> None:
    rows = [scored(i, ntk=1.0) for i in range(6)]
    probes = (*(probe(1.0 + i) for i in range(5)), probe(None, 2.0))
    columns = score_columns(rows, [PROXIES["naswot"], PROXIES["ntk_condition"]], [])
    values = [merit(p.outcome, "val_loss") for p in probes]
    check = Check(
        probes=probes, weighed=weigh(columns, values, noise=0.5, seed=0, repeats=50),
        metric="val_loss", noise=0.5, steps=9, epochs=1.5, seconds={"total": 2.0},
        facts={"data": "digits"},
    )  # fmt: skip
    told = json.loads(json.dumps(check.to_dict(), allow_nan=False))
    assert told["data"] == "digits" and told["verdict"] == check.verdict
    assert [p["status"] for p in told["probes"]] == [*["ok"] * 5, "failed"]
    assert told["probes"][5]["again"]["val_loss"] == 2.0 and told["pairs_apart"] == 15
    table = list(csv.DictReader(io.StringIO(check.to_csv())))
    assert [row["name"] for row in table] == [row["name"] for row in told["scores"]]
    best = told["scores"][0]
    assert float(table[0]["spearman_low"]) == best["spearman"]["low"]
    assert table[-1]["spearman"] == ""  # a constant
