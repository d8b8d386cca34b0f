"""What a training tells is frozen and of plain types."""

from __future__ import annotations

import dataclasses

import pytest

from netwright.training.reports import Fitted, HistoryPoint, Progress


@pytest.mark.parametrize("record", [Fitted, HistoryPoint, Progress])
def test_records_are_frozen_and_keyword_only(record: type) -> None:
    assert dataclasses.is_dataclass(record)
    assert all(field.kw_only for field in dataclasses.fields(record))
    params = record.__dataclass_params__  # type: ignore[attr-defined]
    assert params.frozen
