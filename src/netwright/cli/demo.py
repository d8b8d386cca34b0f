"""``netwright demo``: the main job on a data set that needs no download."""

from __future__ import annotations

from pathlib import Path

from netwright.cli.output import Flag, console, print_json
from netwright.cli.searching import run
from netwright.cli.summary import print_summary
from netwright.config import search_config
from netwright.run_folder import RunFolder, next_run


def demo(
    *,
    minutes: float = 2.0,
    seed: int = 0,
    out: Path | None = None,
    json: Flag = False,
) -> None:
    """Search scikit-learn's 8x8 digits for a network of at most 100k parameters and 500k MACs.

    Args:
        minutes: Wall clock for everything.
        seed: The same seed asks for the same candidates in the same order.
        out: The folder of the run; a new one under runs/ without it.
        json: Print one JSON object on stdout; progress still goes to stderr.
    """
    chosen = search_config(
        {"data": "digits", "max_params": 100_000, "max_macs": 500_000}
        | {"minutes": minutes, "seed": seed}
    )
    folder = RunFolder(out or next_run(Path("runs"), "demo"))
    facts = run(chosen, folder, resume=False)
    if json:
        print_json({"run": str(folder.path), **facts})
        return
    screen = console()
    print_summary(screen, folder, facts)
    screen.print("Now your own images, one folder per class:")
    screen.print("  netwright search my_photos --max-macs 20M --minutes 10")
