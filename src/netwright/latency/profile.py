"""Measuring a table: networks of a space, whole and part by part, until the time is used up.

The networks are drawn as a search draws them, so the parts that are needed most are measured
first and most often; what is never met is left to the model.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from netwright.contracts import Space
from netwright.errors import UsageError
from netwright.latency.gauges import Gauge
from netwright.latency.parts import parts_of
from netwright.latency.table import TableFile
from netwright.records import Tokens
from netwright.rng import stream
from netwright.spaces.tokens import sample

_MOST_ALIKE = 10_000  # candidates in a row that were measured before: the space is done


@dataclass(frozen=True, kw_only=True)
class Step:
    """How far a profile is.

    Args:
        networks: Whole networks in the table.
        parts: Different parts in it.
        seconds: Of this sitting so far.
        of_seconds: That it may take.
    """

    networks: int
    parts: int
    seconds: float
    of_seconds: float


def profile(
    space: Space,
    file: TableFile,
    *,
    gauge: Gauge,
    seconds: float,
    seed: int = 0,
    rows: Iterator[Tokens] | None = None,
    least: int = 1,
    most: int | None = None,
    clock: Callable[[], float] = time.monotonic,
    on_step: Callable[[Step], None] = lambda step: None,
) -> None:
    """Measure networks of the space and append them to a table, until the time is used up.

    No network is begun that would, by the slowest so far, end late.

    Args:
        space: Whose networks.
        file: Where to; networks in it are not measured again.
        gauge: Measures them.
        seconds: For everything, from now on.
        seed: Of the networks that are drawn.
        rows: Candidates in the order to measure them in; drawn from the space without it.
        least: Networks in the table at least, whatever the time.
        most: Networks in the table at most.
        clock: Tells the time.
        on_step: Told after every network.

    Raises:
        UsageError: If nothing could be measured.
    """
    started, slowest, alike = clock(), 0.0, 0
    done = {n.network for n in file.table.networks}
    for tokens in rows or draws(space, seed=seed):
        now = clock() - started
        full = most is not None and len(done) >= most
        late = len(done) >= least and now + slowest > seconds
        if full or late or alike > _MOST_ALIKE:
            break
        arch = space.decode(tokens)
        alike = alike + 1 if arch.id in done else 0
        if alike:
            continue
        parts = parts_of(arch)
        file.add(gauge(arch, parts), parts)
        done.add(arch.id)
        slowest = max(slowest, clock() - started - now)
        on_step(
            Step(
                networks=len(done), parts=len(file.table.parts), seconds=clock() - started,
                of_seconds=seconds,
            )
        )  # fmt: skip
    if not done:
        raise UsageError("Not one network could be measured; give it networks and time.")


def draws(space: Space, *, seed: int) -> Iterator[Tokens]:
    """Candidates to measure: in turn uniform, and leaning towards the first options (small)."""
    rng = stream(seed, "latency profile")
    while True:
        yield space.canonical(sample(space, rng))
        pair = (sample(space, rng), sample(space, rng))
        yield space.canonical(tuple(np.minimum(*pair).tolist()))
