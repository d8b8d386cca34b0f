"""``netwright latency measure``: order, ties and conditions of figures from a made-up clock."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from command_line import Command, Refused
from netwright.nn.measured import Latency

TIMES = {"mnasnet_a1": 10.0, "mnasnet_b1": 10.1, "mnasnet_small": 3.0}


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(runs: Mapping[str, object], **_: object) -> dict[str, Latency]:
        return {
            name: Latency(
                median_ms=TIMES[name], low_ms=TIMES[name] - 0.5, high_ms=TIMES[name] + 0.5,
                samples=20, settled=name != "mnasnet_small",
            )
            for name in runs
        }  # fmt: skip

    monkeypatch.setattr("netwright.nn.timing.measure", measure)


@pytest.mark.usefixtures("timed")
def test_the_fastest_comes_first_and_noise_is_a_tie(command: Command) -> None:
    words = ("latency", "measure", *TIMES, "--resolution", "32", "--classes", "5")
    data = command(*words, "--threads", "2", "--json").data
    assert [n["name"] for n in data["networks"]] == ["mnasnet_small", "mnasnet_a1", "mnasnet_b1"]
    assert data["ties"] == [["mnasnet_a1", "mnasnet_b1"]]
    assert data["setting"]["runtime"] == "torch" and data["setting"]["threads"] == 2
    assert data["setting"]["shape"] == [3, 32, 32]
    out = command("latency", "measure", *TIMES, "--resolution", "8", "--classes", "2").out
    assert "ties with mnasnet_a1" in out and "never settled" in out and "1 thread," in out


def test_a_command_of_the_users(command: Command, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    script = tmp_path / "bench.sh"
    script.write_text("""#!/bin/sh\ntest -s "$1" && echo '{"median_ms": 7}'\n""")
    script.chmod(0o755)
    words = ("latency", "measure", "mnasnet_small", "--resolution", "32")
    data = command(*words, "--latency-command", f"{script} {{model}}", "--json").data
    assert data["networks"][0]["median_ms"] == 7 and data["setting"]["runtime"] == "command"


WRONG = [
    (["mnasnet_a2"], "mnasnet_a1"),
    (["mnasnet_a1", "--runtime", "tflite"], "No runtime is called 'tflite'"),
    (["mnasnet_a1", "--threads", "0"], "threads 0 runs nothing"),
    (["mnasnet_a1", "--seconds", "0"], "--seconds 0 measures nothing"),
    (["mnasnet_a1", "--dtype", "int4"], "No network is timed in 'int4'"),
    (["mnasnet_a1", "--device", "tpu"], "tpu"),
    (["mnasnet_a1", "--latency-command", "bench"], "has no {model}"),
]


@pytest.mark.parametrize(("words", "said"), WRONG)
def test_mistakes(refused: Refused, words: list[str], said: str) -> None:
    assert said in refused("latency", "measure", *words, "--resolution", "32")
