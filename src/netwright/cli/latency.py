"""``netwright latency``: how long networks take: measured, tabled, predicted; a verb for each."""

from __future__ import annotations

from cyclopts import App

_SUB_VERBS = {
    "measure": "Measure networks in a runtime of this machine, or by a command of yours.",
    "profile": "Measure a table of a space's parts for one device and runtime.",
    "predict": "What networks will take on the device of a table.",
    "import": "Make a table of another device's CSV or Parquet file.",
}


def _group() -> App:
    made = App(
        name="latency",
        help="How long networks take on a device: measured, tabled, predicted.",
        help_format="markdown",
    )
    for name, summary in _SUB_VERBS.items():
        target = "import_file" if name == "import" else name  # a word of Python's own
        made.command(f"netwright.cli.latency_{name}:{target}", name=name, help=summary)
    return made


latency = _group()
