"""Rows of tokens: checked, drawn evenly, counted, enumerated, told apart."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from netwright.contracts import Space
from netwright.errors import TokenError, UsageError
from netwright.fakes import ONE, TinySpace
from netwright.rng import stream
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.tokens import (
    check,
    choice,
    count,
    describe,
    enumerate_tokens,
    fingerprint,
    first_row,
    raw_size,
    sample,
)

SPACE = TinySpace()


def test_check() -> None:
    assert check(SPACE, np.array([1, 2, 0, 1])) == (1, 2, 0, 1)  # type: ignore[arg-type]
    assert all(type(t) is int for t in check(SPACE, np.array([1, 2, 0, 1])))  # type: ignore[arg-type]
    with pytest.raises(TokenError, match="tiny takes 4 tokens; 3 came"):
        check(SPACE, (0, 0, 0))
    for bad in (5, -1, 1.5):
        with pytest.raises(TokenError, match=rf"Token 2 \(block\) is {bad}; it must be 0 to 4"):
            check(SPACE, (0, 0, bad, 0))  # type: ignore[arg-type]


def test_sizes_and_enumeration() -> None:
    rows = list(enumerate_tokens(SPACE))
    assert raw_size(SPACE) == 4 * 3 * 5 * 2
    assert count(SPACE) == len(rows) == len(set(rows)) == 4 + 4 * 2 * 10
    assert rows == sorted(rows) and all(SPACE.canonical(r) == r for r in rows)
    assert count(MobileSpace()) == MobileSpace().size
    with pytest.raises(UsageError, match="Give the space a `size`"):
        count(SPACE, limit=100)


def test_samples_are_uniform_over_raw_rows() -> None:
    draws = [sample(SPACE, stream(i, "t")) for i in range(3000)]
    widths = Counter(row[0] for row in draws)
    absent = sum(row[1] == 0 for row in draws)
    assert all(abs(n - 750) < 100 for n in widths.values())  # 4 deviations of 24
    assert abs(absent - 1000) < 110 and all(row[2:] == (0, 0) for row in draws if row[1] == 0)
    assert sample(ONE, stream(0, "t")) == (0, 0, 0, 0)


def test_describe() -> None:
    assert describe(SPACE, (3, 1, 2, 1)) == {
        "width": "12", "depth": "1", "block": "mbconv", "kernel": "5",
    }  # fmt: skip
    assert choice("kernel", (3, 5)).options == ("3", "5")


def test_the_first_row_is_canonical() -> None:
    row = first_row(SPACE)
    assert set(row) == {0} and len(row) == len(SPACE.choices) and SPACE.canonical(row) == row


def test_fingerprints_tell_spaces_apart() -> None:
    others: list[Space] = [
        TinySpace(widths=(4, 6, 8)), TinySpace(resolution=9), TinySpace(classes=4),
        replace(SPACE, name="other"), MobileSpace(resolution=32, classes=10),
        MobileSpace(resolution=32, classes=10, channels=1),
        MobileSpace(resolution=32, classes=10, activation="silu"),
        MobileSpace(resolution=32, classes=10, dropout=0.0),
    ]  # fmt: skip
    prints = [fingerprint(s) for s in (SPACE, *others)]
    assert len(set(prints)) == len(prints) and fingerprint(TinySpace()) == prints[0]
