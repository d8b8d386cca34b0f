"""Inputs for proxies that nobody would choose, each drawn from its number alone.

Networks are small, so that ten thousand of them are scored in an hour or two: cells of a few
channels, candidates of the other spaces now and then, and modules put together at random.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from netwright import catalog
from netwright.arch.cost import cost
from netwright.arch.nasnet import Macro
from netwright.contracts import Space
from netwright.nn.build import build
from netwright.nn.seeding import seeded
from netwright.proxies.borrow import Batch
from netwright.rng import derive, stream
from netwright.spaces.nasbench201 import NASBench201Space
from netwright.spaces.nasnet import NASNetSpace
from netwright.spaces.tokens import sample
from netwright.spaces.zico import ZiCoSpace

SPACES = ("accel", "efficientnet", "mnasnet", "mobile", "nasnet", "zico")
SOURCES = ("module", "cell", "cut cell", *SPACES)
SHARES = (0.76, 0.15, 0.08, *[0.01 / len(SPACES)] * len(SPACES))
DRAWN = 8
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
    """A space; ``cell`` for one of NAS-Bench-201, ``cut cell`` if nothing reaches its end;
    ``module`` for a torch module put together from random layers."""
    size: int
    """Images per batch."""
    resolution: int
    classes: int
    """Of the labels; where a space has no network of one class, the network has two."""
    dtype: str
    twist: str

    @classmethod
    def draw(cls, number: int) -> Case:
        """The case of a number."""
        rng = stream(0, "proxy_fuzz", number)
        source = str(rng.choice(SOURCES, p=SHARES))
        sides = {"module": (8, 9, 16), "cell": (8, 16), "cut cell": (8,)}.get(source, (32,))
        return cls(
            number=number,
            source=source,
            size=int(rng.choice((1, 2, 3, 5))),
            resolution=int(rng.choice(sides)),
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
    """The cheapest of a few random candidates of a space."""
    space, rng = _space(case), stream(case.number, "arch")
    if case.source == "cell":
        drawn = [sample(space, rng)]
    elif case.source == "cut cell":  # no edge into the last node
        drawn = [(*sample(space, rng)[:3], 0, 0, 0)]
    else:
        drawn = [sample(space, rng) for _ in range(DRAWN)]
    arch = min(map(space.decode, drawn), key=lambda arch: cost(arch).macs)
    return build(arch, seed=derive(case.number, "weights"))


def _space(case: Case) -> Space:
    """The space of a case, at its smallest."""
    side = case.resolution
    if case.source.endswith("cell"):
        return NASBench201Space(classes=case.classes, resolution=side, cells=1, width=4)
    classes = max(2, case.classes)
    if case.source == "nasnet":
        macro = Macro(cells=1, filters=4, stem=4)
        return NASNetSpace(classes=classes, resolution=side, macro=macro)
    if case.source == "zico":
        return ZiCoSpace(classes=classes, resolution=side, slots=1, max_width=8)
    return catalog.space(case.source, classes=classes, resolution=side)


class Odd(nn.Module):
    """Random layers one after the other, some skipped, some cut off, some called twice."""

    def __init__(self, rng: np.random.Generator, *, classes: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        self.ways: list[str] = []
        width = 3
        for _ in range(int(rng.integers(1, 7))):
            layer, out = _layer(rng, width)
            way = str(rng.choice(("plain", "plain", "skip", "zero", "twice", "drop")))
            width = width if way == "drop" else out
            self.layers.append(layer)
            self.ways.append(way)
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
            chosen[(0,) * chosen.dim()] = value
    if twist == "eval, frozen":
        module.eval().requires_grad_(False)
    elif twist == "channels last":
        module.to(memory_format=torch.channels_last)
