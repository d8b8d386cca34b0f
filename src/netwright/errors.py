"""Every exception netwright raises on purpose, as one tree.

    NetwrightError
    ├── UsageError (ValueError)          what the user typed or passed cannot be used
    │   ├── UnknownNameError (KeyError)  no space, proxy, strategy or architecture of that name
    │   ├── DataError                    the images cannot be read or used
    │   └── BudgetError                  no network of the space fits the budget
    ├── ShapeError (ValueError)          an operation does not fit the tensors it was given
    ├── TokenError (ValueError)          tokens that are no candidate of the space
    ├── StoreError (RuntimeError)        the trial store cannot be opened, read or written
    ├── ExportError (RuntimeError)       an exported file does not give the network's outputs
    └── WorkerDied (RuntimeError)        a worker process ended while it evaluated a candidate

The command line prints a ``NetwrightError`` as one sentence and exits with code 2.  Anything else
is a bug and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_SHOWN = 12  # names in a message; nobody reads more


class NetwrightError(Exception):
    """The root of the tree; catch this to catch all."""


class UsageError(NetwrightError, ValueError):
    """What the user typed or passed cannot be used."""


class UnknownNameError(UsageError, KeyError):
    """A name that is not in the catalogue.

    Args:
        kind: What was looked for, in the user's words ("strategy").
        name: What came.
        known: The names that exist.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name, self.known = kind, name, sorted(known)
        super().__init__(kind, name)

    def __str__(self) -> str:
        near = difflib.get_close_matches(self.name, self.known, n=1, cutoff=0.5)
        few = ", ".join(self.known[:_SHOWN])
        every = (
            f"There are: {few}."
            if len(self.known) <= _SHOWN
            else f"There are {len(self.known):,}, such as {few}."
        )
        hint = f"Did you mean {near[0]!r}?" if near else every
        return f"No {self.kind} is called {self.name!r}. {hint}"

    def __reduce__(self) -> tuple[type[UnknownNameError], tuple[str, str, list[str]]]:
        return UnknownNameError, (self.kind, self.name, self.known)


class DataError(UsageError):
    """The images or labels cannot be read or used."""


class BudgetError(UsageError):
    """No network of the space fits the budget; the message names the reachable range."""


class ShapeError(NetwrightError, ValueError):
    """An operation does not fit the tensors it was given."""


class TokenError(NetwrightError, ValueError):
    """Tokens that are no candidate of the space."""


class StoreError(NetwrightError, RuntimeError):
    """The trial store cannot be opened, read or written."""


class ExportError(NetwrightError, RuntimeError):
    """An exported file does not give the network's outputs."""


class WorkerDied(NetwrightError, RuntimeError):  # noqa: N818 (what happened, not an error of ours)
    """A worker process ended while it evaluated a candidate."""
