"""Limits of a deployment on any space: allowed operations, channels in multiples.

What breaks a limit is struck out before a search begins: an option of a choice goes if, alone in
an otherwise fitting network, it breaks the limit.  So every candidate fits by construction, and
tokens, strategies and stores see an ordinary space with fewer options.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from netwright.arch import ops
from netwright.arch.block import Block
from netwright.arch.graph import Architecture
from netwright.contracts import Choice, Space
from netwright.errors import UnknownNameError, UsageError
from netwright.records import Tokens
from netwright.rng import stream
from netwright.spaces.tokens import check, sample

_CONTEXTS = 4  # fitting networks in which every option is tried
_LOOKS = 32  # random networks of what is left, all of which must fit
_PASSES = 6

# What mobile accelerators and int8 runtimes run without falling back (EfficientNet-Lite).
_LITE = (
    ops.Conv, ops.BatchNorm, ops.Linear, ops.Pool, ops.GlobalPool, ops.Add, ops.Concat,
    ops.Identity, ops.Dropout, ops.DropPath,
)  # fmt: skip
LITE_ACTIVATION = "relu6"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What every network of a space must hold to.

    Args:
        lite: Whether only what EfficientNet-Lite has is allowed: no squeeze-and-excitation, no
            activation but ReLU6.
        channel_multiple: What the channels behind every batch norm are a multiple of.
    """

    lite: bool = False
    channel_multiple: int = 1

    @staticmethod
    def of(names: Sequence[str]) -> Limits:
        """The limits of names such as ``lite`` and ``c16``.

        Raises:
            UnknownNameError: If there is no such limit.
            UsageError: If a multiple is below 1.
        """
        lite, multiple = False, 1
        for name in names:
            match = re.fullmatch(r"c([0-9]+)", name)
            if match:
                multiple = int(match.group(1))
            elif name == "lite":
                lite = True
            else:
                raise UnknownNameError("limit of a space", name, ("lite", "c8", "c16", "c32"))
        if multiple < 1:
            raise UsageError(f"Channels are a multiple of 1 or more; {multiple} came.")
        return Limits(lite=lite, channel_multiple=multiple)

    @property
    def suffix(self) -> str:
        """What stands behind the name of a limited space: ``+lite+c16``."""
        multiple = f"+c{self.channel_multiple}" if self.channel_multiple > 1 else ""
        return ("+lite" if self.lite else "") + multiple

    def broken_by(self, arch: Architecture) -> list[str]:
        """A phrase for every operation of the network that breaks a limit."""
        return [
            f"{place.prefix}.{phrase}".removeprefix(".")
            for place in arch.placed
            for phrase in _broken_in(place.block, self)
        ]


@lru_cache(maxsize=65536)
def _broken_in(block: Block, limits: Limits) -> tuple[str, ...]:
    found = []
    for node, shape in zip(block.nodes, block.shapes, strict=True):
        if limits.lite and not _is_lite(node.op):
            found.append(f"{node.name} is {getattr(node.op, 'name', node.op.kind)}")
        if isinstance(node.op, ops.BatchNorm) and shape[0] % limits.channel_multiple:
            found.append(f"{node.name} has {shape[0]} channels")
    return tuple(found)


def limited_name(space: str | None, *, operations: str | None, multiple: int | None) -> str | None:
    """The name of a space with limits typed apart from it; the default is ``mobile``.

    Args:
        space: A name, or None.
        operations: ``lite``, or None.
        multiple: Of channels, or None.
    """
    names = [operations] if operations is not None else []
    names += [f"c{multiple}"] if multiple is not None else []
    return "+".join([space or "mobile", *names]) if names else space


def _is_lite(op: ops.Op) -> bool:
    if isinstance(op, ops.Activation):
        return op.name == LITE_ACTIVATION
    return isinstance(op, _LITE)


@dataclass(frozen=True)
class LimitedSpace:
    """A space without the options that break a limit.

    Args:
        space: The whole space.
        limits: What the networks hold to.
        kept: Options of every choice that are left, by their number in the whole space.
    """

    space: Space
    limits: Limits
    kept: tuple[tuple[int, ...], ...]

    @property
    def name(self) -> str:
        """The space's name with the limits behind it, such as ``mobile+lite``."""
        return self.space.name + self.limits.suffix

    @cached_property
    def choices(self) -> tuple[Choice, ...]:
        """The choices with the options that are left."""
        return tuple(
            Choice(choice.name, tuple(choice.options[o] for o in options))
            for choice, options in zip(self.space.choices, self.kept, strict=True)
        )

    def canonical(self, tokens: Tokens) -> Tokens:
        """Inactive tokens set to 0.

        Raises:
            TokenError: If the tokens are no candidate of this space.
        """
        whole = self.space.canonical(self._whole(tokens))
        return tuple(
            options.index(token) if token in options else 0  # struck out, so it is inactive
            for token, options in zip(whole, self.kept, strict=True)
        )

    def decode(self, tokens: Tokens) -> Architecture:
        """The network that the tokens describe.

        Raises:
            TokenError: If the tokens are no candidate of this space.
        """
        return self.space.decode(self._whole(tokens))

    def _whole(self, tokens: Tokens) -> Tokens:
        row = check(self, tokens)
        return tuple(options[t] for t, options in zip(row, self.kept, strict=True))


def limited(space: Space, names: Sequence[str]) -> Space:
    """A space whose every network holds to some limits.

    A space that has a method ``with_activation`` is given ReLU6 where ``lite`` asks for it.

    Args:
        space: The whole space.
        names: ``lite``, ``c8``, ``c16`` and the like.

    Raises:
        UnknownNameError: If there is no such limit.
        UsageError: If no network of the space holds to them, or some do not whatever is chosen.
    """
    limits = Limits.of(names)
    if not limits.suffix:
        return space
    change: Callable[[str], Space] | None = getattr(space, "with_activation", None)
    if limits.lite and change is not None:
        space = change(LITE_ACTIVATION)
    contexts = [_fitting(space, limits, number) for number in range(_CONTEXTS)]
    kept = tuple(
        tuple(
            option
            for option in range(len(choice.options))
            if not any(_broken(space, limits, (*c[:i], option, *c[i + 1 :])) for c in contexts)
        )
        for i, choice in enumerate(space.choices)
    )
    if not all(kept):
        raise _cannot(space, limits, contexts[0])
    made = LimitedSpace(space, limits, kept)
    rng = stream(0, "limits", "looks")
    for _ in range(_LOOKS):
        row = sample(made, rng)
        if limits.broken_by(made.decode(row)):
            raise _cannot(space, limits, made._whole(row))
    return made


def _broken(space: Space, limits: Limits, tokens: Tokens) -> int:
    arch = space.decode(space.canonical(tokens))
    return sum(len(_broken_in(place.block, limits)) for place in arch.placed)


def _fitting(space: Space, limits: Limits, number: int) -> Tokens:
    """A network that breaks nothing: from a random one, the best option of each choice in turn."""
    best = sample(space, stream(0, "limits", number))
    least = _broken(space, limits, best)
    for _ in range(_PASSES):
        before = least
        for i, choice in enumerate(space.choices):
            for option in range(len(choice.options)):
                if not least:
                    return best
                row = space.canonical((*best[:i], option, *best[i + 1 :]))
                if (came := _broken(space, limits, row)) < least:
                    best, least = row, came
        if least == before:
            break
    if least:
        raise _cannot(space, limits, best)
    return best


def _cannot(space: Any, limits: Limits, tokens: Tokens) -> UsageError:
    broken = limits.broken_by(space.decode(tokens))
    why = broken[0] if broken else "its choices cannot be limited one by one"
    asked = limits.suffix.replace("+", " and ").removeprefix(" and ")
    return UsageError(
        f"The {space.name} space cannot be limited to {asked}: {why}. The spaces mobile, mnasnet "
        "and efficientnet can be limited to lite; smaller multiples leave more networks."
    )
