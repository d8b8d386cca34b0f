"""A check: choose diverse probes, score them, train them briefly, weigh every score.

Everything goes through stores and checkpoints, so a check that was killed goes on where it was.
The trainings are those that a search of the same seed and length would make, and it may begin
with them (``search --probes``).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

from netwright.arch.cost import cost
from netwright.check_folder import CheckFolder
from netwright.checked import Check, Probe, merit, score_columns, seed_noise
from netwright.effort import MOST_CHECK_EPOCHS
from netwright.errors import UsageError
from netwright.evaluators.proxies import ProxyEvaluator
from netwright.evaluators.training import SpeedEvaluator, TrainingEvaluator
from netwright.events import Event, Stage
from netwright.judge import Judge
from netwright.loop import run_search
from netwright.pipeline import Clock
from netwright.predict.descriptors import describe_all
from netwright.predict.probes import diverse
from netwright.proxies.ensembles import Ensemble
from netwright.proxies.listing import Proxy, batch_size
from netwright.records import Objective, Outcome, Tokens
from netwright.rng import derive, stream
from netwright.run_folder import RunFolder
from netwright.spaces.tokens import fingerprint
from netwright.spaces.within import Within
from netwright.store import RunKey, open_store
from netwright.strategies.listed import Listed
from netwright.training.recipe import default_recipe, steps_per_epoch
from netwright.training.reference import DataRef
from netwright.training.survey import DataFacts
from netwright.trust import weigh
from netwright.workers import evaluate, settled

DRAWN = 400  # candidates that the probes are chosen from
AGAIN = 2  # probes that are trained with a second seed
_SCORING_SHARE = 0.5  # of the time, at most; the first network loads libraries and is no measure
_RESERVE = 0.06  # of the time, for what comes after the last training and for a slower machine
_LEAST_SECONDS = 0.1  # of a stage that time has run out for: one network is looked at
_RESTART_SECONDS = 0.5  # to build a network and open its images


def choose_probes(within: Within, count: int, *, seed: int, drawn: int = DRAWN) -> list[Tokens]:
    """Candidates within the budget that differ as much as possible, the most ordinary one first.

    Args:
        within: The space and the budget.
        count: How many; fewer where the space has fewer networks.
        seed: Of the draws.
        drawn: How many are drawn to choose from.
    """
    rng = stream(seed, "probes")
    rows = [within.sample(rng=rng) for _ in range(max(drawn, 2 * count))]
    archs = {row: within.space.decode(row) for row in dict.fromkeys(rows)}
    unique = {arch.id: row for row, arch in archs.items()}
    found = list(unique.values())
    table = describe_all([archs[row] for row in found])
    return [found[i] for i in diverse(table, min(count, len(found)), seed=seed)]


def makespan(durations: Sequence[float], *, workers: int) -> float:
    """Wall clock of tasks handed out in this order to whoever is free, in their own unit."""
    ends = [0.0] * workers
    for duration in durations:
        heapq.heapreplace(ends, ends[0] + duration)
    return max(ends)


@dataclass(frozen=True, kw_only=True)
class CheckPlan:
    """How the probes are trained.

    Args:
        chosen: The probes as they were chosen.
        tokens: The probes, slowest first.
        again: Those that are trained with a second seed.
        steps: Length of every training.
    """

    chosen: tuple[Tokens, ...]
    tokens: tuple[Tokens, ...]
    again: tuple[Tokens, ...]
    steps: int


@dataclass(frozen=True, kw_only=True)
class Prober:
    """What the parts of one check share.

    Args:
        within: The space and the budget.
        data: The images.
        facts: What is known of them.
        proxies: To be checked.
        ensembles: To be checked, as far as all their members are.
        metric: ``val_loss`` or ``val_accuracy``.
        folder: Where everything is kept.
        clock: How long this sitting may take.
        seed: Of probes, weights and resamples.
        workers: How many networks are looked at a time.
        executor: Where.
        device: Where networks are scored and trained.
        on_event: Told of every stage and of progress within it.
    """

    within: Within
    data: DataRef
    facts: DataFacts
    proxies: tuple[Proxy, ...]
    ensembles: tuple[Ensemble, ...]
    metric: str
    folder: CheckFolder
    clock: Clock
    seed: int
    workers: int
    executor: Executor
    device: str = "cpu"
    on_event: Callable[[Event], None] = lambda event: None

    def run(self, probes: int, *, steps: int | None = None) -> Check:
        """Do what is not done yet.

        Args:
            probes: How many networks.
            steps: Length of each training; as long as the time allows where None.

        Raises:
            UsageError: If none of them can be trained.
            StoreError: If the folder holds a check with other settings.
        """
        plan = self._planned()
        if plan is None:
            self.on_event(Stage(text="Choosing probes"))
            rows = choose_probes(self.within, probes, seed=self.seed)
        else:
            rows = list(plan.chosen)
        self.on_event(Stage(text=f"Scoring {len(rows)} networks by {len(self.proxies)} proxies"))
        scored = self._scored(rows)
        after_scores = self.clock.used()
        if plan is None:  # those without scores, for lack of time, would tell nothing
            looked_at = [r for r in rows if self.within.space.decode(r).id in scored]
            plan = self._plan(looked_at, steps)
        trained, again = self._trained(plan)
        after_training = self.clock.used()
        seconds = {"scores": after_scores, "trainings": after_training - after_scores}
        return self._checked(plan, scored, trained, again, seconds)

    def _planned(self) -> CheckPlan | None:
        found = self.folder.read_plan()
        if found is None:
            return None
        lists = {key: tuple(map(tuple, found[key])) for key in ("chosen", "tokens", "again")}
        return CheckPlan(**lists, steps=found["steps"])

    def _scored(self, rows: Sequence[Tokens]) -> dict[str, Outcome]:
        """All scores of every network, by its id."""
        size = batch_size(self.facts.count("train"), of=self.facts.name)
        evaluator = ProxyEvaluator(
            data=self.data, proxies=self.proxies, batch_size=size, device=self.device, timed=True
        )
        names = ", ".join(proxy.name for proxy in self.proxies)
        judge = Judge(evaluator=evaluator, objective=Objective(metric="params"), name=names)
        seconds = self.clock.seconds * _SCORING_SHARE
        return self._look("scores", rows, judge, seed=self.seed, seconds=seconds)

    def _plan(self, rows: Sequence[Tokens], steps: int | None) -> CheckPlan:
        """How long trainings may be for all to end in time; noted for a later sitting."""
        self.on_event(Stage(text="Measuring how fast they train"))
        recipe = default_recipe(self.facts, steps=100).for_device(self.device)
        speed = SpeedEvaluator(data=self.data, recipe=recipe, device=self.device)
        archs = [self.within.space.decode(row) for row in rows]
        asked = [self.executor.submit(evaluate, speed, a, self.seed) for a in archs]
        found = [settled(future) for future in asked]
        taken = {r: o.metrics.get("step_seconds", 0.0) for r, o in zip(rows, found, strict=True)}
        if not any(taken.values()):
            raise UsageError(f"No probe can be trained: {found[0].reason}.")
        order = sorted(rows, key=lambda row: -taken[row])
        middle = (len(order) - AGAIN + 1) // 2
        again = order[middle : middle + AGAIN]
        longest = self._longest([taken[r] for r in order], [taken[r] for r in again])
        plan = CheckPlan(
            chosen=tuple(rows), tokens=tuple(order), again=tuple(again), steps=steps or longest
        )
        lists = {
            key: [list(r) for r in getattr(plan, key)] for key in ("chosen", "tokens", "again")
        }
        home = RunFolder(self.folder.path)
        home.write_json(self.folder.plan, {**lists, "steps": plan.steps, "longest": longest})
        return plan

    def _longest(self, steps: Sequence[float], again: Sequence[float]) -> int:
        """Steps that all trainings can take in the time left, 20 epochs at most.

        A look at the validation images is forward only, a third of a step a batch, and each
        training ends with two: at its last weights and at their average.
        """
        size = default_recipe(self.facts, steps=100).batch_size
        looks = 2 * math.ceil(self.facts.count("val") / size) / 3
        rounds = sum(math.ceil(len(part) / self.workers) for part in (steps, again))
        left = self.clock.seconds * (1 - _RESERVE) - self.clock.used() - _RESTART_SECONDS * rounds
        one = sum(makespan(part, workers=self.workers) for part in (steps, again))
        most = MOST_CHECK_EPOCHS * steps_per_epoch(self.facts.count("train"), size)
        return max(1, min(most, int(left / one - looks)))

    def _trained(self, plan: CheckPlan) -> tuple[dict[str, Outcome], dict[str, Outcome]]:
        """The outcomes of all trainings and of those with a second seed, by network."""
        judge = Judge.by_training(
            self.metric, self.data, self.facts, steps=plan.steps, device=self.device
        )
        epochs = f"{self._epochs(plan.steps):.3g} epochs each"
        self.on_event(Stage(text=f"Training {len(plan.tokens)} networks, {epochs}"))
        left = self.clock.seconds - self.clock.used()
        found = self._look("trainings", plan.tokens, judge, seed=self.seed, seconds=left)
        if len(found) < len(plan.tokens):
            return found, {}
        self.on_event(Stage(text=f"Training {len(plan.again)} of them with another seed"))
        left = self.clock.seconds - self.clock.used()
        other = derive(self.seed, "again")
        return found, self._look("again", plan.again, judge, seed=other, seconds=left)

    def _look(
        self, name: str, rows: Sequence[Tokens], judge: Judge, *, seed: int, seconds: float
    ) -> dict[str, Outcome]:
        """Evaluate candidates that are not yet in a store; all that are, by network."""
        key = RunKey(
            space=self.within.space.name,
            fingerprint=fingerprint(self.within.space),
            seed=seed,
            strategy=f"{len(rows)} probes",
            evaluator=judge.name,
            objective=judge.objective,
            budget=self.within.budget,
            batch=max(1, len(rows)),
        )
        evaluator = judge.evaluator
        if isinstance(evaluator, TrainingEvaluator):
            evaluator = replace(evaluator, folder=str((self.folder.path / name).resolve()))
        with open_store(self.folder.store(name), run=key, resume=True) as store:
            run_search(
                self.within.space,
                Listed(rows),
                evaluator=evaluator,
                store=store,
                executor=self.executor,
                objective=judge.objective,
                budget=self.within.budget,
                seed=seed,
                batch=key.batch,
                trials=len(rows),
                seconds=store.used_seconds + max(seconds, _LEAST_SECONDS),
                workers=self.workers,
                on_progress=None if name == "scores" else self.on_event,
            )
            return {trial.arch_id: trial.outcome for trial in store}

    def _epochs(self, steps: int) -> float:
        size = default_recipe(self.facts, steps=steps).batch_size
        return steps / steps_per_epoch(self.facts.count("train"), size)

    def _checked(
        self,
        plan: CheckPlan,
        scored: Mapping[str, Outcome],
        trained: Mapping[str, Outcome],
        again: Mapping[str, Outcome],
        seconds: Mapping[str, float],
    ) -> Check:
        archs = {row: self.within.space.decode(row) for row in plan.tokens}
        probes = tuple(
            Probe(
                tokens=row,
                arch_id=arch.id,
                cost=cost(arch),
                outcome=trained.get(arch.id),
                again=again.get(arch.id),
            )
            for row, arch in archs.items()
        )
        known = [p for p in probes if p.outcome is not None and p.arch_id in scored]
        values = [merit(p.outcome, self.metric) for p in known]
        noise = seed_noise(probes, self.metric)
        columns = score_columns([scored[p.arch_id] for p in known], self.proxies, self.ensembles)
        weighed = weigh(columns, values, noise=noise, seed=self.seed)
        check = Check(
            probes=probes,
            weighed=weighed,
            metric=self.metric,
            noise=noise,
            steps=plan.steps,
            epochs=self._epochs(plan.steps),
            seconds={**seconds, "total": self.clock.used()},
            facts=self._facts(),
        )
        home = RunFolder(self.folder.path)
        home.write_json(self.folder.result, check.to_dict())
        home.write_text(self.folder.table, check.to_csv())
        return check

    def _facts(self) -> dict[str, Any]:
        return {
            "data": self.facts.source,
            "images": {split: self.facts.count(split) for split in self.facts.counts},
            "resolution": self.facts.resolution,
            "space": self.within.space.name,
            "budget": self.within.budget.limits(),
            "seed": self.seed,
            "device": self.device,
            "workers": self.workers,
        }
