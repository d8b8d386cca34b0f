"""How well networks are ranked after a few of them were trained, in two spaces, by one predictor.

The networks and their accuracies are those of two tables: Accel-NASBench (2,569 networks trained
on ImageNet) and NAS-Bench-201 (cells trained on CIFAR-10, CIFAR-100 and ImageNet16-120, with ten
training-free scores of each from NAS-Bench-Suite-Zero; those of CIFAR-10 also for CIFAR-100).  The
predictor is given the accuracies of a few networks and ranks all others.  In Accel-NASBench it
chooses them itself, among 1,000 that are drawn; in NAS-Bench-201 they are drawn.

Its priors were chosen on one half of the rows (``development``); the other half (``held out``)
was looked at once, afterwards.  ``all`` are both, with a random forest on the same columns and
the same labels beside it, as in GRAF (Kadlecová et al., ICML 2024).  Three counts, which need no
labels, stand beside all.  Run ``python
benchmarks/predictor.py`` beside a folder ``../shared/data`` with the tables.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as parquet
from sklearn.ensemble import RandomForestRegressor

import record
from netwright.predict.columns import Table, columns
from netwright.predict.descriptors import NAMES, describe_all
from netwright.predict.predictor import Predictor
from netwright.spaces.accel import AccelSpace, from_digits
from netwright.spaces.nasbench201 import NASBench201Space, from_string
from netwright.stats import spearman

DATA = Path(__file__).parents[2] / "shared" / "data"
PROXIES = (
    "epe_nas", "fisher", "grad_norm", "grasp", "jacov", "l2_norm", "nwot", "plain", "snip",
    "synflow",
)  # fmt: skip
COUNTS = ("log_params", "log_macs", "sum_log_n")
FOREST = 10  # draws of the random forest, which takes most of the time
POOL = 1000  # networks of Accel-NASBench that the predictor chooses among
NEEDED = {
    "accel": {8: 0.90, 16: 0.945, 32: 0.955, 64: 0.965, 128: 0.975},
    "c10": {16: 0.89, 32: 0.92, 64: 0.94, 128: 0.95},
    "c100": {16: 0.0, 32: 0.0, 64: 0.0, 128: 0.0},
    "in16": {16: 0.87, 32: 0.90, 64: 0.92, 128: 0.935},
}  # what we set out to reach
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Networks of a table.

    Args:
        name: Of the data.
        table: Their columns.
        values: Their accuracies (N,).
        counts: Counts (N, 3), in the order of ``COUNTS``.
        chosen: Whether the predictor chooses what is trained.
    """

    name: str
    table: Table
    values: Floats
    counts: Floats
    chosen: bool

    def part(self, which: npt.NDArray[np.intp]) -> Rows:
        """Some of them."""
        return Rows(
            name=self.name,
            table=taken(self.table, which),
            values=self.values[which],
            counts=self.counts[which],
            chosen=self.chosen,
        )


def taken(table: Table, rows: npt.NDArray[np.intp]) -> Table:
    """Some rows of a table."""
    return {group: part[rows] for group, part in table.items()}


def halves() -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which rows of NAS-Bench-201 and of Accel-NASBench are of the development half."""
    rng = np.random.Generator(np.random.Philox(key=12345))
    return rng.random(15625) < 0.5, rng.random(2569) < 0.5


def read_accel() -> Rows:
    """Networks of Accel-NASBench."""
    data = parquet.read_table(DATA / "accel_nasbench.parquet").to_pydict()
    space = AccelSpace()
    digits = zip(data["e"], data["k"], data["l"], data["se"], strict=True)
    tokens = [from_digits(*row) for row in digits]
    nets = [space.decode(row) for row in tokens]
    return Rows(
        name="accel",
        table=columns(nets, space=space, tokens=tokens),
        values=np.array(data["in1k_val_top1"], dtype=np.float64),
        counts=describe_all(nets)[:, [NAMES.index(name) for name in COUNTS]],
        chosen=True,
    )


def read_cells() -> tuple[Table, Floats, Mapping[str, Any], Mapping[str, Any]]:
    """All cells of NAS-Bench-201: columns of their graphs, counts, accuracies, scores."""
    data = parquet.read_table(DATA / "nasbench201.parquet").to_pydict()
    scores = parquet.read_table(DATA / "nasbench201_zc.parquet").to_pydict()
    space = NASBench201Space()
    nets = [space.decode(from_string(text)) for text in data["arch_str"]]
    counts = describe_all(nets)[:, [NAMES.index(name) for name in COUNTS]]
    return columns(nets), counts, data, scores


def of_data(name: str, cells: tuple[Table, Floats, Mapping[str, Any], Mapping[str, Any]]) -> Rows:
    """Cells with their accuracies on one of the three sets of images."""
    graphs, counts, data, scores = cells
    images = "in16" if name == "in16" else "c10"
    found = [np.array(scores[f"{images}_{proxy}"], dtype=np.float64) for proxy in PROXIES]
    return Rows(
        name=name,
        table={**graphs, "proxies": np.column_stack(found)},
        values=np.array(data[f"{name}_test_200"], dtype=np.float64),
        counts=counts,
        chosen=False,
    )


@dataclass(frozen=True, kw_only=True)
class Came:
    """What came of one draw: rank correlations with the rest, and the share of it covered."""

    ours: float
    covered: float
    forest: float
    counts: Sequence[float]


def look(
    rows: Rows,
    predictor: Predictor,
    labels: int,
    *,
    draw: int,
    forest: bool,
    probes: dict[int, list[int]],
) -> Came:
    """Learn from some networks, rank the rest; ``probes`` keeps what was chosen in each draw."""
    rng = np.random.Generator(np.random.Philox(key=1000 * draw + 7))
    count = len(rows.values)
    if rows.chosen:  # the first of those that are chosen are the choice of fewer
        pool = rng.choice(count, POOL, replace=False)
        if draw not in probes:
            most = max(NEEDED[rows.name])
            probes[draw] = predictor.probes(taken(rows.table, pool), most, seed=draw)
        seen = pool[np.array(probes[draw][:labels])]
    else:
        seen = rng.choice(count, labels, replace=False)
    rest = np.setdiff1d(np.arange(count), seen)
    values, true = rows.values[seen], rows.values[rest]
    learned = predictor.fit(taken(rows.table, seen), values)
    found = learned.predict(taken(rows.table, rest))
    within = (found.low <= true) & (true <= found.high)
    return Came(
        ours=spearman(found.score, true),
        covered=float(within.mean()),
        forest=grown(rows.table, seen, rest, values, true, seed=draw) if forest else 0.0,
        counts=[spearman(column, true) for column in rows.counts[rest].T],
    )


def grown(
    table: Table,
    seen: npt.NDArray[np.intp],
    rest: npt.NDArray[np.intp],
    values: Floats,
    true: Floats,
    *,
    seed: int,
) -> float:
    """The rank correlation of a random forest, scikit-learn's with its own settings."""
    wide = np.nan_to_num(np.hstack(list(table.values())), posinf=0.0, neginf=0.0)
    model = RandomForestRegressor(random_state=seed).fit(wide[seen], values)
    return spearman(model.predict(wide[rest]), true)


def measure(
    rows: Rows, half: str, draws: int, *, forest: bool, show: bool = True
) -> dict[str, record.Measured]:
    """Rows of the record of one set of networks."""
    found: dict[str, record.Measured] = {}
    predictor, probes = Predictor(rows.table), dict[int, list[int]]()
    for labels in NEEDED[rows.name]:
        came = [
            look(rows, predictor, labels, draw=d, forest=forest and d < FOREST, probes=probes)
            for d in range(draws)
        ]
        at = f"{rows.name}, {half}, {labels} labels"
        headline = half == "all" and rows.name in ("accel", "c10") and labels in (16, 64)
        found[f"{at}: predictor"] = record.measured(
            [c.ours for c in came], "rank correlation", headline=headline
        )
        found[f"{at}: within 80% intervals"] = record.measured(
            [100 * c.covered for c in came], "% of networks"
        )
        if forest:
            found[f"{at}: random forest"] = record.measured(
                [c.forest for c in came[:FOREST]], "rank correlation"
            )
        for i, name in enumerate(COUNTS):
            found[f"{at}: {name}"] = record.measured(
                [c.counts[i] for c in came], "rank correlation"
            )
        if show:
            print(
                at, f"{np.mean([c.ours for c in came]):.3f}",
                f"({np.mean([c.covered for c in came]):.2f})",
                f"forest {np.mean([c.forest for c in came[:FOREST]]):.3f}", flush=True,
            )  # fmt: skip
    return found


def main() -> None:
    """Measure, print, write."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--draws", type=int, default=20)
    options.add_argument("--halves", nargs="*", default=["development", "held out", "all"])
    options.add_argument("--data", nargs="*", default=list(NEEDED))
    options.add_argument("--no-forest", action="store_true")
    options.add_argument("--add", action="store_true", help="keep what the record has of others")
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    of_cells, of_accel = halves()
    cells = read_cells() if set(given.data) - {"accel"} else None
    results: dict[str, record.Measured] = {}
    before = given.out or record.RESULTS / "predictor.json"
    if given.add and before.is_file():
        results = json.loads(before.read_text(encoding="utf-8"))["measured"]
    for name in given.data:
        rows = of_data(name, cells) if cells is not None and name != "accel" else read_accel()
        developed = of_accel if name == "accel" else of_cells
        valid = np.ones(len(rows.values), dtype=bool)
        if cells is not None and name != "accel":
            valid = np.array(cells[2]["suite_zero_valid"], dtype=bool)
        which = {"development": developed, "held out": ~developed, "all": np.ones_like(developed)}
        for half in given.halves:
            part = rows.part(np.flatnonzero(which[half] & valid))
            forest = half == "all" and not given.no_forest
            results |= measure(part, half, given.draws, forest=forest)
    record.write(
        __file__,
        claim="A few trained networks tell how the others rank, with intervals that hold",
        seeds=range(given.draws),
        results=results,
        arguments=f"--draws {given.draws}",
        facts={"set out to reach": NEEDED},
        out=given.out,
    )


if __name__ == "__main__":
    main()
