"""Inherited weights: those of a pretrained relative, carried over stage by stage.

Stages are matched by :mod:`netwright.arch.kinship`.  Within a stage, block j takes after block j
of the relative; where the relative has fewer, the last is copied and silenced, so that it adds
nothing until it has learnt to.  A narrower network keeps the channels that matter most: what their
norm lets through times what is read of it.  All layers that read or write a tensor agree on the
choice, along the whole residual stream of a stage.  Kernels keep their centre.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from netwright.arch.graph import Architecture
from netwright.arch.kinship import align
from netwright.arch.staged import Layer, Staged, read_staged
from netwright.errors import UsageError
from netwright.nn.ancestors import Ancestor, ancestor
from netwright.nn.carry import Carry, Channels, strongest
from netwright.nn.inner import carry_block, ends_in, reads_stream


@dataclass(frozen=True, kw_only=True)
class Part:
    """How much of one part of a network was inherited.

    Args:
        name: ``stem``, ``blocks.3``, ``head`` or ``classifier``.
        source: The part of the relative that it takes after; None: it is fresh.
        params: Its trainable numbers.
        inherited: How many of them are the relative's.
    """

    name: str
    source: str | None
    params: int
    inherited: int


@dataclass(frozen=True, kw_only=True)
class Inherited:
    """What a network took over from a pretrained relative.

    Args:
        source: What the relative is called.
        parts: From the stem to the classifier.
        calibration_images: Images that the norms' statistics were measured on afterwards.
    """

    source: str
    parts: tuple[Part, ...]
    calibration_images: int = 0

    @property
    def params(self) -> int:
        """Trainable numbers of the network."""
        return sum(part.params for part in self.parts)

    @property
    def inherited(self) -> int:
        """How many of them are the relative's."""
        return sum(part.inherited for part in self.parts)

    @property
    def share(self) -> float:
        """Inherited parameters among all, 0 to 1."""
        return self.inherited / self.params

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        facts = {"params": self.params, "inherited": self.inherited, "share": self.share}
        return {**asdict(self), "parts": [asdict(p) for p in self.parts], **facts}

    def __str__(self) -> str:
        fresh = [part.name for part in self.parts if not part.inherited]
        rest = f"; fresh: {', '.join(fresh)}" if fresh else ""
        return f"{100 * self.share:.0f}% of the parameters come from {self.source}{rest}"


def inherit(
    module: nn.Module,
    source: str | Ancestor,
    *,
    arch: Architecture,
    classes: Sequence[str] | None = None,
) -> Inherited:
    """Put the weights of a pretrained relative into a network, as far as the two are alike.

    Into the same architecture that is an exact copy.  The classifier comes along where both tell
    the same classes apart.  Afterwards the norms' statistics are to be measured anew, by
    :func:`netwright.nn.recalibration.recalibrate`, unless the two are the same network.

    Args:
        module: What ``build(arch)`` gave; changed in place.
        source: A relative, or what :func:`netwright.nn.ancestors.ancestor` reads one from.
        arch: The network, made of stages.
        classes: Their names, in the order of the logits; compared where the source has some.

    Raises:
        UsageError: If either network is not made of stages, or nothing of the one fits the other.
    """
    found = ancestor(source) if isinstance(source, str) else source
    target, origin = read_staged(arch), read_staged(found.arch)
    state = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}
    given = dict(found.state)
    given["conv_stem.weight"] = _colours(given["conv_stem.weight"], arch.input_shape[0])
    family = _Family(target, origin, Carry(given, state))
    family.carry()
    family.classify(_same_classes(found, arch, classes))
    if not any(key.startswith("blocks.") for key in family.carry_of.inherited):
        raise UsageError(
            f"No stage of {found.name} has a like in {arch.name or 'this network'}; inherit from "
            "a network with the same kinds of stages."
        )
    module.load_state_dict(state)
    return Inherited(source=found.name, parts=family.parts())


def _colours(weight: Tensor, channels: int) -> Tensor:
    """The stem for images of more or fewer channels: grey is read by the sum of the colours."""
    have = weight.shape[1]
    if channels == have:
        return weight
    if channels == 1:
        return weight.sum(1, keepdim=True)
    return weight[:, [c % have for c in range(channels)]] * (have / channels)


def _same_classes(found: Ancestor, arch: Architecture, classes: Sequence[str] | None) -> bool:
    if classes is not None and found.classes is not None:
        return tuple(classes) == found.classes
    return found.arch.classes == arch.classes


class _Family:
    """Two networks, whose stages are kin, and which channels the one takes of the other."""

    def __init__(self, target: Staged, origin: Staged, carry_of: Carry) -> None:
        self.target, self.origin, self.carry_of = target, origin, carry_of
        self.kin = align(target.stages, origin.stages)
        # Stream 0 is what the stem writes, stream i + 1 what stage i does; by stream of the target
        # that of the source, and the channels taken of it.
        self.stream_of = (0, *(None if s is None else s + 1 for s in self.kin))
        self.chosen = self._choose()
        self.block_of: dict[str, str] = {}

    def carry(self) -> None:
        """The stem, all stages and the head."""
        carry, stem = self.carry_of, self.chosen[0]
        if stem is not None:
            colours = torch.arange(carry.source["conv_stem.weight"].shape[1])
            carry.mix("conv_stem", "conv_stem", out=stem, into=colours)
            eps = (self.target.stem.style.bn_eps, self.origin.stem.style.bn_eps)
            carry.norm("bn1", "bn1", stem, eps=eps)
        for number, own in enumerate(self.target.stages):
            kin = self.kin[number]
            if kin is not None:
                self._stage(number, own, kin)

    def _stage(self, number: int, own: Sequence[Layer], kin: int) -> None:
        out, theirs = self.chosen[number + 1], self.origin.stages[kin]
        for j, layer in enumerate(own):
            if out is None:
                return
            i = min(j, len(theirs) - 1)
            into = out if j else self.chosen[number] if self.stream_of[number] == kin else None
            alike = (i == 0) == (j == 0) and theirs[i].kind == layer.kind
            at = f"blocks.{number}.{j}"
            if alike and into is not None:
                eps = (layer.style.bn_eps, theirs[i].style.bn_eps)
                of = f"blocks.{kin}.{i}"
                carry_block(self.carry_of, at, of, layer.kind, into=into, out=out, eps=eps)
            if j and layer.skip is True and (not alike or j > i):
                self.carry_of.silence(f"{at}.{ends_in(layer.kind)}")

    def classify(self, same_classes: bool) -> None:
        """The head, and the classifier where the classes are the same."""
        carry, last = self.carry_of, self.chosen[-1]
        if last is None or self.stream_of[-1] != len(self.origin.stages):
            return
        given = carry.source
        importance = given["bn2.weight"].abs() * given["classifier.weight"].abs().sum(0)
        head = strongest(importance, self.target.head.out)
        carry.mix("conv_head", "conv_head", out=head, into=last)
        eps = (self.target.head.style.bn_eps, self.origin.head.style.bn_eps)
        carry.norm("bn2", "bn2", head, eps=eps)
        if same_classes:
            every = torch.arange(given["classifier.weight"].shape[0])
            carry.mix("classifier", "classifier", out=every, into=head)

    def _choose(self) -> list[Channels | None]:
        importance = self._importance()
        own = _widths(self.target)
        chosen: list[Channels | None] = []
        for number, (width, of) in enumerate(zip(own, self.stream_of, strict=True)):
            before = self.stream_of[number - 1] if number else None
            tied = number > 0 and _tied(self.target, number - 1) and before is not None
            if of is None:
                chosen.append(None)
            elif tied and of - 1 == before and _tied(self.origin, of - 1):
                chosen.append(chosen[-1])
            else:
                chosen.append(strongest(importance[of], width))
        return chosen

    def _importance(self) -> list[Tensor]:
        """By stream of the source: root of the sum of squared scales that write it, times reads.

        Streams that a residual ties together share theirs.
        """
        given, stages = self.carry_of.source, self.origin.stages
        writes = [given["bn1.weight"] ** 2]
        reads = [torch.zeros_like(given["bn1.weight"])]
        for s, layers in enumerate(stages):
            at = [f"blocks.{s}.{i}" for i in range(len(layers))]
            reads[s] = reads[s] + reads_stream(given, at[0], layers[0].kind)
            ends = [
                given[f"{a}.{ends_in(x.kind)}.weight"] for a, x in zip(at, layers, strict=True)
            ]
            writes.append(torch.stack(ends).square().sum(0))
            inner = [
                reads_stream(given, a, x.kind) for a, x in zip(at[1:], layers[1:], strict=True)
            ]
            reads.append(torch.stack([torch.zeros_like(writes[-1]), *inner]).sum(0))
        reads[-1] = reads[-1] + given["conv_head.weight"].abs().sum((0, 2, 3))
        found = [w.sqrt() * r for w, r in zip(writes, reads, strict=True)]
        for s in range(len(stages)):
            if _tied(self.origin, s):
                found[s + 1] = found[s + 1] + found[s]
        for s in reversed(range(len(stages))):
            if _tied(self.origin, s):
                found[s] = found[s + 1]
        return found

    def parts(self) -> tuple[Part, ...]:
        """The account: parameters of every part, and how many were inherited."""
        stages = [f"blocks.{s}" for s in range(len(self.target.stages))]
        kin = [None if s is None else f"blocks.{s}" for s in self.kin]
        names = {
            "stem": ("stem", ("conv_stem.", "bn1.")),
            **{at: (of, (f"{at}.",)) for at, of in zip(stages, kin, strict=True)},
            "head": ("head", ("conv_head.", "bn2.")),
            "classifier": ("classifier", ("classifier.",)),
        }
        found = []
        for name, (of, starts) in names.items():
            sizes = {
                key: tensor.numel()
                for key, tensor in self.carry_of.target.items()
                if key.startswith(starts) and key.endswith((".weight", ".bias"))
            }
            taken = sum(self.carry_of.inherited[key] for key in sizes)
            total = sum(sizes.values())
            source = of if taken else None
            found.append(Part(name=name, source=source, params=total, inherited=taken))
        return tuple(found)


def _widths(staged: Staged) -> list[int]:
    """Channels of every stream."""
    return [staged.stem.out, *(layers[-1].out for layers in staged.stages)]


def _tied(staged: Staged, stage: int) -> bool:
    """Whether the first layer of a stage adds its input: the streams around it are one."""
    first, widths = staged.stages[stage][0], _widths(staged)
    return first.skip is True and first.stride == 1 and widths[stage] == widths[stage + 1]
