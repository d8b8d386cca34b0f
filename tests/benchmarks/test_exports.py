"""The exports' benchmark: which networks it tries, and that it compares them."""

from __future__ import annotations

import itertools

import pytest

import exports
from netwright import catalog
from netwright.arch.cost import cost

pytest.importorskip("openvino", reason="pip install 'netwright[openvino]'")


def test_published_networks_come_first_then_one_of_every_space(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = exports._drawn("mobile", 0)
    monkeypatch.setattr(exports, "_drawn", lambda name, number: small)
    found = list(itertools.islice(exports.networks(1), 400))
    names = [name for name, _ in found]
    assert "efficientnet_b4" in names and "efficientnet_b5" not in names
    assert [n.split()[0] for n in names if n.endswith(" 0")] == list(catalog.SPACES)
    assert all(cost(arch).params <= exports.MOST_PARAMS for _, arch in found)


def test_differences_are_collected_by_format(monkeypatch: pytest.MonkeyPatch) -> None:
    some = [(n, a) for n, a in exports.networks(0) if n in ("mnasnet_small", "mnasnet_050")]
    monkeypatch.setattr(exports, "networks", lambda random: iter(some))
    monkeypatch.delitem(exports.FORMATS, "pt2")
    gaps, facts = exports.compare(0, pt2_every=1, seconds=60)
    assert facts == {"networks": 2, "refused by timm": {}}
    assert set(gaps) == {"onnx", "code", "timm", "openvino"}
    assert all(len(values) == 2 and max(values) < 1e-4 for values in gaps.values())
