"""Quantities are read as people write them, and printed so that they can be read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwright.errors import UsageError
from netwright.units import (
    format_bytes,
    format_count,
    format_seconds,
    parse_activations,
    parse_bytes,
    parse_count,
    parse_seconds,
)


@pytest.mark.parametrize(("text", "value"), [
    ("20M", 20_000_000), ("1.5G", 1_500_000_000), ("2b", 2 * 10**9), ("100k", 100_000),
    ("1T", 10**12), ("600", 600), (" 20 m ", 20_000_000), ("2e7", 20_000_000), (".5k", 500),
    ("20_000_000", 20_000_000), ("1,500", 1500), ("1,500.5k", 1_500_500), ("0.9", 1),
])  # fmt: skip
def test_counts(text: str, value: int) -> None:
    assert parse_count(text) == value


@pytest.mark.parametrize(
    "text",
    ["", "M", "20X", "-5M", "0", "nan", "inf", "1e400", "0.3", "1,5M", "1,50", "1..5", "5MB"],
)
def test_what_is_no_count(text: str) -> None:
    with pytest.raises(UsageError, match="write it like 20M"):
        parse_count(text)


@pytest.mark.parametrize(("text", "value"), [
    ("4MB", 4_000_000), ("4MiB", 4_194_304), ("512kB", 512_000), ("100", 100), ("3 gb", 3 * 10**9),
    ("2TB", 2 * 10**12), ("1KiB", 1024),
])  # fmt: skip
def test_bytes(text: str, value: int) -> None:
    assert parse_bytes(text) == value


@pytest.mark.parametrize(("text", "value"), [
    ("5ms", 0.005), ("30s", 30), ("10min", 600), ("10m", 600), ("2h", 7200), ("7", 7),
    ("250us", 0.00025), ("250\u00b5s", 0.00025), ("250\u03bcs", 0.00025),
])  # fmt: skip
def test_seconds(text: str, value: float) -> None:
    assert parse_seconds(text) == pytest.approx(value)
    with pytest.raises(UsageError, match="duration"):
        parse_seconds(text + "x")


@pytest.mark.parametrize(("value", "text"), [
    (0, "0"), (7, "7"), (999, "999"), (999.6, "1.00k"), (1000, "1.00k"), (9_994, "9.99k"),
    (9_996, "10.0k"), (99_960, "100k"), (999_400, "999k"), (999_600, "1.00M"), (20e6, "20.0M"),
    (1.234e9, "1.23G"), (5e12, "5.00T"), (-2500, "-2.50k"), (0.5, "0.50"),
])  # fmt: skip
def test_printed_counts(value: float, text: str) -> None:
    assert format_count(value) == text


@pytest.mark.parametrize(("value", "text"), [
    (0.0123, "12.3ms"), (0.9996, "1.0s"), (0.34, "340ms"), (12, "12.0s"), (59.96, "1m 00s"),
    (245, "4m 05s"), (3599.7, "1h 00m"), (7800, "2h 10m"), (0, "0ms"),
])  # fmt: skip
def test_printed_seconds(value: float, text: str) -> None:
    assert format_seconds(value) == text


@given(st.integers(1, 10**14))
def test_printed_counts_can_be_read_back(value: int) -> None:
    assert parse_count(format_count(value)) == pytest.approx(value, rel=0.0051)
    assert parse_bytes(format_bytes(value)) == pytest.approx(value, rel=0.0051)


def test_activations_are_as_many_numbers_in_float32() -> None:
    assert parse_activations("4MB") == parse_activations("4MB:float32") == 4_000_000
    assert parse_activations("256kB:int8") == 1_024_000
    assert parse_activations("1MiB:bfloat16") == 2 * 2**20
    with pytest.raises(UsageError, match="'int4' is not a type that activations have; write 4MB"):
        parse_activations("4MB:int4")
