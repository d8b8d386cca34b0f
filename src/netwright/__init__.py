"""Neural architecture search that fits a budget, a laptop and an afternoon.

    import netwright as nw

Names are imported when they are first used, so that ``import netwright`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netwright.arch.cost import Cost, cost
    from netwright.arch.graph import Architecture
    from netwright.catalog import architecture, space
    from netwright.checking import check
    from netwright.contracts import Choice, Evaluator, Space, Store, Strategy
    from netwright.errors import NetwrightError
    from netwright.face import Run, score, search
    from netwright.nn.build import build
    from netwright.records import Budget, Factor, Objective, Outcome, Tokens, Trial
    from netwright.scaling import scale
    from netwright.trained import train

__version__ = "0.1.0"

_HOME = {
    "Architecture": "netwright.arch.graph",
    "Budget": "netwright.records",
    "Choice": "netwright.contracts",
    "Cost": "netwright.arch.cost",
    "Evaluator": "netwright.contracts",
    "Factor": "netwright.records",
    "NetwrightError": "netwright.errors",
    "Objective": "netwright.records",
    "Outcome": "netwright.records",
    "Run": "netwright.face",
    "Space": "netwright.contracts",
    "Store": "netwright.contracts",
    "Strategy": "netwright.contracts",
    "Tokens": "netwright.records",
    "Trial": "netwright.records",
    "architecture": "netwright.catalog",
    "build": "netwright.nn.build",
    "check": "netwright.checking",
    "cost": "netwright.arch.cost",
    "scale": "netwright.scaling",
    "score": "netwright.face",
    "search": "netwright.face",
    "space": "netwright.catalog",
    "train": "netwright.trained",
}

__all__ = [
    "Architecture",
    "Budget",
    "Choice",
    "Cost",
    "Evaluator",
    "Factor",
    "NetwrightError",
    "Objective",
    "Outcome",
    "Run",
    "Space",
    "Store",
    "Strategy",
    "Tokens",
    "Trial",
    "architecture",
    "build",
    "check",
    "cost",
    "scale",
    "score",
    "search",
    "space",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'netwright' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
