"""Ensembles of ``netwright score``: a value that other networks of the call do not move."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from command_line import Command, Refused
from netwright.evaluators.ensembles import reference_tokens


@pytest.fixture(autouse=True)
def small_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    few = partial(reference_tokens, count=3)
    monkeypatch.setattr("netwright.cli.together.reference_tokens", few)


def test_a_score_does_not_depend_on_its_company(command: Command, photos: Path) -> None:
    words = ("score", photos, "--batch-size", "8", "--proxy", "consensus", "--json")
    alone = command(*words, "mnasnet_small").data["networks"]
    both = command(*words, "mnasnet_small", "mnasnet_a1").data["networks"]
    values = [row["scores"]["consensus"]["value"] for row in (*alone, *both)]
    assert values[0] == values[1] and values[0] <= 0
    assert {"params", "macs", "sum_log_n", "jacob_cov", "az_trainability"} <= set(
        alone[0]["scores"]
    )


def test_a_space_that_is_not_there(refused: Refused, photos: Path) -> None:
    said = refused("score", photos, "mnasnet_a1", "--proxy", "consensus", "--space", "mobil")
    assert "Did you mean 'mobile'?" in said
