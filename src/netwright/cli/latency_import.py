"""``netwright latency import``: a table of another device, from its CSV or Parquet file."""

from __future__ import annotations

from pathlib import Path

from netwright.cli.output import Flag, console, print_json
from netwright.errors import UsageError
from netwright.latency.foreign import import_table
from netwright.latency.table import write_table


def import_file(
    file: Path,
    *,
    out: Path,
    name: str | None = None,
    runtime: str = "unknown",
    threads: int = 1,
    activation: str = "relu",
    force: Flag = False,
    json: Flag = False,
) -> None:
    """Make a latency table of a file with one row per layer, as once-for-all publishes them.

    The columns are block, in_res, in_ch, out_ch, expand, kernel, stride, idskip, se and ms.

    Args:
        file: A .csv or .parquet file.
        out: The table's file, such as phone.json.
        name: What the device is called; the file's name without it.
        runtime: What ran there.
        threads: On how many threads.
        activation: Of the layers, where the file has no column for it.
        force: Overwrite the table where it exists.
        json: Print one JSON object instead of a sentence.
    """
    if out.exists() and not force:
        raise UsageError(f"{out} exists; add --force to overwrite it, or choose another --out.")
    made = import_table(
        file, device=name or file.stem, runtime=runtime, threads=threads, activation=activation
    )
    write_table(out, made)
    if json:
        print_json({"table": str(out), "parts": len(made.parts), "rows": made.about["rows"]})
        return
    console().print(f"{out}: {len(made.parts)} parts of {made.setting.processor}", soft_wrap=True)
