"""A user's own space: named choices, and a function from one value of each to a network.

    def make(depth, width):
        row = [("stem", blocks.conv_bn_act((3, 32, 32), width, stride=2))]
        ...
        return chain((3, 32, 32), row)

    space = own_space("mine", {"depth": (1, 2, 3), "width": (16, 24, 32)}, make)

The function returns an ``Architecture`` made of :mod:`netwright.arch.blocks`; plain torch code
becomes one through :func:`netwright.nn.own.read_module`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from netwright.arch.graph import Architecture
from netwright.contracts import Choice
from netwright.errors import TokenError, UsageError
from netwright.records import Tokens
from netwright.spaces.tokens import check, choice


@dataclass(frozen=True, kw_only=True)
class OwnSpace:
    """What ``own_space`` gives: a space like any other.

    Args:
        name: What the user calls it.
        choices: The decisions.
        values: For each decision what the function is given for each of its options.
        make: From one value per decision, by name, to the network.
        active: From the same to the names of the decisions that matter; None: all.
    """

    name: str
    choices: tuple[Choice, ...]
    values: tuple[tuple[object, ...], ...]
    make: Callable[..., Architecture]
    active: Callable[..., Iterable[str]] | None = None

    def named(self, tokens: Tokens) -> dict[str, object]:
        """The values that the tokens stand for, by the name of the choice."""
        row = check(self, tokens)
        every = zip(self.choices, self.values, row, strict=True)
        return {c.name: options[t] for c, options, t in every}

    def canonical(self, tokens: Tokens) -> Tokens:
        """The same, with 0 for every decision that ``active`` does not name."""
        row = check(self, tokens)
        if self.active is None:
            return row
        names = {c.name for c in self.choices}
        for _ in self.choices:
            matter = set(self.active(**self.named(row)))
            if matter - names:
                raise UsageError(
                    f"active() of space {self.name!r} names {sorted(matter - names)}; its choices "
                    f"are {', '.join(c.name for c in self.choices)}."
                )
            zeroed = tuple(
                t if c.name in matter else 0 for t, c in zip(row, self.choices, strict=True)
            )
            if zeroed == row:
                break
            row = zeroed
        return row

    def decode(self, tokens: Tokens) -> Architecture:
        """The network that ``make`` gives.

        Raises:
            UsageError: If it gives anything else.
        """
        arch = self.make(**self.named(tokens))
        if not isinstance(arch, Architecture):
            raise UsageError(
                f"make() of space {self.name!r} returned {type(arch).__name__}, not an "
                "Architecture. For a torch module, return netwright.nn.own.read_module(module, "
                "image=(3, 32, 32))."
            )
        return arch

    def encode(self, arch: Architecture) -> Tokens:
        """The tokens of a network, found by trying every row of a space of up to 100,000.

        Raises:
            TokenError: If no row gives it, or the space has too many.
        """
        size = 1
        for c in self.choices:
            size *= len(c.options)
        if size > 100_000:
            raise TokenError(f"{self.name} has {size:,} rows, too many to look for a network in.")
        row = [0] * len(self.choices)
        for number in range(size):
            for i, c in enumerate(self.choices):
                number, row[i] = divmod(number, len(c.options))
            tokens = self.canonical(tuple(row))
            if tokens == tuple(row) and self.decode(tokens).id == arch.id:
                return tokens
        raise TokenError(f"{arch.name or arch.id} is no member of {self.name}.")


def own_space(
    name: str,
    choices: Mapping[str, Sequence[object]],
    make: Callable[..., Architecture],
    *,
    active: Callable[..., Iterable[str]] | None = None,
) -> OwnSpace:
    """A space of one's own.

    Args:
        name: What to call it.
        choices: For every decision its options, from cheap to costly where they have an order;
            names are those of the function's parameters.
        make: A function of one value per decision, given by name; it returns the network, the
            same for the same values.  For workers in other processes it must stand in a module.
        active: Which decisions matter, given the same values: a name left out changes nothing, as
            the kernel of a layer that is not there.

    Raises:
        UsageError: If there are no choices, or options that print alike.
    """
    if not choices:
        raise UsageError(f"Space {name!r} needs at least one choice.")
    for key, options in choices.items():
        if not key.isidentifier():
            raise UsageError(f"{key!r} cannot be a choice: make() is given it as a parameter.")
        labels = [str(o) for o in options]
        if not labels or len(set(labels)) < len(labels):
            raise UsageError(f"Choice {key!r} needs options that print differently; not {labels}.")
    return OwnSpace(
        name=name,
        choices=tuple(choice(key, tuple(options)) for key, options in choices.items()),
        values=tuple(tuple(options) for options in choices.values()),
        make=make,
        active=active,
    )
