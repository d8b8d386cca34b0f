"""Predicted latency against measured: networks that were held out, and MACs as the control.

For each space, image size and runtime, held-out networks and the profile take turns in one
session, so that both see the same machine, and a small reference network beside each; what it says
of slow moments is divided out on both sides.  Every measurement is kept in ``--folder``; the same
command goes on with what is there.  ``--again`` names the folder of another sitting, whose
measurements of the same networks tell what could be reached.  It wants a quiet machine: run
``python benchmarks/latency_predictor.py --folder FOLDER --minutes 15``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

import record
from netwright import catalog
from netwright.contracts import Space
from netwright.latency.gauges import RuntimeGauge, reference
from netwright.latency.parts import FEATURES, Part
from netwright.latency.predictor import LatencyPredictor
from netwright.latency.profile import draws, profile
from netwright.latency.table import Table, TableFile, Timed, read_table
from netwright.nn.runtimes import RuntimeName, Where
from netwright.nn.timing import torch_threads
from netwright.records import Tokens
from netwright.reporting.scatter import Panel, Point, scatter_svg
from netwright.rng import stream
from netwright.spaces.tokens import sample
from netwright.stats import spearman

Floats = npt.NDArray[np.float64]
CASES = (("mobile", 224, 60), ("mobile", 96, 60), ("mnasnet", 224, 30))
NEAR = 0.10
_HELD_OUT_SECONDS = 0.4  # of samples of a held-out network, at least
_MACS = tuple(FEATURES.index(name) for name in ("dense_macs", "depthwise_macs"))


class Case(NamedTuple):
    """One space, image size and runtime, with as many held-out networks."""

    space: str
    resolution: int
    networks: int
    runtime: RuntimeName

    @property
    def name(self) -> str:
        """As the record calls it."""
        return f"{self.runtime}, {self.space} at {self.resolution} px"

    def made(self) -> Space:
        """The space itself."""
        return catalog.space(self.space, classes=1000, resolution=self.resolution, channels=3)

    def path(self, folder: Path, what: str) -> Path:
        """Where a table of it is kept."""
        return folder / f"{self.space}-{self.resolution}-{self.runtime}-{what}.json"


def cases(runtimes: Sequence[RuntimeName], *, share: float = 1.0) -> list[Case]:
    """All cases; ``share`` of the held-out networks."""
    return [
        Case(space, resolution, max(2, round(share * count)), runtime)
        for runtime in runtimes
        for space, resolution, count in CASES
    ]


def held_out(space: Space, count: int) -> list[Tokens]:
    """Candidates drawn apart from the profile's."""
    rng = stream(1, "held out", space.name)
    return [space.canonical(sample(space, rng)) for _ in range(count)]


def measure(case: Case, folder: Path, *, seconds: float) -> None:
    """Measure what is missing: a held-out network, then its share of the profile, and so on."""
    space, where = case.made(), Where(runtime=case.runtime)
    small = reference(space)
    with torch_threads(1):
        gauge = RuntimeGauge(where, small)
        longer = RuntimeGauge(where, small, seconds=_HELD_OUT_SECONDS)
        about = {"space": case.space, "resolution": case.resolution}
        table = TableFile(case.path(folder, "table"), gauge.setting, about)
        apart = TableFile(case.path(folder, "held-out"), gauge.setting, about)
        rows = held_out(space, case.networks)
        taken = {space.decode(row).id for row in rows}
        fresh = _without(space, draws(space, seed=0), taken)
        started = time.monotonic()
        for number, row in enumerate(rows):
            profile(space, apart, gauge=longer, seconds=0.0, least=number + 1, rows=iter([row]))
            share = seconds * (number + 1) / len(rows) - (time.monotonic() - started)
            profile(
                space, table, gauge=gauge, seconds=share, least=number + 1, rows=fresh
            )  # as many as were held out, however slow the machine


def _without(space: Space, rows: Iterator[Tokens], taken: set[str]) -> Iterator[Tokens]:
    return (row for row in rows if space.decode(row).id not in taken)


class Compared(NamedTuple):
    """Held-out networks of a case: measured, predicted, and by the controls (N,)."""

    measured: Floats
    as_it_came: Floats
    predicted: Floats
    by_sum: Floats
    by_macs: Floats
    macs: Floats
    inside: float
    noise: float
    drift: float


def compare(table: Table, apart: Table) -> Compared:
    """Predictions of the networks held out, by the table and by MACs fitted to its networks."""
    predictor = LatencyPredictor.of(table)
    parts = [_parts(apart, n) for n in apart.networks]
    found = [predictor.of_parts(p) for p in parts]
    as_it_came = np.array([n.ms for n in apart.networks])
    ms = np.array(apart.steady())
    inside = [p.low_ms <= v <= p.high_ms for p, v in zip(found, ms, strict=True)]
    return Compared(
        measured=ms,
        as_it_came=as_it_came,
        predicted=np.array([p.ms for p in found]),
        by_sum=np.array([predictor.sum_of_parts(p) for p in parts]),
        by_macs=_by_macs(table, _macs(apart)),
        macs=_macs(apart),
        inside=float(np.mean(inside)),
        noise=float(np.median([n.noise_ms / n.ms for n in apart.networks])),
        drift=max(table.drift, apart.drift),
    )


def again(one: Table, other: Table) -> Floats:
    """Of networks measured in two sittings, the second over the first, the shift taken out."""
    first, second = (
        dict(zip([n.network for n in table.networks], table.steady(), strict=True))
        for table in (one, other)
    )
    ratios = np.array([second[name] / first[name] for name in first if name in second])
    return np.asarray(ratios / np.median(ratios), np.float64) if len(ratios) else ratios


def _parts(table: Table, timed: Timed) -> list[Part]:
    return [Part(key=key, features=table.parts[key]) for key, _ in timed.parts]


def _macs(table: Table) -> Floats:
    return np.array([sum(n.features[i] for i in _MACS) for n in table.networks])


def _by_macs(table: Table, macs: Floats) -> Floats:
    """The control: a line in MACs, fitted to relative errors on the table's whole networks."""
    ms = np.array([n.ms for n in table.networks])
    columns = np.column_stack([_macs(table), np.ones(len(ms))]) / ms[:, None]
    slope, offset = np.linalg.lstsq(columns, np.ones(len(ms)), rcond=None)[0]
    return np.asarray(slope * macs + offset, np.float64)


def near(predicted: Floats, measured: Floats) -> float:
    """Percent of the predictions within ±10 % of what was measured."""
    return 100 * float(np.mean(np.abs(predicted / measured - 1) <= NEAR))


def summary(
    found: dict[str, Compared], twice: dict[str, Floats] | None = None
) -> dict[str, record.Measured]:
    """The figures of the record: over all cases as headlines, then each case.

    Args:
        found: By case.
        twice: By case, what ``again`` gave, where there was another sitting.
    """
    rows: dict[str, record.Measured] = {}
    every = list(found.values())
    measured, predicted, by_macs = (
        np.concatenate([getattr(c, name) for c in every])
        for name in ("measured", "predicted", "by_macs")
    )
    rows["within ±10 %"] = _one(near(predicted, measured), "%", headline=True)
    ranks = [spearman(c.predicted, c.measured) for c in every]
    rows["Spearman, by case"] = record.measured(ranks, "", headline=True)
    rows["within ±10 %, by MACs"] = _one(near(by_macs, measured), "%", headline=True)
    by_case = [spearman(c.macs, c.measured) for c in every]
    rows["Spearman by MACs, by case"] = record.measured(by_case, "", headline=True)
    if twice:
        every_ratio = np.concatenate([*twice.values()])
        rows["the same networks measured again, within ±10 %"] = _one(
            near(every_ratio, np.ones_like(every_ratio)), "%", headline=True
        )
        for name, ratios in twice.items():
            share = near(ratios, np.ones_like(ratios))
            rows[f"{name}: measured again, within ±10 %"] = _one(share, "%")
    for name, c in found.items():
        rows[f"{name}: within ±10 %"] = _one(near(c.predicted, c.measured), "%")
        rows[f"{name}: Spearman"] = _one(spearman(c.predicted, c.measured), "")
        rows[f"{name}: Spearman of the plain sum"] = _one(spearman(c.by_sum, c.measured), "")
        came = near(c.predicted, c.as_it_came)
        rows[f"{name}: within ±10 %, slow moments left in"] = _one(came, "%")
        rows[f"{name}: within ±10 %, by MACs"] = _one(near(c.by_macs, c.measured), "%")
        rows[f"{name}: Spearman by MACs"] = _one(spearman(c.macs, c.measured), "")
        rows[f"{name}: inside the 95 % interval"] = _one(100 * c.inside, "%")
        rows[f"{name}: noise of a median"] = _one(100 * c.noise, "%")
    return rows


def _one(value: float, unit: str, *, headline: bool = False) -> record.Measured:
    return record.measured([value], unit, headline=headline)


def picture(found: dict[str, Compared]) -> str:
    """Predicted against measured, and MACs against measured."""
    panels = []
    for across, what, band in (
        ("predicted milliseconds", "predicted", NEAR), ("MACs", "macs", None),
    ):  # fmt: skip
        points = [
            Point(x=float(x), y=float(y), group=number)
            for number, c in enumerate(found.values())
            for x, y in zip(getattr(c, what), c.measured, strict=True)
        ]
        panels.append(Panel(points=points, across=across, up="measured milliseconds", band=band))
    return scatter_svg(
        panels, title="Latency of networks that were held out, one thread", groups=[*found]
    )


def main() -> None:
    """Measure what is missing, then write the record and the picture."""
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    options.add_argument("--folder", type=Path, required=True, help="of the measurements")
    options.add_argument("--minutes", type=float, default=15.0, help="for all cases together")
    options.add_argument("--runtime", action="append", help="torch and onnxruntime without it")
    options.add_argument("--again", type=Path, help="folder of another sitting")
    options.add_argument("--share", type=float, default=1.0, help="of the held-out networks")
    options.add_argument("--no-measuring", action="store_true", help="report what is there")
    options.add_argument("--picture", type=Path, default=record.HERE.parent / "docs/latency.svg")
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    todo = cases(given.runtime or ("torch", "onnxruntime"), share=given.share)
    left, started = 60 * given.minutes, time.monotonic()
    for number, case in enumerate(todo):
        if not given.no_measuring:
            each = (left - (time.monotonic() - started)) / (len(todo) - number)
            measure(case, given.folder, seconds=each)
    found, facts, twice = {}, {}, dict[str, Floats]()
    for case in todo:
        table, apart = (read_table(case.path(given.folder, w)) for w in ("table", "held-out"))
        found[case.name] = compare(table, apart)
        if given.again is not None:
            twice[case.name] = again(apart, read_table(case.path(given.again, "held-out")))
        facts[case.name] = {
            "profiled networks": len(table.networks), "parts": len(table.parts),
            "held out": len(apart.networks), "drift": round(found[case.name].drift, 3),
            "setting": str(table.setting),
        }  # fmt: skip
    given.picture.write_text(picture(found), encoding="utf-8")
    record.write(
        __file__,
        claim="A table of fused layers, made in minutes, predicts the latency of networks that "
        "were never measured as well as measuring them a second time would.",
        seeds=[0, 1],
        results=summary(found, twice),
        arguments=f"--folder FOLDER --minutes {given.minutes:g}"
        + (" --again FOLDER" if given.again else ""),
        facts=facts,
        out=given.out,
    )


if __name__ == "__main__":
    main()
