"""Every proxy on inputs that nobody would choose: a score, or a failure with its reason, always.

Run ``python benchmarks/proxy_fuzz.py --cases 10000``; what is done is kept in a file of lines, and
the same command goes on where it stopped.  ``--first`` and ``--cases`` split the work.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import record
from netwright import catalog
from netwright.arch.cost import cost
from netwright.nn.build import build
from netwright.nn.seeding import seeded
from netwright.proxies.borrow import Batch
from netwright.proxies.listing import ALL
from netwright.proxies.scoring import Score, score
from netwright.rng import derive, stream
from netwright.spaces.tokens import sample

SPACES = ("accel", "efficientnet", "mnasnet", "mobile", "nasbench201", "nasnet", "zico")
MOST_MACS = 12_000_000
TWISTS = (
    "none", "dead activations", "tiny weights", "huge weights", "zero weights", "one nan weight",
    "constant images", "equal images", "equal batches", "huge images", "nan images",
    "eval, frozen", "channels last", "one infinite weight",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Case:
    """One input, drawn from its number alone."""

    number: int
    source: str
    """A space, or ``module`` for a torch module put together from random layers."""
    size: int
    """Images per batch."""
    resolution: int
    classes: int
    dtype: str
    twist: str

    @classmethod
    def draw(cls, number: int) -> Case:
        """The case of a number."""
        rng = stream(0, "proxy_fuzz", number)
        source = str(rng.choice((*SPACES, "nasbench201", "module", "module", "module")))
        return cls(
            number=number,
            source=source,
            size=int(rng.choice((1, 2, 3, 5))),
            resolution=int(rng.choice((8, 9, 16) if source == "module" else (32,))),
            classes=int(rng.choice((1, 2, 3, 10, 101))),
            dtype=str(rng.choice(("float32", "float32", "float32", "bfloat16", "float64"))),
            twist=str(rng.choice(TWISTS)),
        )

    def network(self) -> nn.Module:
        """The network, twisted."""
        module = _random_module(self) if self.source == "module" else _candidate(self)
        module = module.to(getattr(torch, self.dtype))
        _twist(module, self.twist, stream(self.number, "twist"))
        return module

    def batches(self) -> list[Batch]:
        """Two batches, twisted."""
        draw = torch.Generator().manual_seed(derive(self.number, "images"))
        shape = (self.size, 3, self.resolution, self.resolution)
        made = []
        for _ in range(2):
            labels = torch.randint(self.classes, (self.size,), generator=draw)
            made.append((torch.randn(shape, generator=draw), labels))
        change = _IMAGES.get(self.twist)
        if change is not None:
            made = [(change(images), labels) for images, labels in made]
        return [made[0], made[0]] if self.twist == "equal batches" else made


_IMAGES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "constant images": lambda x: torch.full_like(x, 0.5),
    "equal images": lambda x: x[:1].expand_as(x).clone(),
    "huge images": lambda x: x * 1e18,
    "nan images": lambda x: torch.where(x > 2, torch.nan, x),
    "channels last": lambda x: x.to(memory_format=torch.channels_last),
}


def _candidate(case: Case) -> nn.Module:
    """A random candidate of a space, not above the limit of MACs if fifty draws find one."""
    space = catalog.space(case.source, classes=case.classes, resolution=case.resolution)
    drawn = (space.decode(sample(space, stream(case.number, "arch", i))) for i in range(50))
    arches = []
    for arch in drawn:
        arches.append(arch)
        if cost(arch).macs <= MOST_MACS:
            break
    arch = min(arches, key=lambda a: cost(a).macs)
    return build(arch, seed=derive(case.number, "weights"))


class Odd(nn.Module):
    """Random layers one after the other, some skipped, some cut off, some called twice."""

    def __init__(self, rng: np.random.Generator, *, classes: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        self.ways: list[str] = []
        width = 3
        for _ in range(int(rng.integers(1, 7))):
            layer, width = _layer(rng, width)
            self.layers.append(layer)
            self.ways.append(str(rng.choice(("plain", "plain", "skip", "zero", "twice", "drop"))))
        self.pool = str(rng.choice(("mean", "adaptive", "max", "flat")))
        self.head = nn.LazyLinear(classes, bias=bool(rng.random() < 0.7))

    def forward(self, x: Tensor) -> Tensor:
        for layer, way in zip(self.layers, self.ways, strict=True):
            y = layer(x)
            if way == "drop":  # computed, and not used
                continue
            if way == "zero":
                y = y * 0
            elif way == "skip" and y.shape == x.shape:
                y = y + x
            elif way == "twice" and y.shape == x.shape:
                y = layer(y)
            x = y
        if self.pool == "adaptive":
            x = nn.functional.adaptive_avg_pool2d(x, 1)
        elif self.pool == "mean":
            x = x.mean((2, 3))
        elif self.pool == "max":
            x = nn.functional.adaptive_max_pool2d(x, 1)
        result: Tensor = self.head(x.flatten(1))
        return result


def _layer(rng: np.random.Generator, width: int) -> tuple[nn.Module, int]:
    """A layer, and the channels that come out of it."""
    out = int(rng.choice((1, 3, 4, 9)))
    made: dict[str, Callable[[], nn.Module]] = {
        "conv": lambda: nn.Conv2d(width, out, 3, padding=1, stride=int(rng.integers(1, 3))),
        "same": lambda: nn.Conv2d(width, out, 3, padding="same", padding_mode="reflect"),
        "point": lambda: nn.Conv2d(width, out, 1, bias=False),
        "depth": lambda: nn.Conv2d(width, width, 5, padding=2, groups=width),
        "batch": lambda: nn.BatchNorm2d(width),
        "bare": lambda: nn.BatchNorm2d(width, affine=False, track_running_stats=False),
        "group": lambda: nn.GroupNorm(1, width),
        "instance": lambda: nn.InstanceNorm2d(width),
        "dropout": lambda: nn.Dropout(0.5),
        "pool": lambda: nn.AvgPool2d(3, 1, 1),
        "relu": lambda: nn.ReLU(inplace=bool(rng.random() < 0.5)),
        "relu6": nn.ReLU6,
        "silu": lambda: nn.SiLU(inplace=bool(rng.random() < 0.5)),
        "gelu": nn.GELU,
        "hardswish": nn.Hardswish,
        "hardsigmoid": nn.Hardsigmoid,
        "tanh": nn.Tanh,
        "prelu": nn.PReLU,
        "softmax": lambda: nn.Softmax(1),
    }
    kind = str(rng.choice(sorted(made)))
    return made[kind](), out if kind in ("conv", "same", "point") else width


def _random_module(case: Case) -> nn.Module:
    with seeded(derive(case.number, "weights")):
        module = Odd(stream(case.number, "layers"), classes=case.classes)
        shape = (1, 3, case.resolution, case.resolution)
        with torch.no_grad():
            module.eval()(torch.zeros(shape))  # the last layer learns its width
        return module.train()


def _twist(module: nn.Module, twist: str, rng: np.random.Generator) -> None:
    weights = [p for p in module.parameters() if p.dim() > 1]
    with torch.no_grad():
        if twist == "dead activations":
            for name, parameter in module.named_parameters():
                if name.endswith("bias"):
                    parameter.fill_(-1e3)
        elif twist in ("tiny weights", "huge weights", "zero weights"):
            factor = {"tiny weights": 1e-20, "huge weights": 1e20, "zero weights": 0.0}[twist]
            for parameter in weights:
                parameter.mul_(factor)
        elif twist.startswith("one "):
            value = math.nan if "nan" in twist else math.inf
            chosen = weights[int(rng.integers(len(weights)))]
            chosen.view(-1)[0] = value
    if twist == "eval, frozen":
        module.eval().requires_grad_(False)
    elif twist == "channels last":
        module.to(memory_format=torch.channels_last)


def outcome(found: Score) -> str:
    """``score``, or the reason without its figures.

    Raises:
        ValueError: If it is neither, or both.
    """
    if (found.value is None) != bool(found.reason):
        raise ValueError(f"neither a score nor a reason: {found}")
    if found.value is None:
        return re.sub(r"'[^']*'|\d+", "*", found.reason)
    if not math.isfinite(found.value):
        raise ValueError(f"not finite: {found}")
    return "score"


def look(case: Case) -> dict[str, str]:
    """The outcome of every proxy on a case; anything that was raised is one too."""
    try:
        network, images = case.network(), case.batches()
    except Exception as err:  # noqa: BLE001 (the case is at fault, not a proxy)
        return {"case": f"not built: {type(err).__name__}: {err}"}
    try:
        scores = score(network, images, proxies=ALL, seed=case.number)
        return {name: outcome(found) for name, found in scores.items()}
    except Exception as err:  # noqa: BLE001 (what is looked for)
        return {"score": f"raised: {type(err).__name__}: {str(err)[:200]}"}


def main() -> None:
    """Go on where the file ends, print, write."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--cases", type=int, default=10_000)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--lines", type=Path, default=Path("proxy_fuzz.jsonl"))
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    torch.set_num_threads(1)
    done: dict[int, dict[str, str]] = {}
    if given.lines.is_file():
        rows = [json.loads(line) for line in given.lines.read_text().splitlines()]
        done = {row["case"]: row["outcomes"] for row in rows}
    numbers = range(given.first, given.first + given.cases)
    with given.lines.open("a", encoding="utf-8") as lines:
        for number in numbers:
            if number not in done:
                done[number] = look(Case.draw(number))
                lines.write(json.dumps({"case": number, "outcomes": done[number]}) + "\n")
                lines.flush()
    found = {number: done[number] for number in numbers}
    counts = Counter(what for outcomes in found.values() for what in outcomes.values())
    bad = {n: o for n, o in found.items() if "score" in o or "case" in o}
    facts: dict[str, Any] = {
        "outcomes": dict(counts.most_common()),
        "raised": {str(n): outcomes for n, outcomes in bad.items()},
        "twists": dict(Counter(Case.draw(n).twist for n in numbers)),
        "sources": dict(Counter(Case.draw(n).source for n in numbers)),
    }
    total = sum(counts.values())
    record.write(
        __file__,
        claim=f"{len(ALL)} proxies on {given.cases:,} inputs that nobody would choose: no crash, "
        "no silent NaN",
        seeds=[0],
        results={
            "crashes": record.measured([len(bad)], "", headline=True),
            "inputs": record.measured([len(found)], ""),
            "scores": record.measured([counts["score"]], f"of {total:,}", headline=True),
            "failures with a reason": record.measured(
                [total - counts["score"] - len(bad)], f"of {total:,}", headline=True
            ),
        },
        arguments=f"--cases {given.cases}",
        facts=facts,
        out=given.out,
    )


if __name__ == "__main__":
    main()
