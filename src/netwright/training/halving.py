"""Successive halving: all train a little, the better ones train on, few train to the end.

After Jamieson and Talwalkar, "Non-stochastic best arm identification" (AISTATS 2016), with two
changes.  All rungs are steps of one recipe, so that a network that goes on does so where it
stopped and nothing is trained twice.  And a network that is behind by less than the noise of the
comparison goes on too, as far as a rung has room: that is no reason to drop it.

Everything here is a pure function of what the trainings came to, so a race that was killed goes
on as it would have.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SEED_NOISE = 0.005  # standard deviation of accuracy between two trainings of one network


@dataclass(frozen=True, kw_only=True)
class Rung:
    """A point of the recipe at which the networks of a race are compared.

    Args:
        share: Of the recipe's steps.
        keep: So many go on, at least; those that failed never do.
        most: So many go on, where the others are behind by less than the noise.
    """

    share: float
    keep: int
    most: int


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a training came to at a rung, on the validation split."""

    accuracy: float
    loss: float


Results = Mapping[tuple[str, int], Standing | None]
"""What is known by network and number of its part, from 0; None for a training that failed."""


def ladder(entrants: int, *, first: float = 0.25, room: int = 1) -> tuple[Rung, ...]:
    """The rungs of a race: half go on at each, one at the last; the lengths double.

    Args:
        entrants: Networks at the start.
        first: Share of the recipe at the first rung; the last is at a half or before.
        room: How many more may go on at each rung if they are within the noise.
    """
    found: list[Rung] = []
    share, left = first, entrants
    while left > 1 and share <= 0.5:
        last = 2 * share > 0.5
        keep = 1 if last else math.ceil(left / 2)
        found.append(Rung(share=share, keep=keep, most=min(left, keep + room)))
        share, left = 2 * share, keep
    return tuple(found)


def shares(rungs: Sequence[Rung]) -> tuple[float, ...]:
    """Where the parts of a training end, as shares of the recipe; the last one is 1."""
    return (*(rung.share for rung in rungs), 1.0)


def work(entrants: int, rungs: Sequence[Rung]) -> float:
    """Full trainings that a race is worth, where every rung lets on as many as it may."""
    total, done, alive = 0.0, 0.0, entrants
    for rung in rungs:
        total += alive * (rung.share - done)
        done, alive = rung.share, min(alive, rung.most)
    return total + alive * (1 - done)


def noise(accuracy: float, images: int) -> float:
    """Standard error of the difference of two such accuracies on one split.

    Of each, the binomial error (Agresti and Caffo, 2000: one success and one failure are added,
    so that 100% has an error too) and that of the seed.

    Args:
        accuracy: About which.
        images: Of the split.
    """
    share = (accuracy * images + 1) / (images + 2)
    return math.sqrt(2 * (share * (1 - share) / (images + 2) + SEED_NOISE**2))


def going_on(
    standings: Mapping[str, Standing | None], rung: Rung, *, images: int
) -> tuple[str, ...]:
    """Who goes on after a rung: the best by loss, and who is within the noise of the last of them.

    The loss orders them, since accuracies on a small split come in coarse steps; the accuracy
    says whether a difference is more than noise.

    Args:
        standings: By network, the one that promises most before the race first; of equals, the
            earlier goes on.
        rung: How many.
        images: Of the validation split.
    """
    good = {name: s for name, s in standings.items() if s is not None and math.isfinite(s.loss)}
    ranked = sorted(good, key=lambda name: good[name].loss)
    kept = ranked[: rung.keep]
    if not kept:
        return ()
    bar = min(good[name].accuracy for name in kept)
    for name in ranked[rung.keep : rung.most]:
        if good[name].accuracy >= bar - noise(bar, images):
            kept.append(name)
    return tuple(name for name in standings if name in kept)


def open_parts(
    entrants: Sequence[str], rungs: Sequence[Rung], results: Results, *, images: int
) -> list[tuple[str, int]]:
    """The parts of a race that can be trained now: nothing they wait for is missing.

    Args:
        entrants: Networks, the one that promises most first.
        rungs: Where they are compared.
        results: What is known so far.
        images: Of the validation split.
    """
    alive = tuple(entrants)
    for part, rung in enumerate((*rungs, None)):
        missing = [(name, part) for name in alive if (name, part) not in results]
        if missing or rung is None:
            return missing
        alive = going_on({name: results[name, part] for name in alive}, rung, images=images)
    return []


def open_alone(entrants: Sequence[str], parts: int, results: Results) -> list[tuple[str, int]]:
    """The same for networks that nobody is compared with on the way: each trains to its end.

    Args:
        entrants: Networks.
        parts: Of each training.
        results: What is known so far.
    """
    found: list[tuple[str, int]] = []
    for name in entrants:
        known = [part for part in range(parts) if (name, part) in results]
        failed = any(results[name, part] is None for part in known)
        if not failed and len(known) < parts:
            found.append((name, len(known)))
    return found


def next_parts(
    racers: Sequence[str],
    others: Sequence[str],
    rungs: Sequence[Rung],
    results: Results,
    *,
    images: int,
    pace: Mapping[str, float] | None = None,
) -> list[tuple[str, int]]:
    """All parts that can be trained now, those first that others wait for.

    Of those that nobody waits for the one comes first whose network has most time to go, so that
    no worker is left alone with it at the end.

    Args:
        racers: Networks of the race, the one that promises most first.
        others: Networks that train to their end in any case; a racer may be among them.
        rungs: Where racers are compared, and where every training is cut.
        results: What is known so far.
        images: Of the validation split.
        pace: Seconds of one step, by network, where they are known.
    """
    race = open_parts(racers, rungs, results, images=images)
    alone = open_alone(others, len(rungs) + 1, results)
    starts = (0.0, *shares(rungs)[:-1])
    known = pace or {}
    alone.sort(key=lambda part: -known.get(part[0], 0.0) * (1 - starts[part[1]]))
    return list(dict.fromkeys([*race, *alone]))


def parts_left(
    racers: Sequence[str],
    others: Sequence[str],
    rungs: Sequence[Rung],
    results: Results,
    *,
    images: int,
) -> int:
    """Parts that are still to be trained, at most.

    Args:
        racers: Networks of the race.
        others: Networks that train to their end in any case.
        rungs: Where racers are compared.
        results: What is known so far.
        images: Of the validation split.
    """
    known = dict(results)
    equal = Standing(accuracy=0.5, loss=1.0)
    count = 0
    while todo := next_parts(racers, others, rungs, known, images=images):
        count += len(todo)
        known |= dict.fromkeys(todo, equal)
    return count
