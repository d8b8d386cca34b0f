"""Scoring a sample of a table's networks: resumable, in parallel, one line a network on disk.

A folder holds one setting (table, images, batch, size, seed); asking it for more rows or more
proxies adds what is missing and repeats nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from netwright.arch import maxent
from netwright.arch.cost import cost, sum_log_n
from netwright.arch.graph import Architecture
from netwright.correlation.tables import Row, Table, rebuild
from netwright.errors import StoreError, UsageError
from netwright.nn.build import build
from netwright.nn.unshared import unshared
from netwright.proxies.borrow import Batch
from netwright.proxies.listing import Proxy
from netwright.proxies.scoring import Score, score
from netwright.training.data import batches
from netwright.training.reference import DataRef
from netwright.workers import width

BATCHES = 2  # ZiCo needs two; most proxies read the first alone
Scores = dict[str, Score]
_COUNTED: Mapping[str, Callable[[Architecture], float]] = {
    "params": lambda arch: float(cost(arch).params),
    "macs": lambda arch: float(cost(arch).macs),
    "sum_log_n": sum_log_n,
    "madnas": lambda arch: maxent.madnas(maxent.layers_of(arch)),
    "deepmad": lambda arch: maxent.deepmad(maxent.layers_of(arch)),
}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What the scores of one folder have in common.

    Args:
        table: Name of the table's file.
        images: As for ``open_data``.
        batch: Images per batch.
        size: Side of the images in pixels.
        seed: Of rows, images, weights and noise.
    """

    table: str
    images: str
    batch: int
    size: int
    seed: int

    def ref(self) -> DataRef:
        """The images, at this size."""
        return DataRef(source=self.images, resolution=self.size, seed=self.seed)

    @classmethod
    def read(cls, folder: Path) -> Setting:
        """The setting of a folder's scores.

        Raises:
            UsageError: If the folder holds none.
        """
        said = folder / "setting.json"
        if not said.is_file():
            raise UsageError(f"{folder} holds no scores; make them with netwright bench proxies.")
        return cls(**json.loads(said.read_text(encoding="utf-8")))


class ScoreBook:
    """The scores of a folder, in memory and on disk.

    Args:
        folder: Where ``setting.json`` and ``scores.jsonl`` are or will be.
        setting: Of the scores.

    Raises:
        UsageError: If the folder holds scores of another setting.
        StoreError: If a line cannot be read.
    """

    def __init__(self, folder: Path, setting: Setting) -> None:
        self.folder, self.setting = folder, setting
        self.path = folder / "scores.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        said = folder / "setting.json"
        if said.is_file():
            before = json.loads(said.read_text(encoding="utf-8"))
            for name, value in asdict(setting).items():
                if before.get(name) != value and name != "images":
                    raise UsageError(
                        f"{folder} holds scores with {name} {before.get(name)}, not {value}; go "
                        "on with the same settings, or choose another folder with --out."
                    )
        else:
            said.write_text(json.dumps(asdict(setting), indent=2) + "\n", encoding="utf-8")
        self.scores: dict[int, Scores] = {}
        self._read()

    def _read(self) -> None:
        if not self.path.is_file():
            return
        text = self.path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]  # a killed process may leave half a line
        if whole != text:
            self.path.write_text(whole, encoding="utf-8")
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                data = json.loads(line)
                found = {name: Score(**facts) for name, facts in data["scores"].items()}
                self.scores.setdefault(int(data["row"]), {}).update(found)
            except (ValueError, KeyError, TypeError) as err:
                raise StoreError(
                    f"Line {number} of {self.path} cannot be read ({err}); delete that line, and "
                    "its network is scored again."
                ) from err

    def missing(self, row: int, proxies: Sequence[Proxy]) -> list[Proxy]:
        """Those proxies that the row lacks."""
        return [p for p in proxies if p.name not in self.scores.get(row, {})]

    def add(self, row: int, found: Scores) -> None:
        """Keep what was found of a row, on disk first."""
        line = {"row": row, "scores": {name: asdict(score) for name, score in found.items()}}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self.scores.setdefault(row, {}).update(found)


def score_sample(
    table: Table,
    numbers: Sequence[int],
    book: ScoreBook,
    *,
    proxies: Sequence[Proxy],
    executor: Executor,
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> None:
    """Score what a sample lacks.

    Args:
        table: Where the networks are from.
        numbers: Of the rows.
        book: Which scores there are; gets the new ones as they come.
        proxies: What to score.
        executor: Where; proxies that are named by a string can be sent to other processes.
        on_progress: Called with (networks scored, networks to score).

    Raises:
        DataError: If a network has other parameters than the table says.
    """
    space = table.benchmark.space(book.setting.size)
    todo = [(n, lacks) for n in numbers if (lacks := book.missing(n, proxies))]

    def tasks() -> Iterator[tuple[int, Future[Scores]]]:
        for number, lacks in todo:
            arch = rebuild(table.row(number), space)
            yield number, executor.submit(score_network, arch, book.setting, tuple(lacks))

    waiting: dict[Future[Scores], int] = {}
    coming = tasks()
    ahead = 2 * (width(executor) or 8)
    done = 0
    while True:
        for number, future in islice(coming, ahead - len(waiting)):
            waiting[future] = number
        if not waiting:
            return
        wait(waiting, return_when=FIRST_COMPLETED)
        for future in [f for f in waiting if f.done()]:
            book.add(waiting.pop(future), future.result())
            done += 1
            on_progress(done, len(todo))


def score_network(arch: Architecture, setting: Setting, proxies: Sequence[Proxy]) -> Scores:
    """Scores of one freshly initialised network, in whichever process this is.

    The controls and the closed forms are read off the graph, and every reader of an activation
    gets its own, as in the networks that were trained.

    Args:
        arch: The network.
        setting: Images and seed.
        proxies: What to score.
    """
    controls = [proxy.name for proxy in proxies if proxy.name in _COUNTED]
    found = {name: _counted(name, arch) for name in controls}
    others = [proxy for proxy in proxies if proxy.name not in found]
    if others:
        module = unshared(build(arch, seed=setting.seed))
        found |= score(module, _batches(setting), proxies=others, seed=setting.seed)
    return found


def _counted(name: str, arch: Architecture) -> Score:
    start = time.perf_counter()
    value = _COUNTED[name](arch)
    return Score(value=value, seconds=time.perf_counter() - start)


@lru_cache(maxsize=2)
def _batches(setting: Setting) -> tuple[Batch, ...]:
    data = setting.ref().open_lazily()
    return tuple(batches(data, size=setting.batch, count=BATCHES, seed=setting.seed))


def columns(book: ScoreBook, rows: Sequence[Row], names: Sequence[str]) -> Mapping[str, list[Any]]:
    """What the folder knows of these rows, as columns: networks, accuracies, values, seconds.

    Args:
        book: The scores.
        rows: Whose.
        names: Of the proxies.
    """
    none = Score(value=None, reason="not scored", seconds=0.0)
    scores = [book.scores.get(row.number, {}) for row in rows]
    made: dict[str, list[Any]] = {
        "row": [row.number for row in rows],
        "network": [row.label for row in rows],
        "table_params": [row.params for row in rows],
    }
    for name in rows[0].accuracies if rows else ():
        made[name] = [row.accuracies[name] for row in rows]
    for name in names:
        made[name] = [s.get(name, none).value for s in scores]
    for name in names:
        made[f"{name}_seconds"] = [s[name].seconds if name in s else None for s in scores]
    return made
