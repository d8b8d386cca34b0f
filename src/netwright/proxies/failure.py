"""A score that cannot be had for this network on this data, with its reason."""

from __future__ import annotations

from netwright.errors import NetwrightError


class ScoreFailed(NetwrightError, ArithmeticError):  # noqa: N818 (what happened, not an error of ours)
    """The numbers, not the code, gave no score: a singular kernel, a gradient that is not finite.

    ``scoring.score`` turns it into a ``Score`` without a value; whoever calls a proxy directly
    meets it as an exception.
    """


OVERWRITTEN = "the network overwrites in place what its backward pass needs; set inplace=False"


def overwritten(err: RuntimeError) -> bool:
    """Whether torch says that a network cannot be differentiated because of an in-place call."""
    return "modified by an inplace operation" in str(err)
