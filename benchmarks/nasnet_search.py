"""NASNet's own search: 50 tokens, a controller trained by PPO, training-free rewards, real images.

Run ``python benchmarks/nasnet_search.py IMAGES --trials 60`` with CIFAR-10 as a Parquet file.  The
command line searches for cells with ZiCo as the reward, is killed with SIGKILL at a third and at
two thirds of its candidates, and resumed to its end.  Checked: the candidates and scores against
an uninterrupted search in one process, and that the cell it returns trains.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import record
from kill_resume import (
    after_trials,
    evaluated_twice,
    kill_at,
    prefix,
    sound,
    stored,
    timeless,
    uninterrupted,
)
from netwright.records import Trial
from netwright.run_folder import RunFolder
from netwright.spaces.nasnet import NASNetSpace
from netwright.stats import spearman

_MAIN = "from netwright.cli import main; main()"
TOKENS = len(NASNetSpace().choices)


def words(images: str, *, trials: int, minutes: float, resolution: int, seed: int) -> list[str]:
    """What is typed after ``netwright search``."""
    return [
        images, "--space", "nasnet", "--strategy", "ppo", "--objective", "zico",
        "--trials", str(trials), "--resolution", str(resolution), "--minutes", f"{minutes:g}",
        "--seed", str(seed), "--workers", "2",
    ]  # fmt: skip


def choices_seen(trials: Sequence[Trial]) -> int:
    """How many of the 50 decisions took more than one value."""
    return sum(len(set(column)) > 1 for column in zip(*(t.tokens for t in trials), strict=True))


def learnt(trials: Sequence[Trial], metric: str = "zico") -> float:
    """Rank correlation of the order of asking with the reward: above 0, the policy improves."""
    own = [t for t in trials if t.ok and t.duplicate_of is None]
    return spearman([t.number for t in own], [t.outcome.metrics[metric] for t in own])


def train(images: str, run: RunFolder, *, epochs: float, seed: int, out: Path) -> float:
    """Validation accuracy of the returned network, trained anew by ``netwright train``."""
    command = [
        sys.executable, "-c", _MAIN, "train", images, str(run.path),
        "--epochs", f"{epochs:g}", "--seed", str(seed), "--out", str(out), "--json",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    accuracy: float = json.loads(done.stdout)["val_accuracy"]
    return accuracy


def main() -> None:
    """Search, kill, resume, compare, train, write."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("images")
    options.add_argument("--trials", type=int, default=60)
    options.add_argument("--minutes", type=float, default=30.0)
    options.add_argument("--resolution", type=int, default=16)
    options.add_argument("--epochs", type=float, default=5.0)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    typed = words(
        given.images, trials=given.trials, minutes=given.minutes,
        resolution=given.resolution, seed=given.seed,
    )  # fmt: skip
    patience = 4 * 60 * given.minutes
    with tempfile.TemporaryDirectory() as place:
        run = RunFolder(Path(place) / "run")
        kills = 0
        for share in (1, 2):
            moment = after_trials(share * given.trials // 3)
            found = kill_at(run, typed, moment, patience=patience)
            kills += found is not None and found.kept and found.sound == "ok"
            print(f"kill {share}: {found}", flush=True)
        kill_at(run, typed, lambda run: False, patience=patience)  # to the end
        trials = stored(run)
        begun = prefix(trials)
        whole = uninterrupted(run, Path(place), trials=len(begun))
        same = timeless(whole) == timeless(begun)
        result = run.read_result()
        accuracy = train(
            given.images, run, epochs=given.epochs, seed=given.seed, out=Path(place) / "trained"
        )
        healthy = sound(run) == "ok" and not evaluated_twice(trials)
    finals = {row["role"]: row["val_accuracy"] for row in result["finals"]}
    record.write(
        __file__,
        claim="A NASNet search (50 tokens, PPO, ZiCo) from the command line survives SIGKILL, and "
        "its best cell trains",
        seeds=[given.seed],
        results={
            "same candidates and scores after two kills": record.measured(
                [float(same)], "of 1 searches", headline=True
            ),
            "database sound, all trials kept": record.measured([kills], "of 2 kills"),
            "candidates": record.measured([len(trials)], "networks"),
            "decisions that were varied": record.measured(
                [choices_seen(trials)], f"of {TOKENS}", headline=True
            ),
            "rank correlation of order and reward": record.measured([learnt(trials)], ""),
            f"returned network, {given.epochs:g} epochs": record.measured(
                [100 * accuracy], "% validation accuracy", headline=True
            ),
        },
        arguments=f"IMAGES --trials {given.trials} --minutes {given.minutes:g} "
        f"--epochs {given.epochs:g}",
        facts={
            "command": "netwright search IMAGES " + " ".join(typed[1:]),
            "finals": finals,
            "verdict": result["verdict"],
        },
        out=given.out,
    )
    if not (same and healthy and kills == 2):
        raise SystemExit("Not all was as it should be.")


if __name__ == "__main__":
    main()
