"""pt2 files, loaded with torch alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from exporters.networks import network
from netwright.exporters.check import probe
from netwright.exporters.features import Features
from netwright.exporters.pt2 import export_pt2


@pytest.mark.parametrize("kind", ["mobile", "nasbench201"])
def test_outputs_are_torchs(kind: str, tmp_path: Path) -> None:
    made = network(kind)
    found = export_pt2(made, tmp_path / "network.pt2")
    assert found.max_relative_difference is not None and found.max_relative_difference < 1e-4
    module = torch.export.load(tmp_path / "network.pt2").module()
    assert module(probe(made.arch, 7)).shape == (7, 5)


def test_feature_maps(tmp_path: Path) -> None:
    made = network("mobile")
    features = Features(made)
    export_pt2(made, tmp_path / "features.pt2", features=features)
    maps = torch.export.load(tmp_path / "features.pt2").module()(probe(made.arch, 3))
    assert [m.shape[1] for m in maps] == list(features.channels)
