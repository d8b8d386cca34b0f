"""A reference opens the same data once per process, at the size asked for."""

from __future__ import annotations

from netwright.training.reference import DataRef


def test_opened_once() -> None:
    ref = DataRef(source="digits", seed=3)
    assert ref.open() is DataRef(source="digits", seed=3).open()
    assert ref.open() is not DataRef(source="digits", seed=4).open()
    assert ref.open().id == ref.open_lazily().id


def test_at_another_size() -> None:
    ref = DataRef(source="digits", resolution=8)
    assert ref.at(8) is ref
    assert ref.at(12).open().input_shape == (1, 12, 12)
    assert list(ref.at(12).open().val.rows) == list(ref.open().val.rows)
