"""The exports' benchmark: which networks it tries, and that it compares them."""

from __future__ import annotations

import itertools
import runpy
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

import exports
from netwright import catalog
from netwright.arch.cost import cost
from netwright.exporters.check import outputs

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


class _Room:
    """A clean room that is this interpreter."""

    def run(self, file: Path, make: str, weights: Path, images: list[Tensor]) -> list[Tensor]:
        module = runpy.run_path(str(file))[make](weights)
        return [outputs(module)(batch)[0] for batch in images]


def test_differences_are_collected_by_format_and_what_is_done_is_not_done_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    some = [(n, a) for n, a in exports.networks(0) if n in ("mnasnet_small", "mnasnet_050")]
    monkeypatch.setattr(exports, "clean_room", lambda folder: nullcontext(_Room()))
    monkeypatch.delitem(exports.FORMATS, "pt2")
    lines = tmp_path / "lines.jsonl"
    asked = []

    def networks(random: int, *, without: dict[str, object]) -> Iterator[Any]:
        asked.append(sorted(without))
        return iter(x for x in some if x[0] not in without)

    monkeypatch.setattr(exports, "networks", networks)
    gaps, facts = exports.compare(0, pt2_every=1, seconds=60, lines=lines)
    assert facts == {"networks": 2, "refused by timm": {}}
    python = {"code", "timm", "code, without netwright", "timm, without netwright"}
    assert set(gaps) == {"onnx", "onnx, 2 threads", "openvino"} | python
    assert all(len(values) == 2 and max(values) < 1e-4 for values in gaps.values())
    assert exports.compare(0, pt2_every=1, seconds=60, lines=lines) == (gaps, facts)
    assert asked == [[], ["mnasnet_050", "mnasnet_small"]]
