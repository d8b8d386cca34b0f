"""An ensemble as an evaluator: members beside it, a sample that stays, failures that rank last."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netwright.arch.graph import Architecture
from netwright.contracts import Evaluator
from netwright.errors import UsageError
from netwright.evaluators.ensembles import (
    EnsembleEvaluator,
    member_evaluator,
    panel_of,
    reference_tokens,
)
from netwright.evaluators.proxies import ProxyEvaluator
from netwright.fakes import TinySpace
from netwright.proxies.ensembles import ENSEMBLES
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.listing import Proxy
from netwright.records import Budget, Outcome
from netwright.spaces.within import Within
from netwright.testing import EvaluatorContract
from netwright.training.reference import DataRef

CONSENSUS = next(e for e in ENSEMBLES if e.name == "consensus")


def fail(module: object, batches: object) -> float:
    """No score."""
    raise ScoreFailed("on purpose")


def broken_one(proxy: Proxy) -> Proxy:
    """A proxy of the same name that always fails."""
    return Proxy(name=proxy.name, function=fail, summary="")


def make(photos: object) -> EnsembleEvaluator:
    data = DataRef(source=str(photos), resolution=8)
    members = member_evaluator(CONSENSUS, ProxyEvaluator(data=data, proxies=(), batch_size=8))
    space = TinySpace()
    within = Within.of(space, Budget(), seed=0)
    rows = reference_tokens(within, seed=0, count=4)
    outcomes = [members(space.decode(row), seed=0) for row in rows]
    return EnsembleEvaluator(members=members, panel=panel_of(CONSENSUS, outcomes))


class TestEnsembleEvaluator(EvaluatorContract):
    @pytest.fixture(autouse=True)
    def images(self, photos: object) -> None:
        self.photos = photos

    def make(self) -> EnsembleEvaluator:
        return make(self.photos)

    def make_failing(self) -> tuple[Evaluator, Architecture]:
        made = self.make()
        broken = tuple(broken_one(p) for p in made.members.proxies)
        return (
            replace(made, members=replace(made.members, proxies=broken)),
            self.architectures()[0],
        )

    def test_it_is_the_panel_of_its_members(self) -> None:
        made = self.make()
        found = made(self.architectures()[0], seed=0).metrics
        assert set(CONSENSUS.members) <= set(found)
        assert found["consensus"] == made.panel.score({m: found[m] for m in CONSENSUS.members})

    def test_one_failed_member_ranks_last(self) -> None:
        made = self.make()
        first, second = made.members.proxies
        broken = replace(made.members, proxies=(broken_one(first), second))
        arch = self.architectures()[0]
        found = replace(made, members=broken)(arch, seed=0)
        assert found.status == "ok" and first.name not in found.metrics
        assert found.metrics["consensus"] <= made(arch, seed=0).metrics["consensus"]


def test_the_sample_is_the_same_for_a_seed_and_fits() -> None:
    within = Within.of(TinySpace(), Budget(), seed=0)
    assert reference_tokens(within, seed=1) == reference_tokens(within, seed=1)
    assert reference_tokens(within, seed=1, count=3) == reference_tokens(within, seed=1)[:3]
    assert all(map(within.fits, reference_tokens(within, seed=1)))


def test_where_nothing_can_be_scored_it_is_said() -> None:
    failed = Outcome(status="failed", reason="jacob_cov: no", device="cpu")
    with pytest.raises(UsageError, match="jacob_cov: no"):
        panel_of(CONSENSUS, [failed])
