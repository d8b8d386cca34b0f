"""The plan: which passes are run for a set of proxies, and who reads what of each; needs no torch.

A part is done once, however many proxies read it, and left out if none does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netwright.proxies.listing import Proxy


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a shared pass."""

    name: str
    of: str
    """The part that has to be done first, or nothing."""
    what: str


@dataclass(frozen=True, kw_only=True)
class Pass:
    """Something run on a network that several proxies read."""

    name: str
    function: str
    """Where it is, as ``"module:attribute"``: from readers and a scene to nothing."""
    parts: tuple[Part, ...]


@dataclass(frozen=True, kw_only=True)
class Step:
    """A line of a plan."""

    what: str
    depth: int
    """How many steps it hangs on."""
    readers: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """A JSON object."""
        return {"what": self.what, "depth": self.depth, "readers": list(self.readers)}


PASSES: tuple[Pass, ...] = (
    Pass(
        name="sketch",
        function="netwright.proxies.structure:read",
        parts=(
            Part(name="sketch", of="", what="trace of one image, shapes alone, nothing computed"),
        ),
    ),
    Pass(
        name="batch",
        function="netwright.proxies.batch_pass:read",
        parts=(
            Part(name="forward", of="", what="forward of batch 1"),
            Part(name="images", of="forward", what="backward of its summed logits to its images"),
            Part(name="weights", of="forward", what="backward of its loss to the weights"),
            Part(name="again", of="weights", what="backward through that backward"),
            Part(name="more batches", of="", what="forward and backward of each further batch"),
        ),
    ),
    Pass(
        name="image by image",
        function="netwright.proxies.per_sample:read",
        parts=(
            Part(
                name="image by image",
                of="",
                what="forward of batch 1 under its statistics, held",
            ),
            Part(
                name="loss per image",
                of="image by image",
                what="backward of its loss, image by image",
            ),
            Part(
                name="logits per image",
                of="image by image",
                what="backward of its summed logits, image by image",
            ),
        ),
    ),
    Pass(
        name="blocks",
        function="netwright.proxies.az_nas:read",
        parts=(
            Part(name="blocks", of="", what="forward of noise, Kaiming-normal weights"),
            Part(name="signs", of="blocks", what="backward of random signs through each block"),
        ),
    ),
    Pass(
        name="noise",
        function="netwright.proxies.noise_pass:read",
        parts=(
            Part(name="noise", of="", what="forward of noise, N(0, 1) weights"),
            Part(name="noise weights", of="noise", what="backward of its loss, random labels"),
            Part(name="moved noise", of="", what="forward of the same noise moved by 0.01"),
        ),
    ),
)

_PARTS: Mapping[str, tuple[Pass, Part]] = {
    part.name: (made, part) for made in PASSES for part in made.parts
}


def shared_by(proxies: Sequence[Proxy]) -> list[tuple[Pass, list[Proxy]]]:
    """The shared passes that these proxies need, and who reads each (by the first part read)."""
    readers: dict[str, list[Proxy]] = {}
    for proxy in proxies:
        if proxy.reader and isinstance(proxy.function, str):
            readers.setdefault(_PARTS[proxy.reads[0]][0].name, []).append(proxy)
    return [(made, readers[made.name]) for made in PASSES if made.name in readers]


def explain(proxies: Sequence[Proxy]) -> list[Step]:
    """Everything that is run on one network, in order, with the proxies that read it."""
    steps: list[Step] = []
    sharing = [p for _, sharers in shared_by(proxies) for p in sharers]
    for part in (part for made in PASSES for part in made.parts):
        names = tuple(p.name for p in proxies if p in sharing and part.name in _needed(p))
        if names:
            steps.append(Step(what=part.what, depth=_depth(part), readers=names))
    for proxy in proxies:
        if proxy not in sharing:
            what = proxy.own or "whatever its own function runs, on a copy of the network"
            steps.append(Step(what=what, depth=0, readers=(proxy.name,)))
    return steps


def _needed(proxy: Proxy) -> set[str]:
    """Names of the parts that a proxy reads, and of those they hang on."""
    needed = set(proxy.reads)
    return needed | {_PARTS[name][1].of for name in needed}


def _depth(part: Part) -> int:
    return 1 if part.of else 0
