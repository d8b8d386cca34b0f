"""``netwright bench``: figures of this machine or of published tables, one sub-verb each."""

from __future__ import annotations

from cyclopts import App

_SUB_VERBS = {
    "proxies": "How well proxies rank the networks of a table, beside what was published.",
    "strategies": "Regret curves of the strategies on a table of trained networks.",
}


def _group() -> App:
    made = App(
        name="bench",
        help="Compare proxies or strategies on a table of networks that others trained.",
        help_format="markdown",
    )
    for name, summary in _SUB_VERBS.items():
        made.command(f"netwright.cli.bench_{name}:{name}", name=name, help=summary)
    return made


bench = _group()
