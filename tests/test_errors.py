"""One tree of errors, each with the builtin that fits it."""

from __future__ import annotations

import copy
import inspect

import pytest

from netwright import errors
from netwright.errors import NetwrightError, UnknownNameError

EVERY = [e for _, e in inspect.getmembers(errors, inspect.isclass) if issubclass(e, Exception)]


@pytest.mark.parametrize("error", EVERY)
def test_all_are_in_the_drawn_tree(error: type[Exception]) -> None:
    assert issubclass(error, NetwrightError)
    drawing = (errors.__doc__ or "").splitlines()
    (line,) = [row for row in drawing if f" {error.__name__}" in row]
    for base in error.__bases__:
        if base.__module__ == "builtins" and base is not Exception:
            assert f"({base.__name__})" in line


def test_a_near_name_is_suggested() -> None:
    error = UnknownNameError("strategy", "evolutoin", ["uniform", "evolution"])
    assert str(error) == "No strategy is called 'evolutoin'. Did you mean 'evolution'?"
    far = UnknownNameError("proxy", "xyz", ["zico", "params"])
    assert str(far) == "No proxy is called 'xyz'. There are: params, zico."
    assert isinstance(error, KeyError) and isinstance(error, ValueError)


def test_a_name_error_survives_the_way_to_another_process() -> None:
    error = copy.copy(UnknownNameError("space", "mobil", ["mobile"]))
    assert str(error) == "No space is called 'mobil'. Did you mean 'mobile'?"
    assert (error.kind, error.name, error.known) == ("space", "mobil", ["mobile"])
