"""Sharing a pass: several proxies watch one run of a network, each failing and paying for itself.

A proxy that shares is a *reader*: a few functions to call at points of the pass, and ``value``,
which is called after it.  Computed alone it is the only reader of the same pass, so that sharing
cannot change what it says.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar, cast

import torch
from torch import nn

from netwright.proxies.borrow import Batch
from netwright.proxies.failure import OVERWRITTEN, ScoreFailed, overwritten

T = TypeVar("T")

FAILURES = (ScoreFailed, torch.linalg.LinAlgError)  # type: ignore[attr-defined]


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What a pass runs on."""

    module: nn.Module
    batches: Sequence[Batch]
    seed: int
    """Of what the pass, or a reader of it, draws."""
    memo: dict[str, object] = field(default_factory=dict)

    def once(self, key: str, make: Callable[[], T]) -> T:
        """What ``make`` returned when this key was first asked for, by whichever reader."""
        if key not in self.memo:
            self.memo[key] = make()
        return cast(T, self.memo[key])


class Valued(Protocol):
    """A reader; what else it has depends on the pass."""

    @property
    def value(self) -> Callable[[], float]:
        """The score, once the pass is over."""
        ...


R = TypeVar("R", bound=Valued)


class Circle(Generic[R]):
    """The readers of one pass: who is still in, why others dropped out, what each has cost."""

    def __init__(self, readers: Mapping[str, R]) -> None:
        self.readers = dict(readers)
        self.failed: dict[str, Exception] = {}
        self.seconds = dict.fromkeys(readers, 0.0)
        self._inside = 0.0

    def who(self, wants: Callable[[R], object]) -> list[str]:
        """Names of the readers still in that want something: ``lambda r: r.jacobian``."""
        return [n for n, r in self.readers.items() if n not in self.failed and wants(r)]

    def tell(self, names: Collection[str], say: Callable[[R], object]) -> None:
        """Call something of these readers; one that fails drops out, alone.

        Args:
            names: Those that have dropped out are passed over.
            say: From a reader to the call.
        """
        for name in names:
            if name in self.failed:
                continue
            start = time.perf_counter()
            try:
                with torch.no_grad():
                    say(self.readers[name])
            except FAILURES as err:
                self.failed[name] = err
            finally:
                spent = time.perf_counter() - start
                self.seconds[name] += spent
                self._inside += spent

    @contextmanager
    def part(self, names: Collection[str]) -> Iterator[None]:
        """A part of the pass that these readers pay for in equal shares, and fail with.

        Time inside readers, and in parts inside this one, is not counted again.
        """
        start, before = time.perf_counter(), self._inside
        try:
            yield
        except FAILURES as err:
            for name in names:
                self.failed.setdefault(name, err)
        except RuntimeError as err:
            if not overwritten(err):
                raise
            for name in names:
                self.failed.setdefault(name, ScoreFailed(OVERWRITTEN))
        finally:
            shared = time.perf_counter() - start - (self._inside - before)
            self._inside += shared
            for name in names:
                self.seconds[name] += shared / len(names)

    def value(self, name: str) -> float:
        """What a reader makes of the pass.

        Raises:
            ScoreFailed: Where the reader, or a part of the pass that it needs, failed.
        """
        if name in self.failed:
            raise self.failed[name]
        start = time.perf_counter()
        try:
            return float(self.readers[name].value())
        finally:
            self.seconds[name] += time.perf_counter() - start


def alone(
    read: Callable[[Circle[R], Scene], None],
    make: Callable[[Scene], R],
    module: nn.Module,
    batches: Sequence[Batch],
    *,
    seed: int = 0,
) -> float:
    """The value of a reader that has a pass to itself.

    Args:
        read: Runs the pass.
        make: Makes the reader.
        module: Any network; it comes back as it was.
        batches: (images (B, C, H, W), labels (B,)).
        seed: Of what the pass or the reader draws.

    Raises:
        ScoreFailed: Where the numbers do not allow a score.
    """
    scene = Scene(module=module, batches=batches, seed=seed)
    with torch.inference_mode(mode=False):
        circle = Circle({"": make(scene)})
        read(circle, scene)
        return circle.value("")
