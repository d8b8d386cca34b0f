"""Checks of exports: equal passes, wrong and NaN do not, fresh norms are made to count."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from netwright import catalog
from netwright.errors import ExportError
from netwright.exporters.check import BATCHES, agree, difference, liven, outputs, probe
from netwright.nn.build import build

ARCH = catalog.architecture("mnasnet_small", classes=3, resolution=32)
MODULE = build(ARCH, seed=0).eval()


def test_the_network_agrees_with_itself_on_every_batch() -> None:
    seen = []

    def run(images: Tensor) -> list[Tensor]:
        seen.append(len(images))
        return list(outputs(MODULE)(images))

    assert agree(run, MODULE, ARCH, what="same") == 0 and tuple(seen) == BATCHES


@pytest.mark.parametrize("factor", [1.001, float("nan")])
def test_other_outputs_are_an_error(factor: float) -> None:
    def run(images: Tensor) -> list[Tensor]:
        return [out * factor for out in outputs(MODULE)(images)]

    with pytest.raises(ExportError, match="The wrong export of mnasnet_small differs from torch"):
        agree(run, MODULE, ARCH, what="wrong")


def test_other_shapes_are_an_error() -> None:
    with pytest.raises(ExportError, match=r"gives outputs \[\(2, 3\)\]; torch gives \[\(2, 4\)\]"):
        difference([torch.zeros(2, 3)], [torch.zeros(2, 4)])


def test_a_difference_is_relative_to_the_largest_value() -> None:
    assert difference([torch.tensor([1.0, 10.1])], [torch.tensor([1.0, 10.0])]) == pytest.approx(
        0.01, rel=1e-4
    )


def test_probes_and_lively_norms_come_from_their_seed() -> None:
    assert torch.equal(probe(ARCH, 2), probe(ARCH, 2))
    one, two = build(ARCH, seed=0).eval(), build(ARCH, seed=0).eval()
    fresh = one.state_dict()["bn1.running_var"].clone()
    liven(one, seed=3)
    liven(two, seed=3)
    assert not torch.equal(fresh, one.state_dict()["bn1.running_var"])
    assert torch.equal(one.state_dict()["bn1.bias"], two.state_dict()["bn1.bias"])
