"""``predictor``: learn from a few networks which others will win, and train those next.

Published networks in the space, scaled to the budget, come first where there are any
(:mod:`netwright.spaces.landmarks`), then probes that differ from these and from each other as much
as they can.  Afterwards a Gaussian process on the networks' descriptors (:mod:`netwright.predict`)
learns from all trials before every ask, and what is asked for are the candidates of greatest
expected improvement, each chosen as if the earlier ones of the batch had come as expected.  A
small space is looked at whole; in a large one candidates are bred: mutants and crossings of the
best, for a few generations that the expected improvement selects.

It is for searches where a look is dear and there are hundreds of looks at most; an ask takes a
good part of a second.  From batches of four it learns more than from batches of sixteen.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from typing import cast

import numpy as np
import numpy.typing as npt

from netwright.contracts import Space
from netwright.errors import UsageError
from netwright.predict.columns import Table, columns
from netwright.predict.predictor import LEAST, Predictor
from netwright.records import Objective, Tokens, Trial
from netwright.rng import stream
from netwright.spaces.landmarks import landmarks as landmarks_of
from netwright.spaces.tokens import enumerate_tokens, raw_size
from netwright.spaces.within import Within
from netwright.strategies.uniform import unseen

REFERENCE = 512  # random candidates: the scale of the columns, and where probes are chosen
PROBES, PROBES_AFTER_LANDMARKS = 12, 8
WHOLE = 4096  # rows of tokens up to which a space is looked at whole
LEARNT = 384  # networks that are learned from at most: half of them the best, the rest the latest
SETTLED = 96  # of those, how many decide what the columns are worth
CHILDREN, GENERATIONS, PARENTS = 256, 4, 32  # of the candidates that are bred
CROSSED, TWICE = 0.3, 0.4  # shares of children of two parents, and with two changes
REPAIRED = 0.04  # share of the children over the budget that are repaired; the others are dropped
_SPARE = 8  # chosen beyond what was asked for, in the place of twins
_KEPT = 32_768  # candidates whose columns are remembered

Floats = npt.NDArray[np.float64]
Look = Callable[[Sequence[Tokens]], Table]


class FewShot:
    """Search by a predictor that learns from the trials, under a budget.

    What failed counts like the worst so far, so that the search keeps away from its like.  What
    was rejected teaches nothing.

    Args:
        within: The space and the budget; what exceeds it is repaired.
        objective: What is to be large.
        seed: The same seed and history ask for the same candidates.
        probes: How many networks come before the first that is predicted: landmarks, and others
            that differ.  None: 12, or 8 where there are landmarks, which say where to go on from.
        landmarks: Whether published networks are among them, where the space has any.
        look: Columns of candidates; those of their graphs and tokens where None.

    Raises:
        UsageError: If there are fewer than two probes.
    """

    batch = 4
    """Candidates per ask that suit it."""

    def __init__(
        self,
        within: Within,
        *,
        objective: Objective,
        seed: int,
        probes: int | None = None,
        landmarks: bool = True,
        look: Look | None = None,
    ) -> None:
        if probes is not None and probes < LEAST:
            raise UsageError(f"{probes} probes teach nothing; give at least {LEAST}.")
        self.within, self.objective, self.seed = within, objective, seed
        self._probes = probes
        self._landmarks = landmarks
        self._known: tuple[Tokens, ...] = ()
        self._look = Remembering(look) if look is not None else descriptors(within.space)
        self._values: dict[Tokens, float] = {}
        self._failed: list[Tokens] = []
        self._seen: set[Tokens] = set()
        self._ids: set[str] = set()
        self._told = 0
        self._reference: list[Tokens] = []
        self._whole: list[Tokens] | None = None
        self._predictor = Predictor()
        self._asked: list[Tokens] = []  # since the last trial was told

    @property
    def probes(self) -> int:
        """How many networks come before the first that is predicted."""
        return self._probes or (PROBES_AFTER_LANDMARKS if self._known else PROBES)

    def ask(self, n: int) -> Sequence[Tokens]:
        """The next ``n`` candidates: probes at first, then those that promise most."""
        if len(self._asked) != n:
            self._survey()
            ready = len(self._seen) >= self.probes and len(self._values) >= LEAST
            self._asked = self._filled(self._promising(n) if ready else self._different(n), n)
        return list(self._asked)

    def tell(self, trials: Sequence[Trial]) -> None:
        """Remember trials; what they teach is learned when asked next."""
        for trial in trials:
            self._seen.add(trial.tokens)
            self._ids.add(trial.arch_id)
            if trial.ok and trial.duplicate_of is None:
                self._values[trial.tokens] = trial.value(self.objective)
            elif trial.outcome.status == "failed" and trial.duplicate_of is None:
                self._failed.append(trial.tokens)
        self._told += len(trials)
        self._asked = []

    def _survey(self) -> None:
        """Draw the reference and list a small space, once."""
        if self._reference:
            return
        within, space = self.within, self.within.space
        self._known = landmarks_of(within) if self._landmarks else ()
        rng = stream(self.seed, "predictor", "reference")
        drawn = (within.sample(rng=rng) for _ in range(REFERENCE))
        self._reference = list(dict.fromkeys([*self._known, *drawn]))
        self._predictor = Predictor(self._look(self._reference))
        if raw_size(space) <= WHOLE:
            self._whole = [row for row in enumerate_tokens(space) if within.fits(row)]

    def _different(self, n: int) -> list[Tokens]:
        """The next probes; their order does not depend on what came of them."""
        known = range(len(self._known))  # the first of the reference
        count = max(0, min(len(self._reference), len(self._seen) + n) - len(known))
        table = self._look(self._reference)
        chosen = self._predictor.probes(table, count, seed=self.seed, chosen=known)
        order = [self._reference[i] for i in (*known, *chosen)]
        return [row for row in order if row not in self._seen][:n]

    def _filled(self, rows: list[Tokens], n: int) -> list[Tokens]:
        """The rows and, where they are too few, draws; repetitions where all was tried."""
        seen = {*self._seen, *rows}
        while len(rows) < n:
            rng = stream(self.seed, "predictor", "more", self._told + len(rows))
            rows.append(unseen(lambda r: self.within.sample(rng=r), seen, rng=rng))
            seen.add(rows[-1])
        return rows

    def _promising(self, n: int) -> list[Tokens]:
        """The candidates of greatest expected improvement, no two of them the same network."""
        predictor = self._taught()
        if self._whole is None:
            pool = self._bred(predictor)
        else:
            pool = [row for row in self._whole if row not in self._seen]
        if not pool:
            return []
        order = predictor.choose(self._look(pool), min(n + _SPARE, len(pool)))
        found: dict[str, Tokens] = {}
        for row in (pool[i] for i in order):
            name = self.within.space.decode(row).id
            if name not in self._ids:
                found.setdefault(name, row)
            if len(found) == n:
                break
        return list(found.values())

    def _taught(self) -> Predictor:
        worst = min(self._values.values())
        values = {**self._values, **dict.fromkeys(self._failed, worst)}
        rows = list(values)
        if len(rows) > LEARNT:
            best = sorted(rows, key=lambda row: -values[row])[: LEARNT // 2]
            chosen = {*best, *[row for row in rows if row not in set(best)][-LEARNT // 2 :]}
            rows = [row for row in rows if row in chosen]
        looked = [values[row] for row in rows]
        return self._predictor.fit(self._look(rows), looked, settled=SETTLED)

    def _bred(self, predictor: Predictor) -> list[Tokens]:
        """Untried candidates: the reference, and the children of the best of each generation."""
        rng = stream(self.seed, "predictor", "pool", self._told)
        best = sorted(self._values, key=lambda row: -self._values[row])[:PARENTS]
        made = [*self._reference, *self._children(best, rng)]
        gains: dict[Tokens, float] = {}
        for generation in range(GENERATIONS + 1):
            new = [r for r in dict.fromkeys(made) if r not in self._seen and r not in gains]
            if new:
                gain = predictor.improvement(self._look(new)).tolist()
                gains.update(zip(new, gain, strict=True))
            if generation < GENERATIONS:
                top = sorted(gains, key=lambda row: -gains[row])[:PARENTS]
                made = self._children([*top, *best[: PARENTS // 4]], rng)
        return list(gains)

    def _children(self, parents: Sequence[Tokens], rng: np.random.Generator) -> list[Tokens]:
        """Mutants and crossings within the budget, a whole generation drawn at once."""
        within = self.within
        sizes = np.array([len(c.options) for c in within.space.choices])
        rows = np.array(parents)
        first, second = rng.integers(len(rows), size=(2, CHILDREN))
        crossed, twice, repaired = rng.random((3, CHILDREN)) < np.c_[[CROSSED, TWICE, REPAIRED]]
        mixed = (rng.random((CHILDREN, len(sizes))) < 0.5) & crossed[:, None]
        children = np.where(mixed, rows[second], rows[first])
        order = np.argsort(rng.random(children.shape) - (sizes > 1), axis=1)  # free tokens first
        shifts = 1 + np.floor(rng.random(children.shape) * (sizes - 1)).astype(np.int64)
        for place, also in ((0, np.ones(CHILDREN, dtype=bool)), (1, twice)):
            at = np.flatnonzero(also), order[also, min(place, len(sizes) - 1)]
            children[at] = (children[at] + shifts[at]) % sizes[at[1]]
        found = []
        for child, mend in zip(children.tolist(), repaired.tolist(), strict=True):
            row = within.space.canonical(tuple(child))
            if mend:
                found.append(within.repair(row, rng=rng))
            elif within.fits(row):
                found.append(row)
        return found


class Remembering:
    """Columns of candidates, each looked at once while there is room.

    Args:
        look: Columns of some candidates, the same groups at every call.
    """

    def __init__(self, look: Look) -> None:
        self._look = look
        self._rows: dict[Tokens, Floats] = {}
        self._groups: dict[str, int] = {}

    def __call__(self, rows: Sequence[Tokens]) -> Table:
        """The columns of these candidates."""
        new = [row for row in dict.fromkeys(rows) if row not in self._rows]
        if len(self._rows) + len(new) > _KEPT:
            self._rows, new = {}, list(dict.fromkeys(rows))
        if new:
            table = self._look(new)
            self._groups = {name: part.shape[1] for name, part in table.items()}
            self._rows.update(zip(new, np.hstack(list(table.values())), strict=True))
        whole = np.array([self._rows[row] for row in rows])
        ends = np.cumsum(list(self._groups.values()))[:-1]
        return dict(zip(self._groups, np.split(whole, ends, axis=1), strict=True))


def descriptors(space: Space) -> Look:
    """What is known of candidates before any is trained: their graphs and their tokens.

    What was looked at is remembered for all searches of this process in the same space.
    """
    try:
        hash(space)
    except TypeError:  # a space of the user's own, with a list in it
        return Remembering(_describing(space))
    return _remembered(cast("Hashable", space))


@lru_cache(maxsize=2)
def _remembered(space: Hashable) -> Look:
    return Remembering(_describing(cast("Space", space)))


def _describing(space: Space) -> Look:
    def look(rows: Sequence[Tokens]) -> Table:
        return columns([space.decode(row) for row in rows], space=space, tokens=rows)

    return look
