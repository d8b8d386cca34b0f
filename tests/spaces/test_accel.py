"""The Accel-NASBench space against the benchmark's own parameters, strings and timm."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from netwright.arch.cost import cost
from netwright.contracts import Space
from netwright.errors import TokenError, UsageError
from netwright.fakes import TinySpace
from netwright.spaces.accel import AccelSpace, from_digits, to_digits
from netwright.spaces.mnasnet import published
from netwright.spaces.tokens import raw_size
from netwright.stats import spearman
from netwright.testing import SpaceContract

TABLE = Path(__file__).parents[3] / "shared" / "data" / "accel_nasbench.parquet"
SPACE = AccelSpace()


class TestAccelSpace(SpaceContract):
    samples = 12

    def make(self) -> Space:
        return AccelSpace(classes=10, resolution=32)


def test_digits_go_both_ways() -> None:
    digits = ("1464616", "3535353", "1234123", "0101010")
    row = from_digits(*digits)
    assert row[:4] == (0, 0, 0, 0) and row[4:8] == (1, 1, 1, 1) and row[8:12] == (2, 0, 2, 0)
    assert to_digits(row) == digits


@pytest.mark.parametrize(
    "digits",
    [
        ("146461", "3535353", "1234123", "0101010"),
        ("1464612", "3535353", "1234123", "0101010"),
        ("1464616", "3535357", "1234123", "0101010"),
        ("1464616", "3535353", "1234120", "0101010"),
        ("1464616", "3535353", "1234123", "010101x"),
    ],
)
def test_other_digits_are_refused(digits: tuple[str, str, str, str]) -> None:
    with pytest.raises(UsageError, match="seven digits each"):
        from_digits(*digits)


def test_what_is_decoded_is_encoded() -> None:
    row = from_digits("1464616", "3535353", "1234123", "0101010")
    assert SPACE.encode(SPACE.decode(row)) == row
    for other in (TinySpace().decode((0, 1, 1, 0)), published("mnasnet_a1")):
        with pytest.raises(TokenError, match="no network of the accel space"):
            SPACE.encode(other)
    with pytest.raises(TokenError, match="with 10 classes"):
        AccelSpace(classes=10).encode(SPACE.decode(row))


def test_its_size_is_the_product_of_its_options() -> None:
    assert SPACE.size == raw_size(SPACE)


def test_small_images_are_refused() -> None:
    with pytest.raises(UsageError, match="at least 32 px"):
        AccelSpace(resolution=16)


@pytest.mark.data
def test_parameters_are_those_of_the_benchmark() -> None:
    if not TABLE.exists():
        pytest.skip(f"needs {TABLE.name} of ../shared/data")
    parquet = pytest.importorskip("pyarrow.parquet")
    names = ["e", "k", "l", "se", "params_m", "macs_m"]
    table = parquet.read_table(TABLE, columns=names).slice(0, 60).to_pydict()
    costs = [
        cost(SPACE.decode(from_digits(*row)))
        for row in zip(table["e"], table["k"], table["l"], table["se"], strict=True)
    ]
    ours = np.array([c.params / 1e6 for c in costs])
    assert np.abs(ours - np.array(table["params_m"])).max() < 1e-4
    assert spearman([c.macs for c in costs], table["macs_m"]) > 0.99
