"""Every network that a run calls feasible is feasible by torch's own counter, to the last one.

Run ``python benchmarks/feasible.py RUN``: each trial of the run's trials.db is built on the meta
device, its parameters are counted with ``numel`` and its MACs with torch's FlopCounterMode.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

import record
from netwright import catalog
from netwright.arch.graph import Architecture
from netwright.config import read_toml, search_config
from netwright.contracts import Space
from netwright.nn.build import build
from netwright.records import Trial
from netwright.run_folder import RunFolder
from netwright.spaces.tokens import fingerprint
from netwright.store import read_store
from netwright.training.survey import peek_data


@dataclass(frozen=True, kw_only=True)
class Checked:
    """One network of a run as torch counts it.

    Args:
        trial: What the run recorded.
        params: By ``numel``.
        macs: By torch's counter.
        fits: Whether torch's figures meet the budget.
    """

    trial: Trial
    params: int
    macs: int
    fits: bool

    @property
    def exact(self) -> bool:
        """Whether the run recorded just these figures."""
        return (self.trial.cost.params, self.trial.cost.macs) == (self.params, self.macs)


def counted(arch: Architecture) -> tuple[int, int]:
    """Parameters and MACs of the built module, on the meta device."""
    module = build(arch, seed=0, device="meta").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.empty(1, *arch.input_shape, device="meta"))
    return sum(p.numel() for p in module.parameters()), counter.get_total_flops() // 2


def space_of(folder: RunFolder) -> Space:
    """The space that a run searched, made again from its settings and images."""
    chosen = search_config(read_toml(folder.config))
    facts = peek_data(
        chosen.data, resolution=chosen.resolution, seed=chosen.seed, flip=chosen.flip
    )
    return catalog.space(
        chosen.space,
        classes=len(facts.classes),
        resolution=facts.resolution,
        channels=facts.channels,
    )


def check(run: Path) -> list[Checked]:
    """Count every network of a run that was not rejected, each once.

    Raises:
        ValueError: If the run's space cannot be made again.
    """
    folder = RunFolder(run)
    space = space_of(folder)
    with read_store(folder.trials) as store:
        budget, same = store.run.budget, store.run.fingerprint == fingerprint(space)
        trials = [t for t in store if t.outcome.status != "rejected" and t.duplicate_of is None]
    if not same:
        raise ValueError(f"{run} searched another space than its run.toml and images describe.")
    rows = []
    for trial in trials:
        arch = space.decode(trial.tokens)
        params, macs = counted(arch)
        limits = ((params, budget.params), (macs, budget.macs))
        fits = all(limit is None or value <= limit for value, limit in limits)
        rows.append(Checked(trial=trial, params=params, macs=macs, fits=fits))
    return rows


def main() -> None:
    """Check, print, write."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("run", type=Path)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    rows = check(given.run)
    if not rows:
        raise SystemExit(f"{given.run} holds no network yet.")
    chosen = search_config(read_toml(RunFolder(given.run).config))
    record.write(
        __file__,
        claim="Networks recorded as feasible are feasible by torch's own counter, exactly",
        arguments="RUN",
        seeds=[chosen.seed],
        results={
            "feasible by torch": record.measured(
                [sum(row.fits for row in rows)], f"of {len(rows):,}", headline=True
            ),
            "same params and MACs": record.measured(
                [sum(row.exact for row in rows)], f"of {len(rows):,}", headline=True
            ),
        },
        facts={"settings": chosen.model_dump()},
        out=given.out,
    )
    if not all(row.fits and row.exact for row in rows):
        raise SystemExit("Not all are.")


if __name__ == "__main__":
    main()
