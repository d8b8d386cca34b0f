"""The live line of a running search: its words, on a terminal and in a file."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from netwright.arch.cost import Cost
from netwright.cli.display import Display, finals_facts, search_facts
from netwright.events import Event, FinalsProgress, Stage
from netwright.ledger import Progress
from netwright.records import Outcome, Trial

BEST = Trial(
    number=3,
    tokens=(1, 2),
    arch_id="abc",
    cost=Cost(params=10, macs=20, peak_activation_bytes=30),
    outcome=Outcome(status="ok", metrics={"val_loss": 0.25}, device="cpu"),
)


def progress(*, best: Trial | None = None, failed: int = 0, left: float | None = 41.0) -> Progress:
    return Progress(
        trials=412,
        ok=400,
        failed=failed,
        rejected=0,
        duplicates=3,
        best=best,
        best_value=None if best is None else -0.25,
        candidates_per_second=12.34,
        seconds_used=10.0,
        seconds_left=left,
    )


FINALS = FinalsProgress(
    done=7, segments=20, accuracies={"random": 0.5, "search 2": 0.612}, seconds_left=48.0
)


def test_the_line_of_a_search() -> None:
    said = search_facts(progress(best=BEST), "val_loss")  # the loss itself, not its negative
    assert said == "412 candidates, 12.3/s, 3 duplicates, best val_loss 0.25, 41.0s left"
    said = search_facts(progress(failed=2, left=None), "val_loss")
    assert said == "412 candidates, 12.3/s, 3 duplicates, 2 failed"


def test_the_line_of_the_finals() -> None:
    assert finals_facts(FINALS) == "7 of 20 parts, best so far 61.2% (search 2), 48.0s left"
    none = FinalsProgress(done=20, segments=20, accuracies={}, seconds_left=0.0)
    assert finals_facts(none) == "20 of 20 parts"


def shown(*events: Event, terminal: bool) -> str:
    out = io.StringIO()
    screen = Console(file=out, force_terminal=terminal, width=100, _environ={})
    with Display(screen, metric="val_loss") as display:
        for event in events:
            display(event)
    return out.getvalue()


def test_a_file_gets_a_line_per_stage_and_how_it_ended() -> None:
    lines = shown(
        Stage(text="Searching [all]"), progress(), progress(best=BEST), Stage(text="Training"),
        FINALS, terminal=False,
    ).splitlines()  # fmt: skip
    assert lines[0] == "Searching [all] ..." and lines[2] == "Training ..."
    assert lines[1].strip() == search_facts(progress(best=BEST), "val_loss")
    assert lines[3].strip() == finals_facts(FINALS) and len(lines) == 4


def test_a_long_stage_speaks_now_and_then_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(0, 10_000, 11))
    monkeypatch.setattr("netwright.cli.display.time.monotonic", lambda: float(next(now)))
    lines = shown(Stage(text="Searching"), progress(), progress(), terminal=False).splitlines()
    assert len(lines) == 4  # the stage, two lines of progress, and the last one again at its end


def test_a_terminal_gets_a_bar() -> None:
    said = shown(Stage(text="Searching"), progress(best=BEST), FINALS, terminal=True)
    assert "Searching" in said and "\x1b[" in said
