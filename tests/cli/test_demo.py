"""``netwright demo``: the main job on digits, and what to type next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from command_line import Command, Refused
from netwright.config import SearchConfig
from netwright.run_folder import RunFolder


def test_it_is_a_search_on_digits_within_its_promise(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[SearchConfig] = []

    def run(chosen: SearchConfig, folder: RunFolder, *, resume: bool) -> dict[str, Any]:
        asked.append(chosen)
        assert not resume
        return {"folder": str(folder.path)}

    monkeypatch.setattr("netwright.cli.demo.run", run)
    data = command("demo", "--minutes", "3", "--seed", "2", "--json").data
    assert data["folder"] == data["run"] == "runs/demo-1"
    (chosen,) = asked
    assert (chosen.data, chosen.minutes, chosen.seed) == ("digits", 3, 2)
    assert chosen.max_params == 100_000


@pytest.mark.slow
def test_it_ends_with_a_tested_network_and_the_next_command(command: Command) -> None:
    answer = command("demo", "--minutes", "0.05", "--out", "demo")
    assert answer.code == 0
    assert "Test accuracy of the returned network" in answer.out
    assert "netwright search my_photos --max-macs 20M --minutes 10" in answer.out
    best = RunFolder(Path("demo")).read_result()["finals"]
    assert all(row["params"] <= 100_000 for row in best)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--minutes", "0"], "'minutes': input should be greater than 0"),
        (["--seed", "-1"], "'seed': input should be greater than or equal to 0"),
        (["digits"], "'digits' is more than was expected"),
    ],
)
def test_a_mistake_is_one_sentence(refused: Refused, words: list[str], said: str) -> None:
    assert said in refused("demo", *words)
