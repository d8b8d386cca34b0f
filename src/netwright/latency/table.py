"""The latency table of one device and runtime: what its parts and whole networks took, on disk.

One JSON object a line, appended as it is measured, so that a kill loses the network in hand and no
more.  The first line says under what conditions all of it holds; a part is described once, before
the first network that has it; a network comes with its own time, that of the reference network
measured in turn with it, and those of its parts.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from netwright.errors import UsageError
from netwright.latency.parts import FEATURES, Part
from netwright.nn.measured import Setting

FORMAT = 1
_BUSY = 1.15  # the reference network's slowest time, over a few networks, to its fastest


@dataclass(frozen=True, kw_only=True)
class Timed:
    """A whole network that was measured.

    Args:
        network: Its id.
        ms: Median milliseconds of a pass.
        low_ms: Their first quartile, which other work on the machine disturbs less.
        noise_ms: Half the width of the 95 % interval of that median.
        reference_ms: First quartile of the reference network at that time; 0 for none.
        features: Counts of the whole network, in the order of ``FEATURES``.
        parts: Keys of its parts in their order, each with its milliseconds; none where the
            runtime could not tell.
        count: How many parts the network has.
    """

    network: str
    ms: float
    low_ms: float
    noise_ms: float = 0.0
    reference_ms: float = 0.0
    features: tuple[float, ...]
    parts: tuple[tuple[str, float], ...] = ()
    count: int = 0


@dataclass(frozen=True, kw_only=True)
class Table:
    """Everything that was measured of one device and runtime.

    Args:
        setting: The conditions.
        about: Facts of whoever made it: the space, the source of an import.
        parts: Counts of every part that occurs, by key.
        alone: Milliseconds of parts that were measured apart from any network (imported ones).
        networks: Whole networks.
    """

    setting: Setting
    about: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, tuple[float, ...]] = field(default_factory=dict)
    alone: dict[str, float] = field(default_factory=dict)
    networks: tuple[Timed, ...] = ()

    @property
    def above_low(self) -> float:
        """How much longer than its first quartile a network's median was, in the middle."""
        return statistics.median([n.ms / n.low_ms for n in self.networks] or [1.0])

    def speeds(self) -> list[float]:
        """How slow the machine was at each network: the reference's time over its middle.

        Smoothed by the median of five neighbours; 1 where there was no reference.
        """
        times = [n.reference_ms for n in self.networks]
        if not times or not all(t > 0 for t in times):
            return [1.0] * len(times)
        middle = statistics.median(times)
        return [
            statistics.median(times[max(0, k - 2) : k + 3]) / middle for k in range(len(times))
        ]

    def steady(self) -> list[float]:
        """Milliseconds of each network, slow moments divided out.

        The first quartile, which other work on the machine disturbs least, made a median by how
        far the two are apart on the whole.
        """
        above = self.above_low
        return [
            above * n.low_ms / speed for n, speed in zip(self.networks, self.speeds(), strict=True)
        ]

    @property
    def drift(self) -> float:
        """The slowest moment of the machine to its fastest, 1 if it never changed."""
        speeds = self.speeds()
        return max(speeds) / min(speeds) if speeds else 1.0

    @property
    def busy(self) -> bool:
        """Whether the machine's speed changed so much meanwhile that one should measure anew."""
        return self.drift > _BUSY


class TableFile:
    """A table that grows: whoever measures appends to it.

    Args:
        path: The file; made with its first line where it does not exist.
        setting: The conditions; those of an existing file must be the same.
        about: Facts for the first line.

    Raises:
        UsageError: If the file holds something else, or was measured under other conditions.
    """

    def __init__(self, path: Path, setting: Setting, about: dict[str, Any]) -> None:
        self.path = path
        if path.exists() and path.stat().st_size:
            _cut_broken_tail(path)
            self.table = read_table(path)
            _require_same(path, self.table.setting, setting)
            return
        self.table = Table(setting=setting, about=about)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._append([_head(self.table)])
        except OSError as err:
            raise UsageError(f"{path} cannot be written ({err.strerror}).") from err

    def add(self, timed: Timed, parts: Iterable[Part]) -> None:
        """Write down a network, and those of its parts that are new."""
        new = {p.key: p.features for p in parts if p.key not in self.table.parts}
        lines = [{"part": key, "features": list(features)} for key, features in new.items()]
        self._append([*lines, _line(timed)])
        self.table.parts.update(new)
        object.__setattr__(self.table, "networks", (*self.table.networks, timed))

    def _append(self, rows: Sequence[dict[str, Any]]) -> None:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text)


def write_table(path: Path, table: Table) -> None:
    """Write a whole table at once."""
    rows: list[dict[str, Any]] = [_head(table)]
    for key, features in table.parts.items():
        row: dict[str, Any] = {"part": key, "features": list(features)}
        if key in table.alone:
            row["ms"] = table.alone[key]
        rows.append(row)
    rows += [_line(n) for n in table.networks]
    try:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    except OSError as err:
        raise UsageError(f"{path} cannot be written ({err.strerror}).") from err


def read_table(path: Path) -> Table:
    """The table in a file; what a kill left of a last line is passed over.

    Raises:
        UsageError: If there is no such file, or it is no latency table.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as err:
        why = err.strerror if isinstance(err, OSError) else "it is no text"
        raise UsageError(f"The latency table {path} cannot be read ({why}).") from err
    whole = [line for line in lines if line.endswith("\n")]
    try:
        rows = [json.loads(line) for line in whole]
        head = rows[0]
        if head["netwright_latency"] != FORMAT:
            raise UsageError(
                f"{path} has format {head['netwright_latency']!r}; this netwright reads {FORMAT}."
            )
        if tuple(head["features"]) != FEATURES:
            raise UsageError(f"{path} counts other things than this netwright; profile anew.")
        return _table(head, rows[1:])
    except (ValueError, KeyError, TypeError, IndexError) as err:
        if isinstance(err, UsageError):
            raise
        raise UsageError(
            f"{path} is no latency table; make one with `netwright latency profile --out {path}`."
        ) from err


def _table(head: dict[str, Any], rows: Sequence[dict[str, Any]]) -> Table:
    setting = {**head["setting"], "shape": tuple(head["setting"]["shape"])}
    parts, alone, networks = {}, {}, []
    for row in rows:
        if "part" in row:
            parts[row["part"]] = tuple(row["features"])
            if "ms" in row:
                alone[row["part"]] = float(row["ms"])
        else:
            known = {**row, "features": tuple(row["features"])}
            known["parts"] = tuple((key, float(ms)) for key, ms in row["parts"])
            networks.append(Timed(**known))
    return Table(
        setting=Setting(**setting), about=head["about"], parts=parts, alone=alone,
        networks=tuple(networks),
    )  # fmt: skip


def _head(table: Table) -> dict[str, Any]:
    return {
        "netwright_latency": FORMAT, "setting": asdict(table.setting), "about": table.about,
        "features": list(FEATURES),
    }  # fmt: skip


def _line(timed: Timed) -> dict[str, Any]:
    row = asdict(timed)
    row["parts"] = [[key, round(ms, 6)] for key, ms in timed.parts]
    return row


def _cut_broken_tail(path: Path) -> None:
    """Take off what a kill left of a last line, so that the next one begins a line."""
    data = path.read_bytes()
    end = data.rfind(b"\n") + 1
    if end < len(data):
        with path.open("r+b") as file:
            file.truncate(end)


def _require_same(path: Path, before: Setting, now: Setting) -> None:
    for name, old in asdict(before).items():
        new = getattr(now, name)
        if old != new:
            raise UsageError(
                f"{path} holds a table with {name} {old}, not {new}; go on under the same "
                "conditions, or choose another file with --out."
            )
