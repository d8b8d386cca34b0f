"""A score that cannot be had is one of ours, and no bug."""

from __future__ import annotations

from netwright.errors import NetwrightError
from netwright.proxies.failure import ScoreFailed


def test_it_is_in_the_tree_and_an_arithmetic_error() -> None:
    err = ScoreFailed("the kernel is singular")
    assert isinstance(err, NetwrightError)
    assert isinstance(err, ArithmeticError)
    assert str(err) == "the kernel is singular"
