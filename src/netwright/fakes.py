"""The smallest space, evaluator and strategy that keep the contracts, for tests that need one."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from netwright.arch import blocks
from netwright.arch.cost import cost
from netwright.arch.graph import Architecture, Block, chain
from netwright.contracts import Choice, Space
from netwright.records import Outcome, Tokens, Trial
from netwright.rng import stream
from netwright.spaces.tokens import check, choice, sample


@dataclass(frozen=True, kw_only=True)
class TinySpace:
    """84 networks of one stem and up to two blocks; kind and kernel say nothing at depth 0."""

    resolution: int = 8
    classes: int = 3
    widths: tuple[int, ...] = (4, 6, 8, 12)
    depths: tuple[int, ...] = (0, 1, 2)
    name: str = "tiny"

    @cached_property
    def choices(self) -> tuple[Choice, ...]:
        """Width, depth, kind of block, kernel."""
        return (
            choice("width", self.widths),
            choice("depth", self.depths),
            choice("block", ("conv", "separable", "mbconv", "mbconv with SE", "fused")),
            choice("kernel", (3, 5)),
        )

    def canonical(self, tokens: Tokens) -> Tokens:
        """Kind and kernel at 0 where there is no block."""
        width, depth, kind, kernel = check(self, tokens)
        return (width, depth, kind, kernel) if self.depths[depth] else (width, depth, 0, 0)

    def decode(self, tokens: Tokens) -> Architecture:
        """Stem, blocks, classifier."""
        width, depth, kind, kernel = self.canonical(tokens)
        shape = (3, self.resolution, self.resolution)
        channels = self.widths[width]
        parts = [("stem", blocks.conv_bn_act(shape, channels, 3, stride=2))]
        for i in range(self.depths[depth]):
            block = _block(parts[-1][1].out_shape, kind=kind, kernel=(3, 5)[kernel])
            parts.append((f"blocks.{i}", block))
        parts.append(("", blocks.classifier(parts[-1][1].out_shape, self.classes)))
        return chain(shape, parts)


def _block(shape: tuple[int, ...], *, kind: int, kernel: int) -> Block:
    out = shape[0]
    if kind == 0:
        return blocks.conv_block(shape, out, kernel)
    if kind == 1:
        return blocks.depthwise_separable(shape, out, kernel)
    if kind == 4:
        return blocks.fused_mbconv(shape, out, kernel, expand=2)
    return blocks.mbconv(shape, out, kernel, expand=2, se_ratio=0.25 if kind == 3 else 0.0)


ONE = TinySpace(widths=(4,), depths=(0,), name="one")  # one canonical candidate


@dataclass(frozen=True, kw_only=True)
class FakeEvaluator:
    """A score that grows with the parameters, with noise of its own for every network.

    Args:
        sleep: Seconds to sleep.
        failing: Share of the networks that fail.
        log: A file that gets a line with the architecture's id for every call.
    """

    sleep: float = 0.0
    failing: float = 0.0
    log: Path | None = None

    def __call__(self, arch: Architecture, *, seed: int) -> Outcome:
        """``score``, or a failure."""
        if self.log is not None:
            with self.log.open("a") as file:
                file.write(f"{arch.id}\n")
        time.sleep(self.sleep)
        luck, noise = stream(seed, "fake").random(2).tolist()
        if luck < self.failing:
            return Outcome(status="failed", reason="loss became nan at step 4", device="cpu")
        metrics = {"score": math.log(cost(arch).params) + noise}
        return Outcome.of(metrics, seconds=self.sleep, device="cpu")


class RandomDraws:
    """The simplest strategy: uniform draws, repetitions and all."""

    def __init__(self, space: Space, *, seed: int) -> None:
        self.space, self.seed = space, seed
        self._told = 0

    def ask(self, n: int) -> list[Tokens]:
        """Candidate ``k`` of the search depends on the seed and ``k`` alone."""
        numbers = range(self._told, self._told + n)
        return [sample(self.space, stream(self.seed, "ask", k)) for k in numbers]

    def tell(self, trials: Sequence[Trial]) -> None:
        """Count them."""
        self._told += len(trials)
