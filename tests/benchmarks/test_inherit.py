"""The benchmark of inheritance: the smaller network, the order of trainings, paired gaps."""

from __future__ import annotations

import pytest

import inherit
import netwright as nw
from netwright.nn.ancestors import Ancestor
from netwright.nn.build import build
from netwright.training.reference import DataRef


def test_the_smaller_network_is_at_60_percent_and_for_the_same_images() -> None:
    lite0, small = inherit.networks(10, 64)
    assert nw.cost(small).macs == pytest.approx(0.6 * nw.cost(lite0).macs, rel=0.02)
    assert small.input_shape == lite0.input_shape and small.classes == 10


def test_one_seed_is_done_before_the_next() -> None:
    found = list(inherit.jobs(["a", "b"], 2))
    assert len(found) == len(set(found)) == 12
    assert [seed for _, _, seed in found] == [0] * 6 + [1] * 6


def test_gaps_are_taken_seed_by_seed() -> None:
    rows = {(way, seed): 0.5 for way in inherit.WAYS for seed in (0, 1)}
    rows[inherit.WAYS[1], 0], rows[inherit.WAYS[1], 1] = 0.7, 0.8
    lines = [
        {"data": "x", "way": way, "seed": seed, "val_accuracy": v}
        for (way, seed), v in rows.items()
    ]
    found = inherit.measured(lines[:-1])
    assert found["x: inherited over from scratch"]["mean"] == pytest.approx(20)
    assert found["x: inherited over from scratch"]["repeats"] == 1
    assert found["x: Lite0 over inherited"]["mean"] == pytest.approx(-25)
    assert found["x: 60 %, inherited"]["most"] == pytest.approx(80)


@pytest.mark.slow
def test_each_way_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    data = DataRef(source="digits", resolution=8, seed=0).open()
    space = nw.space("mobile", classes=10, resolution=8, channels=1)
    arch = space.decode(space.canonical((0,) * len(space.choices)))
    source = Ancestor(name="x", arch=arch, state=build(arch, seed=1).state_dict())
    monkeypatch.setattr(inherit, "networks", lambda classes, side: (arch, arch))
    came = {w: inherit.train(data, source, w, steps=2, batch=8, seed=0) for w in inherit.WAYS}
    assert [line.get("share") for line in came.values()] == [1.0, 1.0, None]
