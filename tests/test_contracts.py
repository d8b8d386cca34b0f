"""The protocols are what their implementations are: same methods, same parameters."""

from __future__ import annotations

import inspect
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from netwright.contracts import Choice, Evaluator, Space, Store, Strategy
from netwright.fakes import FakeEvaluator, RandomDraws, TinySpace
from netwright.spaces.mobile import MobileSpace
from netwright.strategies.evolution import Evolution
from netwright.strategies.uniform import Uniform


def methods(protocol: type) -> list[str]:
    """What a protocol asks for."""
    return [n for n in vars(protocol) if not n.startswith("_") or n in ("__call__", "__iter__")]


@pytest.mark.parametrize(("protocol", "implementation"), [
    (Space, TinySpace), (Space, MobileSpace), (Evaluator, FakeEvaluator),
    (Strategy, RandomDraws), (Strategy, Uniform), (Strategy, Evolution),
])  # fmt: skip
def test_implementations_have_the_methods(protocol: type, implementation: Any) -> None:
    for name in methods(protocol):
        asked, given = getattr(protocol, name), getattr(implementation, name, None)
        if inspect.isfunction(asked):
            wanted = [(p.name, p.kind) for p in inspect.signature(asked).parameters.values()]
            came = [(p.name, p.kind) for p in inspect.signature(given).parameters.values()]  # type: ignore[arg-type]
            assert came == wanted, name
        else:
            fields = getattr(implementation, "__dataclass_fields__", {})
            assert given is not None or name in fields, name


def test_every_method_says_what_it_is_for() -> None:
    for protocol in (Space, Evaluator, Strategy, Store):
        assert all(getattr(protocol, name).__doc__ for name in methods(protocol))


def test_a_choice_is_a_value() -> None:
    choice = Choice("kernel", ("3", "5"))
    assert choice == Choice("kernel", ("3", "5")) and hash(choice) == hash(choice)
    with pytest.raises(FrozenInstanceError):
        choice.name = "other"  # type: ignore[misc]
