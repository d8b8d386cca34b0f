"""Conformance suites: inherit one to test your own space, evaluator, strategy or store.

    class TestMySpace(SpaceContract):
        def make(self) -> Space:
            return MySpace()

They run under pytest.  :mod:`netwright.fakes` has the smallest things that keep the contracts.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any, TypeVar
from unittest import SkipTest

from netwright.arch.cost import Cost, cost
from netwright.arch.graph import Architecture
from netwright.contracts import Evaluator, Space, Strategy
from netwright.errors import StoreError, TokenError
from netwright.fakes import ONE, FakeEvaluator, RandomDraws, TinySpace
from netwright.ledger import TimedStore
from netwright.records import Outcome, Tokens, Trial
from netwright.rng import derive, stream
from netwright.spaces import edit
from netwright.spaces.tokens import check, fingerprint

__all__ = [
    "ONE",
    "EvaluatorContract",
    "FakeEvaluator",
    "RandomDraws",
    "SpaceContract",
    "StoreContract",
    "StrategyContract",
    "TinySpace",
]
_T = TypeVar("_T")


class SpaceContract:
    """What every space keeps; give ``make``."""

    samples = 30

    def make(self) -> Space:
        """The space."""
        raise NotImplementedError

    def rows(self) -> list[Tokens]:
        """Random rows in range, canonical or not."""
        high = [len(c.options) for c in self.make().choices]
        rng = stream(0, "contract")
        return [tuple(int(rng.integers(h)) for h in high) for _ in range(self.samples)]

    def test_choices_have_names_and_options(self) -> None:
        names = [c.name for c in self.make().choices]
        assert len(set(names)) == len(names), "names of choices must differ"
        for c in self.make().choices:
            assert c.options and len(set(c.options)) == len(c.options), c

    def test_canonical_is_idempotent_and_the_same_network(self) -> None:
        space = self.make()
        for row in self.rows():
            canonical = space.canonical(row)
            assert check(space, canonical) == canonical
            assert space.canonical(canonical) == canonical
            assert space.decode(canonical).id == space.decode(row).id

    def test_decode_is_deterministic(self) -> None:
        for row in self.rows()[:5]:
            assert self.make().decode(row) == self.make().decode(row)

    def test_every_token_in_range_decodes(self) -> None:
        space, rows = self.make(), self.rows()
        for i, c in enumerate(space.choices):
            for option in range(len(c.options)):
                row = rows[(i + option) % len(rows)]
                arch = space.decode((*row[:i], option, *row[i + 1 :]))
                assert cost(arch).macs > 0

    def test_tokens_out_of_range_are_refused(self) -> None:
        space = self.make()
        row = self.rows()[0]
        high = len(space.choices[0].options)
        for bad in ((high, *row[1:]), (-1, *row[1:]), row[1:], (*row, 0)):
            try:
                space.decode(bad)
            except TokenError:
                continue
            raise AssertionError(f"{bad} is no candidate; decode must raise TokenError")

    def test_edits_are_candidates(self) -> None:
        space, rng = self.make(), stream(0, "contract", "edits")
        rows = [space.canonical(r) for r in self.rows()]
        for left, right in zip(rows, rows[1:], strict=False):
            for row in (
                edit.mutate(space, left, rng=rng),
                edit.cross(space, left, right, rng=rng),
            ):
                assert space.canonical(check(space, row)) == row
        for row in list(edit.neighbours(space, rows[0]))[: self.samples]:
            assert space.canonical(check(space, row)) == row != rows[0]

    def test_architectures_survive_json(self) -> None:
        for row in self.rows()[:5]:
            arch = self.make().decode(row)
            again = Architecture.from_json(arch.to_json())
            assert again == arch and again.id == arch.id and cost(again) == cost(arch)

    def test_it_travels_to_another_process_unchanged(self) -> None:
        assert fingerprint(_sent(self.make())) == fingerprint(self.make())


class EvaluatorContract:
    """What every evaluator keeps; give ``make`` and, if it needs its own, ``architectures``."""

    def make(self) -> Evaluator:
        """The evaluator."""
        raise NotImplementedError

    def make_failing(self) -> tuple[Evaluator, Architecture]:
        """An evaluator and a network that it must fail, such as one whose loss becomes nan."""
        raise SkipTest("no failing case given: override make_failing")

    def architectures(self) -> Sequence[Architecture]:
        """Two networks or more that it can look at."""
        space = TinySpace()
        return [space.decode((0, 1, 1, 0)), space.decode((2, 2, 3, 1))]

    def test_metrics_are_finite_and_none_is_of_test_data(self) -> None:
        for arch in self.architectures():
            outcome = self.make()(arch, seed=0)
            assert outcome.status == "ok" and outcome.metrics, outcome
            assert all(math.isfinite(v) for v in outcome.metrics.values())
            assert not [name for name in outcome.metrics if name.startswith("test_")]
            assert outcome.device and outcome.seconds >= 0

    def test_the_same_seed_gives_the_same_answer(self) -> None:
        evaluator, first, second = self.make(), *self.architectures()[:2]
        answer = replace(evaluator(first, seed=7), seconds=0)
        evaluator(second, seed=1)  # what it looks at in between must not matter
        assert replace(evaluator(first, seed=7), seconds=0) == answer
        assert replace(self.make()(first, seed=7), seconds=0) == answer

    def test_failure_is_a_value(self) -> None:
        evaluator, arch = self.make_failing()
        outcome = evaluator(arch, seed=0)
        assert outcome.status == "failed" and outcome.reason

    def test_it_travels_to_another_process_unchanged(self) -> None:
        arch = self.architectures()[0]
        sent = replace(_sent(self.make())(_sent(arch), seed=3), seconds=0)
        assert sent == replace(self.make()(arch, seed=3), seconds=0)

    def test_the_global_generator_is_left_alone(self) -> None:
        before = _torch_state()
        self.make()(self.architectures()[0], seed=0)
        assert before is None or _torch_state() == before


class StrategyContract:
    """What every strategy keeps; give ``make``.  Set ``seeded`` to False if it draws nothing."""

    batch = 6
    batches = 4
    seeded = True

    def make(self, space: Space, seed: int) -> Strategy:
        """A fresh strategy."""
        raise NotImplementedError

    def space(self) -> Space:
        """The space to search in, of 50 candidates or more."""
        return TinySpace()

    def outcome(self, arch: Architecture) -> Outcome:
        """What is told of a network; give it the metrics that the strategy looks at."""
        return FakeEvaluator()(arch, seed=derive(0, arch.id))

    def play(
        self, strategy: Strategy, *, batches: int, bad: str = "", every: int = 3
    ) -> list[list[Trial]]:
        """Ask and tell; ``bad`` is the status of all but every third trial."""
        told: list[list[Trial]] = []
        known: dict[str, Trial] = {}
        for _ in range(batches):
            numbered = enumerate(strategy.ask(self.batch), start=sum(map(len, told)))
            trials = [
                self.trial(self.space(), n, tokens, bad=bad if n % every else "", known=known)
                for n, tokens in numbered
            ]
            strategy.tell(trials)
            told.append(trials)
        return told

    def trial(
        self, space: Space, number: int, tokens: Tokens, *, bad: str, known: dict[str, Trial]
    ) -> Trial:
        """What the loop would tell of a candidate; ``known`` is filled with what was seen."""
        arch = space.decode(tokens)
        outcome = self.outcome(arch)
        if bad == "failed":
            outcome = Outcome(status="failed", reason="loss became nan at step 4")
        elif bad == "rejected":
            outcome = Outcome(status="rejected", reason="macs 2.00M > 1.00M")
        made = Trial(
            number=number, tokens=tokens, arch_id=arch.id, cost=cost(arch), outcome=outcome
        )
        if bad == "rejected":
            return made
        original = known.setdefault(arch.id, made)
        if original is made:
            return made
        copied = replace(original.outcome, seconds=0.0)
        return replace(made, outcome=copied, duplicate_of=original.number)

    def test_ask_changes_nothing(self) -> None:
        strategy = self.make(self.space(), 0)
        for _ in range(3):
            assert list(strategy.ask(self.batch)) == list(strategy.ask(self.batch))
            self.play(strategy, batches=1)

    def test_candidates_are_legal_and_canonical(self) -> None:
        space = self.space()
        for trials in self.play(self.make(space, 0), batches=self.batches):
            assert len(trials) == self.batch
            for trial in trials:
                assert space.canonical(check(space, trial.tokens)) == trial.tokens

    def test_one_seed_gives_one_search(self) -> None:
        first = self.play(self.make(self.space(), 3), batches=self.batches)
        assert self.play(self.make(self.space(), 3), batches=self.batches) == first

    def test_another_seed_gives_another_search(self) -> None:
        if not self.seeded:
            raise SkipTest("this strategy draws nothing")
        first = self.play(self.make(self.space(), 0), batches=self.batches)
        assert self.play(self.make(self.space(), 1), batches=self.batches) != first

    def test_telling_the_trials_again_resumes(self) -> None:
        for bad in ("", "failed"):
            strategy = self.make(self.space(), 0)
            trials = [t for b in self.play(strategy, batches=self.batches, bad=bad) for t in b]
            for size in (1, 4, self.batch, len(trials)):
                fresh = self.make(self.space(), 0)
                for i in range(0, len(trials), size):
                    fresh.tell(trials[i : i + size])
                assert list(fresh.ask(self.batch)) == list(strategy.ask(self.batch)), size

    def test_it_survives_what_goes_wrong(self) -> None:
        for bad in ("failed", "rejected"):
            for every in (3, 10**9):  # some that are good, and (but for the first) none
                strategy = self.make(self.space(), 0)
                for trials in self.play(strategy, batches=self.batches, bad=bad, every=every):
                    assert trials

    def test_a_space_of_one_candidate_does_not_hang_it(self) -> None:
        strategy, known, number = self.make(ONE, 0), dict[str, Trial](), 0
        for _ in range(3):
            asked = list(strategy.ask(self.batch))
            assert set(asked) <= {(0, 0, 0, 0)}
            numbered = enumerate(asked, start=number)
            strategy.tell([self.trial(ONE, n, t, bad="", known=known) for n, t in numbered])
            number += len(asked)

    def test_the_global_generator_is_left_alone(self) -> None:
        before = _torch_state()
        self.play(self.make(self.space(), 0), batches=2)
        assert before is None or _torch_state() == before


class StoreContract:
    """What every store keeps; give ``open``.  The tests are given a folder by pytest."""

    def open(self, folder: Path) -> AbstractContextManager[TimedStore]:
        """The store in this folder, made or opened again, to be closed by ``with``."""
        raise NotImplementedError

    def trial(self, number: int, **parts: Any) -> Trial:
        """Some trial, but for the parts given."""
        value = {"accuracy": 0.1 + 0.2, "tiny": 5e-324, "count": 3.0}
        outcome = Outcome(status="ok", metrics=value, seconds=1 / 3, device="cpu")
        made = Trial(
            number=number,
            tokens=(number, 0, 3),
            arch_id=f"{number:016x}",
            cost=Cost(params=10**9, macs=10**12, peak_activation_bytes=4),
            outcome=outcome,
        )
        return replace(made, **parts)

    def test_what_goes_in_comes_out_by_number(self, tmp_path: Path) -> None:
        failed = Outcome(status="failed", reason='a "quoted" reason; ≤ 20M\n')
        trials = [
            self.trial(2, duplicate_of=0),
            self.trial(0),
            self.trial(1, outcome=failed),
        ]
        with self.open(tmp_path) as store:
            assert list(store) == []
            store.append(trials[:1])
            store.append(trials[1:])
            assert list(store) == sorted(trials, key=lambda t: t.number)

    def test_it_is_all_there_after_opening_again(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            assert store.used_seconds == 0
            store.append([self.trial(n) for n in range(20)], used_seconds=1.25)
            store.append([], used_seconds=2.5)
        with self.open(tmp_path) as store:
            assert list(store) == [self.trial(n) for n in range(20)]
            assert store.used_seconds == 2.5
            store.append([self.trial(20)])
            assert store.used_seconds == 2.5

    def test_a_taken_number_is_refused_and_nothing_is_half_done(self, tmp_path: Path) -> None:
        with self.open(tmp_path) as store:
            store.append([self.trial(0), self.trial(1)], used_seconds=1.0)
            for bad in ([self.trial(2), self.trial(1)], [self.trial(2), self.trial(2)]):
                try:
                    store.append(bad, used_seconds=9.0)
                except StoreError as err:
                    assert str(bad[1].number) in str(err)
                else:
                    raise AssertionError("a taken number must raise StoreError")
            assert [t.number for t in store] == [0, 1]
            assert store.used_seconds == 1.0
            store.append([self.trial(2)])
            assert [t.number for t in store] == [0, 1, 2]


def _sent(value: _T) -> _T:
    """What arrives in another process."""
    copy: _T = ForkingPickler.loads(ForkingPickler.dumps(value))
    return copy


def _torch_state() -> bytes | None:
    torch = sys.modules.get("torch")
    return None if torch is None else bytes(torch.get_rng_state().numpy())
