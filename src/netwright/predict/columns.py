"""What a predictor looks at: columns of numbers in groups, each put on the scale of a reference.

The groups are ``size``, ``form``, ``level`` and ``cell`` (descriptors of the graph), ``tokens``
(the decisions that made it) and ``proxies`` (training-free scores, where they were computed).
Columns become normal scores: where a network stands among the networks of a reference sample
counts, not by how much, since proxies and sizes spread over orders of magnitude.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from netwright.arch.graph import Architecture
from netwright.contracts import Space
from netwright.errors import UsageError
from netwright.predict.descriptors import NAMES, describe_all
from netwright.records import Tokens

Floats = npt.NDArray[np.float64]
Table = Mapping[str, Floats]

GROUPS = ("size", "form", "level", "cell", "tokens", "proxies")
_SIZE = ("log_params", "log_macs", "log_activations", "sum_log_n", "layers", "depth")
_KNOTS = 256  # of a column's scale
_normal = NormalDist()


def group_of(name: str) -> str:
    """The group of a descriptor."""
    if name in _SIZE:
        return "size"
    if name.startswith("level"):
        return "level"
    return "cell" if name.startswith(("cell_", "reduction_")) else "form"


_MEMBERS = {
    group: [i for i, name in enumerate(NAMES) if group_of(name) == group]
    for group in ("size", "form", "level", "cell")
}


def columns(
    architectures: Sequence[Architecture],
    *,
    space: Space | None = None,
    tokens: Sequence[Tokens] = (),
    proxies: Mapping[str, Sequence[float]] | None = None,
) -> dict[str, Floats]:
    """The columns of N networks, by group.

    Args:
        architectures: The networks.
        space: The space they are of, where ``tokens`` are given.
        tokens: Their tokens, one row per network.  A choice whose options are numbers gives one
            column; any other, one per option.
        proxies: Scores by name, one per network; NaN where one could not be had.

    Raises:
        UsageError: If the rows are not as many as the networks.
    """
    described = describe_all(architectures)
    found = {group: described[:, members] for group, members in _MEMBERS.items()}
    if space is not None and len(tokens):
        found["tokens"] = spread(space, tokens)
    if proxies:
        found["proxies"] = np.column_stack([np.asarray(v, np.float64) for v in proxies.values()])
    if any(len(part) != len(architectures) for part in found.values()):
        counts = ", ".join(f"{len(part)} rows of {group}" for group, part in found.items())
        raise UsageError(f"{len(architectures)} networks need as many rows; there are {counts}.")
    return found


def spread(space: Space, tokens: Sequence[Tokens]) -> Floats:
    """Tokens as columns (N, C): the token where the options are numbers, else one per option."""
    rows = np.asarray(tokens, dtype=np.float64)
    parts = []
    for i, choice in enumerate(space.choices):
        if all(map(_is_number, choice.options)):
            parts.append(rows[:, i : i + 1])
        else:
            parts.append((rows[:, i : i + 1] == np.arange(len(choice.options))).astype(np.float64))
    return np.hstack(parts)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, kw_only=True)
class _Scale:
    """Of one column: its place in the table, and its normal score at some of its values."""

    column: int
    knots: Floats
    scores: Floats
    slope: float

    def __call__(self, values: Floats) -> Floats:
        inside = np.interp(values, self.knots, self.scores)
        beyond = values - np.clip(values, self.knots[0], self.knots[-1])
        scaled: Floats = inside + beyond * self.slope
        return np.where(np.isfinite(values), scaled, 0.0)


class Scaling:
    """Puts columns on the scale of a reference sample; what is missing becomes its middle.

    Args:
        reference: Networks that stand for the space, or at least those that were trained.
    """

    def __init__(self, reference: Table) -> None:
        self._scales: dict[str, list[_Scale]] = {}
        for group in GROUPS:
            if group in reference:
                made = [
                    _scale(i, column, ranked=group != "tokens")
                    for i, column in enumerate(reference[group].T)
                ]
                self._scales[group] = [scale for scale in made if scale is not None]

    def __call__(self, table: Table) -> list[tuple[str, Floats]]:
        """The groups that say something, scaled: arrays (N, C), mean 0 and deviation 1.

        Where none does, ``size`` is one column of zeros.

        Raises:
            UsageError: If a group of the reference is missing.
        """
        missing = [group for group in self._scales if group not in table]
        if missing:
            raise UsageError(f"The predictor knows {missing[0]}; give these networks' as well.")
        found = [
            (group, np.column_stack([scale(table[group][:, scale.column]) for scale in scales]))
            for group, scales in self._scales.items()
            if scales
        ]
        return found or [("size", np.zeros((len(next(iter(table.values()))), 1)))]


def _scale(number: int, column: Floats, *, ranked: bool) -> _Scale | None:
    """The scale of a column; None where it is constant or holds no number."""
    known = column[np.isfinite(column)]
    if not len(known):
        return None
    deviation = float(known.std())
    if deviation <= 1e-9 * (1 + float(np.abs(known).max())):
        return None
    values, counts = np.unique(known, return_counts=True)
    scores = (values - known.mean()) / deviation
    if ranked:
        middle = (np.cumsum(counts) - counts / 2) / len(known)
        inverse = np.array([_normal.inv_cdf(float(q)) for q in middle])
        mean = float((counts * inverse).sum() / len(known))
        spread_of = float(np.sqrt((counts * (inverse - mean) ** 2).sum() / len(known)))
        scores = (inverse - mean) / spread_of
    if len(values) > _KNOTS:
        kept = np.unique(np.rint(np.linspace(0, len(values) - 1, _KNOTS)).astype(int))
        values, scores = values[kept], scores[kept]
    return _Scale(column=number, knots=values, scores=scores, slope=1 / deviation)
