"""The narrow end of the funnel: who is left after the search is planned for, raced and trained.

The plan is written down before the first training, so that whoever resumes a search trains the
same networks by the same recipe.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass

from netwright.arch.graph import Architecture
from netwright.contracts import Store
from netwright.errors import UsageError
from netwright.events import Event, Stage
from netwright.finalists import RACERS, Finalist, anything, choose, with_rivals
from netwright.finals import Final, train
from netwright.latency.limit import LatencyLimit
from netwright.records import Objective
from netwright.rehearsal import FinalsPlan, plan_finals
from netwright.run_folder import RunFolder
from netwright.spaces.within import Within
from netwright.training.halving import Rung
from netwright.training.recipe import Recipe
from netwright.training.reference import DataRef
from netwright.training.support import ALONE, Support
from netwright.training.survey import DataFacts

_FEW, _SHORT_SECONDS = 4, 300.0  # racers whose latency a short search has time to measure
_IN_PLAN = ("seconds", "finalists", "recipe", "rungs", "measuring", "left_out")


@dataclass(frozen=True, kw_only=True)
class Closing:
    """The finals of one search.

    Args:
        within: The space and the budget.
        data: The images.
        facts: What is known of them.
        folder: Of the run.
        seconds: What the user gave for the whole search.
        trials: Most candidates, if the user said so.
        executor: Where networks are trained.
        workers: How many at a time.
        seed: Of weights, order and plain networks.
        device: Where each is trained.
        on_event: Told of stages and progress.
        latency: A limit that is measured; it holds for everybody who is trained.
        support: Of every training.
    """

    within: Within
    data: DataRef
    facts: DataFacts
    folder: RunFolder
    seconds: float
    trials: int | None
    executor: Executor
    workers: int
    seed: int
    device: str
    on_event: Callable[[Event], None]
    latency: LatencyLimit | None = None
    support: Support = ALONE

    def planned(self) -> FinalsPlan | None:
        """The plan of an earlier sitting; None where more was given since: more search, then."""
        path = self.folder.finals / "plan.json"
        if not path.is_file():
            return None
        found = self.folder.read_json(path, _IN_PLAN)
        if (found["seconds"], found.get("trials")) != (self.seconds, self.trials):
            return None
        if self.latency is not None and "latency" in found:
            self.latency.recall(found["latency"])
        return FinalsPlan(
            finalists=tuple(self._finalist(row) for row in found["finalists"]),
            recipe=Recipe.from_dict(found["recipe"]),
            rungs=tuple(Rung(**row) for row in found["rungs"]),
            measuring=found["measuring"],
            pace=found.get("pace"),
        )

    def left_out(self) -> dict[str, str]:
        """Published networks that could not be compared with, and why."""
        found = self.folder.read_json(self.folder.finals / "plan.json", _IN_PLAN)
        return dict(found["left_out"])

    def plan(self, store: Store, objective: Objective, *, seconds: float) -> FinalsPlan:
        """Choose the finalists and the longest recipe that fits; note both for a later sitting.

        Args:
            store: The trials.
            objective: What the search made large.
            seconds: Wall clock that is left for the finals.

        Raises:
            UsageError: If no candidate could be evaluated, or none can be trained.
        """
        trials = list(store)
        if not any(t.ok for t in trials):
            reasons = sorted({t.outcome.reason for t in trials if t.outcome.reason})
            raise UsageError(
                f"None of {len(trials)} candidates could be evaluated"
                + (f"; the first reason: {reasons[0]}." if reasons else "; give it more minutes.")
            )
        meets, racers = anything, RACERS
        if self.latency is not None:
            self.on_event(Stage(text="Measuring the latency of the finalists"))
            meets = self.latency.meets
            racers = RACERS if self.seconds >= _SHORT_SECONDS else _FEW
        chosen = choose(self.within, trials, objective, seed=self.seed, meets=meets, racers=racers)
        finalists, found = with_rivals(chosen, self.within, meets=meets)
        self.on_event(Stage(text="Measuring how fast the finalists train"))
        plan = plan_finals(
            finalists,
            self.data,
            self.facts,
            seconds=seconds,
            executor=self.executor,
            workers=self.workers,
            seed=self.seed,
            device=self.device,
            support=self.support,
        )
        facts = {
            "seconds": self.seconds,
            "trials": self.trials,
            "finalists": [_row(f) for f in plan.finalists],
            "recipe": plan.recipe.to_dict(),
            "rungs": [asdict(rung) for rung in plan.rungs],
            "measuring": plan.measuring,
            "pace": plan.pace,
            "left_out": {**found.left_out, **_no_time(finalists, plan)},
        }
        if self.latency is not None:
            facts["latency"] = self.latency.facts()
        self.folder.write_json(self.folder.finals / "plan.json", facts)
        return plan

    def train(self, plan: FinalsPlan) -> tuple[Final, ...]:
        """Race and train the finalists."""
        self.on_event(Stage(text=_in_words(plan, self.facts)))
        return train(
            plan,
            self.data,
            images=self.facts.count("val"),
            executor=self.executor,
            workers=self.workers,
            seed=self.seed,
            device=self.device,
            folder=str(self.folder.finals.resolve()),
            support=self.support,
            on_progress=self.on_event,
        )

    def _finalist(self, row: Mapping[str, str]) -> Finalist:
        tokens = tuple(int(token) for token in row["tokens"])
        text = row["network"]
        arch = Architecture.from_json(text) if text else self.within.space.decode(tokens)
        return Finalist(role=row["role"], tokens=tokens, arch=arch)


def best_of(finals: Sequence[Final]) -> Final:
    """The finalist with the highest validation accuracy.

    Raises:
        UsageError: If none was trained to the end.
    """
    trained = [f for f in finals if f.accuracy is not None]
    if not trained:
        raise UsageError(f"Every final training failed; the first: {finals[0].outcome.reason}.")
    return max(trained, key=lambda f: f.accuracy or 0.0)


def _row(finalist: Finalist) -> dict[str, object]:
    """A finalist as JSON; its tokens say all of a network of the space."""
    network = None if finalist.tokens else finalist.arch.to_json()
    return {"role": finalist.role, "tokens": list(finalist.tokens), "network": network}


def _no_time(finalists: Sequence[Finalist], plan: FinalsPlan) -> dict[str, str]:
    """Plain networks that are not trained because the time is short."""
    out = [f for f in finalists if f not in plan.finalists and not f.races and not f.random]
    return {f.role: "there was no time to train it." for f in out}


def _in_words(plan: FinalsPlan, facts: DataFacts) -> str:
    epochs = plan.recipe.steps * plan.recipe.batch_size / facts.count("train")
    text = f"Training {len(plan.racers)} candidates and {len(plan.others)} plain networks"
    if plan.rungs:
        text += f", the candidates' number falling to {plan.rungs[-1].keep} on the way"
    return f"{text}; {epochs:.3g} epochs in all, by one recipe"
