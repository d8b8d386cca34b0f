"""The conformance suites, on the smallest things that keep them, and on some that do not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import pytest

from netwright.arch.graph import Architecture
from netwright.contracts import Space, Strategy
from netwright.records import Tokens, Trial
from netwright.testing import (
    RandomDraws,
    SpaceContract,
    StrategyContract,
    TinySpace,
)


def test_a_strategy_that_forgets_to_be_pure_is_found_out() -> None:
    class Impure(RandomDraws):
        def ask(self, n: int) -> list[Tokens]:
            asked = super().ask(n)
            self._told += n
            return asked

    class Suite(StrategyContract):
        def make(self, space: Space, seed: int) -> Strategy:
            return Impure(space, seed=seed)

    with pytest.raises(AssertionError):
        Suite().test_ask_changes_nothing()


def test_a_strategy_that_counts_tells_is_found_out() -> None:
    class Counting(RandomDraws):
        def tell(self, trials: Sequence[Trial]) -> None:
            self._told += 1

    class Suite(StrategyContract):
        def make(self, space: Space, seed: int) -> Strategy:
            return Counting(space, seed=seed)

    with pytest.raises(AssertionError):
        Suite().test_telling_the_trials_again_resumes()


def test_a_space_whose_inactive_tokens_speak_is_found_out() -> None:
    class Loud(TinySpace):
        def canonical(self, tokens: Tokens) -> Tokens:
            return (*tokens[:2], 0, 0)

        def decode(self, tokens: Tokens) -> Architecture:
            return TinySpace().decode(tokens)

    class Suite(SpaceContract):
        def make(self) -> Space:
            return Loud()

    with pytest.raises(AssertionError):
        Suite().test_canonical_is_idempotent_and_the_same_network()


def test_it_needs_no_torch() -> None:
    code = "import sys, netwright.testing, netwright.loop; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
