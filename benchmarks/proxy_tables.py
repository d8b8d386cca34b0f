"""What the two benchmarks of proxies share: scoring in parts, one table, a page and a picture.

A part is a set of proxies with its own batch size and number of networks: costly ones see fewer
images or fewer networks.  Each part has a folder of its own and goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

import record
from netwright import catalog
from netwright.cli.crew import Watch, crew
from netwright.correlation.ranking import Ranking
from netwright.correlation.scores import ScoreBook, Setting, score_sample
from netwright.correlation.summary import Summary, summarise
from netwright.correlation.tables import Table, open_table
from netwright.correlation.written import picture

DATA = Path(__file__).parents[2] / "shared" / "data"
DOCS = Path(__file__).parents[1] / "docs"
SEED = 0
HEADLINES = ("consensus", "params", "zico", "naswot")


@dataclass(frozen=True, kw_only=True)
class Part:
    """Proxies that are scored alike."""

    name: str
    proxies: tuple[str, ...]
    batch: int
    networks: int


def options(what: str) -> argparse.Namespace:
    """What may be typed after either script."""
    words = argparse.ArgumentParser(description=what)
    words.add_argument("images", help="what the networks see")
    words.add_argument("--folder", type=Path, default=Path("bench"), help="of the scores")
    words.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    words.add_argument("--networks", type=int, default=10**6, help="fewer than the parts say")
    words.add_argument("--as-is", action="store_true", help="score nothing more")
    words.add_argument("--out", type=Path)
    return words.parse_args()


def measure(table: Table, parts: Sequence[Part], given: argparse.Namespace) -> Summary:
    """Score what is missing of every part, and put all together.

    Args:
        table: Where the networks are from.
        parts: The first has the most networks, and its setting is the summary's.
        given: Images, folder, workers, networks.
    """
    books: list[ScoreBook] = []
    for part in parts:
        setting = Setting(
            table=table.path.name,
            images=given.images,
            batch=part.batch,
            size=table.benchmark.size,
            seed=SEED,
        )
        book = ScoreBook(given.folder / f"{table.benchmark.name}-{part.name}", setting)
        numbers = table.sample(min(part.networks, given.networks), seed=SEED)
        chosen = [catalog.proxy(name) for name in part.proxies]
        if not given.as_is:
            with crew(given.workers) as executor:
                score_sample(
                    table,
                    numbers,
                    book,
                    proxies=chosen,
                    executor=executor,
                    on_progress=Watch(f"networks are scored ({part.name})"),
                )
        kept = set(numbers)
        for row, found in book.scores.items():
            of_part = {name: s for name, s in found.items() if name in part.proxies}
            if row in kept and books:
                books[0].scores.setdefault(row, {}).update(of_part)
        books.append(book)
    every = [catalog.proxy(n) for n in dict.fromkeys(n for part in parts for n in part.proxies)]
    numbers = table.sample(min(parts[0].networks, given.networks), seed=SEED)
    return summarise(table, numbers, books[0], proxies=every)


def markdown(rankings: Sequence[Ranking], columns: Sequence[str]) -> str:
    """A table of one row a proxy, best first by the first column; ± ends of 95% intervals."""
    by = {(r.proxy, r.column): r for r in rankings}
    first = sorted(
        (r for r in rankings if r.column == columns[0]),
        key=lambda r: (r.spearman.value != r.spearman.value, -r.spearman.value),
    )
    others = any(r.agreement == r.agreement for r in first)
    head = ["proxy", "networks", *(f"ρ {c}" for c in columns), "τ", "partial ρ", "published ρ"]
    head += ["others' ρ", "agreement"] if others else []
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for r in first:
        shown = [by[r.proxy, c].spearman for c in columns]
        cells = [f"**{r.proxy}**" if r.control else r.proxy, f"{r.networks:,}"]
        ends = f" ({shown[0].low:.2f} to {shown[0].high:.2f})"
        cells += [_blank(s.value) + ends * (s is shown[0] and s.value == s.value) for s in shown]
        cells += [_blank(r.kendall.value), _blank(r.partial)]
        cells += [f"{r.published.value:.2f} [{r.published.source}]" if r.published else ""]
        cells += [_blank(r.precomputed), _blank(r.agreement)] if others else []
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _blank(value: float) -> str:
    return "" if value != value else f"{value:.2f}"


def into_page(name: str, table: str, page: Path = DOCS / "proxies.md") -> None:
    """Put a table between its markers of the page."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise ValueError(f"{page} has no {begin} and {end} to put the table between.")
    page.write_text(f"{before}{begin}\n{table}{end}{after}", encoding="utf-8")


def leave(
    script: str,
    claim: str,
    summary: Summary,
    parts: Sequence[Part],
    columns: Sequence[str],
    *,
    headlines: Sequence[str],
    out: Path | None,
) -> None:
    """Write the record; and, where it goes to its usual place, the page's table and picture."""
    results = {
        f"{r.proxy}, {r.column}": record.measured(
            [r.spearman.value],
            f"Spearman ({r.spearman.low:.3f} to {r.spearman.high:.3f}), {r.networks} networks",
            headline=r.proxy in headlines and r.column == columns[0],
        )
        for r in summary.rankings
        if r.column in columns and r.spearman.value == r.spearman.value
    }
    settings = {p.name: f"batch {p.batch}, {p.networks} networks" for p in parts}
    record.write(
        script,
        claim=claim,
        seeds=[SEED],
        results=results,
        arguments="IMAGES",
        facts={"parts": settings, "correlations": summary.facts()["rankings"]},
        out=out,
    )
    if out is None:
        name = summary.benchmark
        into_page(name, markdown(summary.rankings, columns))
        title = f"{name}: {summary.networks:,} networks, {columns[0]}"
        drawn = picture(summary.rankings, column=columns[0], title=title)
        (DOCS / f"proxies_{name}.svg").write_text(drawn, encoding="utf-8")


def table_of(name: str) -> Table:
    """A table beside this project's folder."""
    return open_table(DATA / name)


def run(
    script: str, about: str | None, claim: str, *,
    table: str, parts: Sequence[Part], columns: Sequence[str],
) -> None:  # fmt: skip
    """Measure, print, write: what either script does.

    Args:
        script: Its file.
        about: Its docstring; the first line is its help.
        claim: What the figures show.
        table: Name of the table beside this project's folder.
        parts: Proxies by batch and number of networks.
        columns: Accuracies of the table; the first is the headline's.
    """
    given = options((about or "").split("\n")[0])
    torch.set_num_threads(1)
    summary = measure(table_of(table), parts, given)
    leave(script, claim, summary, parts, columns, headlines=HEADLINES, out=given.out)
