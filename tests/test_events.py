"""Events are values; whoever watches can tell them apart."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import get_args

import pytest

from netwright.events import Event, FinalsProgress, Stage
from netwright.ledger import Progress


def test_three_kinds_that_cannot_be_changed() -> None:
    assert set(get_args(Event)) == {Stage, Progress, FinalsProgress}
    stage = Stage(text="Searching")
    assert stage == Stage(text="Searching")
    with pytest.raises(FrozenInstanceError):
        stage.text = "Done"  # type: ignore[misc]
