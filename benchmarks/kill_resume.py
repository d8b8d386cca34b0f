"""A search killed with SIGKILL at random moments and resumed is the search of that seed.

Run ``python benchmarks/kill_resume.py`` (a quarter of an hour), and again with ``--funnel`` for a
search by short trainings with the predictor.  A search on digits is killed at random moments of
its search and of its final trainings, and resumed, until it ends; then another seed, until there
were enough kills.  Checked: database and parts of the finals after each kill, that nothing stored
was evaluated again, the candidates and scores against an uninterrupted search of the same seed in
one process, and who won, who was left behind and all accuracies against finals from scratch by the
same plan.
"""

from __future__ import annotations

import argparse
import json
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import record
from feasible import space_of
from netwright import catalog
from netwright.config import SearchConfig, read_toml, search_config
from netwright.loop import BATCH, run_search
from netwright.records import Trial
from netwright.rng import stream
from netwright.run_folder import RunFolder
from netwright.spaces.within import Within
from netwright.store import open_store, read_store
from netwright.training.reference import DataRef
from netwright.training.survey import peek_data
from netwright.workers import Serial

Moment = Callable[[RunFolder], bool]

# What runs in the background of a shell ignores SIGINT, and so would its children.
_MAIN = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from netwright.cli import main; main()"
)
_LOOK_SECONDS = 0.02
_PATIENCE = 300.0


@dataclass(frozen=True, kw_only=True)
class Kill:
    """What was found after one kill.

    Args:
        phase: ``start``, ``search`` or ``finals``.
        stored: Trials in the database.
        sound: What SQLite's integrity check said; ``ok`` is well.
        kept: Whether all trials and parts of finals that were there before still are, unchanged.
        code: Exit code, negative for a signal.
        told: What it wrote on stderr.
    """

    phase: str
    stored: int
    sound: str
    kept: bool
    code: int
    told: str


def after_trials(count: int) -> Moment:
    """The moment at which so many trials are stored."""
    return lambda run: len(stored(run)) >= count


def after_checkpoints(count: int) -> Moment:
    """The moment at which so many final trainings have a checkpoint."""
    return lambda run: len(list(run.finals.glob("*.checkpoint.safetensors"))) >= count


def after_seconds(seconds: float) -> Moment:
    """So many seconds after Python is up and the database is opened by the process in question."""
    earlier: list[str] = []
    end: list[float] = []

    def come(run: RunFolder) -> bool:
        lock = run.trials.with_name(f"{run.trials.name}.lock")
        holder = lock.read_text() if lock.is_file() else ""  # a killed one leaves its number
        earlier.append(holder)
        if holder and holder != earlier[0]:
            end.append(time.monotonic() + seconds)
        return bool(end) and time.monotonic() >= end[0]

    return come


def stored(run: RunFolder) -> list[Trial]:
    """The trials in a run's database; none before it has one."""
    if not run.trials.is_file() or run.trials.stat().st_size == 0:
        return []
    with closing(sqlite3.connect(f"{run.trials.absolute().as_uri()}?mode=ro", uri=True)) as db:
        try:
            tables = db.execute("select count(*) from sqlite_master where name='trials'")
            if not tables.fetchone()[0]:
                return []
        except sqlite3.OperationalError:  # it is being made
            return []
    with read_store(run.trials) as store:
        return list(store)


def parts(run: RunFolder) -> list[dict[str, object]]:
    """What the parts of the final trainings came to, as far as they are done."""
    rows: list[dict[str, object]] = []
    for path in run.finals.glob("parts-*.json"):
        rows += json.loads(path.read_text(encoding="utf-8"))["parts"]
    return rows


def sound(run: RunFolder) -> str:
    """What SQLite says of the database."""
    if not run.trials.is_file():
        return "ok"
    with closing(sqlite3.connect(run.trials)) as db:
        return str(db.execute("pragma integrity_check").fetchone()[0])


def start(
    run: RunFolder, words: Sequence[str], resume_with: Sequence[str] = ()
) -> subprocess.Popen[str]:
    """The command line in a process of its own: a new search, or on with the one in the folder."""
    go_on = ["--resume", *resume_with] if run.config.is_file() else list(words)
    whole = [sys.executable, "-c", _MAIN, "search", *go_on, "--out", str(run.path)]
    return subprocess.Popen(whole, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def kill_at(
    run: RunFolder,
    words: Sequence[str],
    moment: Moment,
    *,
    resume_with: Sequence[str] = (),
    by: signal.Signals = signal.SIGKILL,
    patience: float = _PATIENCE,
) -> Kill | None:
    """Start or resume, and kill at a moment; None where the search ended before.

    Args:
        run: The folder.
        words: Of a new search.
        moment: When; looked at every few milliseconds.
        resume_with: Further words where it is resumed.
        by: The signal.
        patience: Seconds without the moment or an end, before the run counts as hung.

    Raises:
        RuntimeError: If the search failed, or hangs.
    """
    before, done = stored(run), parts(run)
    with start(run, words, resume_with) as process:
        deadline = time.monotonic() + patience
        while process.poll() is None and not moment(run):
            if time.monotonic() > deadline:
                process.kill()
                raise RuntimeError(f"{run.path} neither ended nor came to the moment.")
            time.sleep(_LOOK_SECONDS)
        ended = process.poll()
        process.send_signal(by)
        told = process.stderr.read() if process.stderr else ""
        code = process.wait()
        if ended is not None:
            if code != 0:
                raise RuntimeError(f"The search ended with {code}: {told[-2000:]}")
            return None
    after = stored(run)
    finals = (run.finals / "plan.json").is_file()
    phase = "finals" if finals else "search" if after else "start"
    kept = [t for t in after if t.number in {b.number for b in before}] == before
    still = parts(run)
    kept = kept and all(row in still for row in done)
    return Kill(phase=phase, stored=len(after), sound=sound(run), kept=kept, code=code, told=told)


def settings(run: RunFolder) -> SearchConfig:
    """What the run was asked to do."""
    return search_config(read_toml(run.config))


def uninterrupted(run: RunFolder, folder: Path, *, trials: int) -> list[Trial]:
    """The first trials of the same search in this process, in one go."""
    chosen = settings(run)
    facts = peek_data(chosen.data, resolution=chosen.resolution, seed=chosen.seed)
    data = DataRef(source=chosen.data, resolution=facts.resolution, seed=chosen.seed)
    steps = chosen.probe_steps or 0
    judge = catalog.judge(chosen.objective, data, facts, steps=steps, device=chosen.device)
    within = Within.of(space_of(run), chosen.budget(), seed=chosen.seed)
    with read_store(run.trials) as store:
        key = store.run
    with open_store(folder / "whole.db", run=key, resume=False) as store, Serial() as executor:
        run_search(
            within.space,
            catalog.strategy(chosen.strategy)(within, judge.objective, chosen.seed),
            evaluator=judge.evaluator,
            store=store,
            executor=executor,
            objective=judge.objective,
            budget=within.budget,
            seed=chosen.seed,
            batch=chosen.batch or BATCH,
            trials=trials,
        )
        return list(store)


def timeless(trials: Sequence[Trial]) -> list[Trial]:
    """The trials but for what depends on the clock."""
    return [replace(t, outcome=replace(t.outcome, seconds=0.0)) for t in trials]


def prefix(trials: Sequence[Trial]) -> list[Trial]:
    """The trials up to the first number that is missing: what was in flight when time was up."""
    return [t for i, t in enumerate(trials) if t.number == i]


def evaluated_twice(trials: Sequence[Trial]) -> int:
    """Networks with more than one evaluation of their own."""
    own = [t.arch_id for t in trials if t.duplicate_of is None and t.outcome.status != "rejected"]
    return len(own) - len(set(own))


def outcome(run: RunFolder) -> dict[str, object]:
    """Who won, and what every role came to and when it was left behind."""
    found = run.read_result()
    rows = {row["role"]: [row["reached"], row["stopped"]] for row in found["finals"]}
    return {**rows, "best": found["best"]}


def train_again(run: RunFolder) -> dict[str, object]:
    """What the finals come to by the same plan, from scratch and in one go."""
    for path in [*run.finals.glob("*.safetensors"), *run.finals.glob("parts-*"), run.result]:
        path.unlink()
    with start(run, []) as process:
        told = process.stderr.read() if process.stderr else ""
    if process.returncode != 0:
        raise RuntimeError(f"The finals ended with {process.returncode}: {told[-2000:]}")
    return outcome(run)


def main() -> None:
    """Kill, resume, compare, print, write."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--minutes", default="5")
    options.add_argument("--objective", default="zico")
    options.add_argument("--funnel", action="store_true", help="short trainings, the predictor")
    options.add_argument("--longest", type=float, default=30.0, help="seconds to a kill")
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    if given.funnel:
        given.objective = "val_loss"
        given.out = given.out or record.RESULTS / "kill_resume_funnel.json"
    kills: list[Kill] = []
    same, again, twice, seed = [], [], 0, 0
    while len(kills) < given.kills:
        words = ["digits", "--max-macs", "300k", "--objective", given.objective]
        words += ["--minutes", given.minutes, "--seed", str(seed), "--workers", "2"]
        rng = stream(seed, "kills")
        with tempfile.TemporaryDirectory() as place:
            run = RunFolder(Path(place) / "run")
            while len(kills) < given.kills:
                wait = after_seconds(float(rng.uniform(0.1, given.longest)))
                found = kill_at(run, words, wait)
                if found is None:
                    break
                kills.append(found)
                print(
                    f"seed {seed}, kill {len(kills)}: {found.phase}, {found.stored} trials, "
                    f"database {found.sound}, kept {found.kept}",
                    flush=True,
                )
            kill_at(run, words, lambda run: False)  # to the end
            trials = stored(run)
            begun = prefix(trials)
            whole = uninterrupted(run, Path(place), trials=len(begun))
            same.append(timeless(whole) == timeless(begun))
            twice += evaluated_twice(trials)
            first = outcome(run)
            again.append(train_again(run) == first)
        print(f"seed {seed}: {len(begun)} trials, same {same[-1]}, finals {again[-1]}", flush=True)
        seed += 1
    good = sum(k.sound == "ok" and k.kept for k in kills)
    count = len(same)
    record.write(
        __file__,
        claim="Killed with SIGKILL at random moments and resumed, a search"
        f"{' by short trainings' if given.funnel else ''} is the same search",
        seeds=range(seed),
        results={
            "database sound, all trials and parts kept": record.measured(
                [good], f"of {len(kills)} kills", headline=True
            ),
            "same candidates and scores": record.measured(
                [sum(same)], f"of {count} searches", headline=True
            ),
            "same winner, same finals": record.measured([sum(again)], f"of {count} searches"),
            "networks evaluated twice": record.measured([twice], "networks"),
        },
        arguments="--funnel" if given.funnel else "",
        facts={
            "kills": [
                {"phase": k.phase, "stored": k.stored, "sound": k.sound, "kept": k.kept}
                for k in kills
            ],
            "settings": {"minutes": given.minutes, "objective": given.objective},
        },
        out=given.out,
    )
    print(json.dumps({p: sum(k.phase == p for k in kills) for p in ("start", "search", "finals")}))
    if good < len(kills) or not all(same) or not all(again) or twice:
        raise SystemExit("Not all was as it should be.")


if __name__ == "__main__":
    main()
