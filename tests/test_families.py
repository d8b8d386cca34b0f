"""The grid of scaling rules, and fits that are searches like any other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from netwright.arch.cost import cost
from netwright.arch.graph import Architecture
from netwright.errors import StoreError, UsageError
from netwright.families import ScalingSpace, fit_scaling, grid, single_dimensions
from netwright.records import Budget, Objective, Outcome
from netwright.scaling import Rule
from netwright.spaces.efficientnet import published
from netwright.spaces.tokens import fingerprint
from netwright.store import RunKey, open_store
from netwright.testing import SpaceContract
from netwright.workers import Serial

BASE = published("efficientnet_b0", classes=10, resolution=64)
RULES = (Rule(), Rule(alpha=1.4, beta=1.2, gamma=1.0), Rule(alpha=1.0, beta=1.2, gamma=1.2))


def test_the_grid_of_the_reference() -> None:
    assert len(grid()) == 63
    assert len(grid(tolerance=0.05)) == 43
    assert Rule(alpha=1.2, beta=1.1, gamma=1.15) in grid()
    assert Rule(alpha=1.2, beta=1.1, gamma=1.15) not in grid(tolerance=0.05)
    assert all(abs(rule.cost_factor - 2) <= 0.08 + 1e-9 for rule in grid())


def test_an_empty_grid_says_so() -> None:
    with pytest.raises(UsageError, match="raise the tolerance"):
        grid(step=0.5, tolerance=0.001)


class TestScalingSpace(SpaceContract):
    def make(self) -> ScalingSpace:
        return ScalingSpace(BASE, RULES)


@dataclass(frozen=True)
class Nearest:
    """Prefers networks near 40M MACs, and writes down which it has seen."""

    log: str

    def __call__(self, arch: Architecture, *, seed: int) -> Outcome:
        with Path(self.log).open("a") as file:
            file.write(f"{arch.id}\n")
        if arch.input_shape[1] == 64:  # the rule that does not scale resolution
            return Outcome(status="failed", reason="diverged", device="cpu")
        value = -abs(cost(arch).macs - 65e6)
        return Outcome.of({"score": value}, seconds=0.0, device="cpu")


def key(space: ScalingSpace) -> RunKey:
    return RunKey(
        space=space.name,
        fingerprint=fingerprint(space),
        seed=0,
        strategy="exhaustive",
        evaluator="nearest",
        objective=Objective(metric="score"),
        budget=Budget(),
        batch=16,
    )


def test_a_fit_judges_every_rule_once_and_resumes(tmp_path: Path) -> None:
    space, log = ScalingSpace(BASE, RULES), tmp_path / "log"
    for _ in range(2):  # the second finds everything in the store
        with open_store(tmp_path / "fit.db", run=key(space), resume=True) as store:
            fit = fit_scaling(
                BASE,
                Nearest(str(log)),
                objective=Objective(metric="score"),
                store=store,
                executor=Serial(),
                seed=0,
                rules=RULES,
            )
    assert len(log.read_text().split()) == len(RULES)
    assert [row.rule for row in fit.table][-1] == RULES[1]
    assert fit.table[-1].value is None
    assert fit.table[-1].reason == "diverged"
    values = [row.value for row in fit.table[:2]]
    assert values == sorted(values, key=lambda v: -(v or 0.0))
    assert fit.best == fit.table[0].rule
    other = ScalingSpace(published("efficientnet_b0", classes=3, resolution=64), RULES)
    with pytest.raises(StoreError, match="another|with"):
        open_store(tmp_path / "fit.db", run=key(other), resume=True)


def test_single_dimensions_take_equal_macs_per_phi() -> None:
    rules = single_dimensions()
    assert set(rules) == {"compound", "depth", "width", "resolution"}
    factors = {name: rule.cost_factor for name, rule in rules.items()}
    assert factors == pytest.approx(dict.fromkeys(rules, 1.2 * 1.1**2 * 1.15**2))
