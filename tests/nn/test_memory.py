"""Measured peaks: counted on known tensors, equal to the prediction, and nothing is spoilt."""

from __future__ import annotations

import gc

import pytest
import torch
from torch import Tensor, nn

from netwright.arch.cost import cost
from netwright.nn.build import build
from netwright.nn.memory import _Counting, measured_peak_bytes, run_frugally
from netwright.rng import stream
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.nasbench201 import NASBench201Space
from netwright.spaces.tokens import sample
from nn.family import STAGES, images, lively, staged


def test_storages_are_counted_while_a_tensor_shows_them() -> None:
    given = torch.ones(100)
    with _Counting() as counting:
        a = torch.zeros(10)
        view = a[2:4]
        b = a + given[:10]
        assert counting.live == 80
        b.add_(1)
        assert counting.live == 80 and counting.peak == 80
        del a
        assert counting.live == 80  # the view is left
        del view
        assert counting.live == 40
        c = [torch.zeros(20), torch.zeros(1)]
        del b
        assert (counting.live, counting.peak) == (84, 124)
    del c
    gc.collect()
    assert counting.live == 0


def test_plain_torch_is_counted_by_hand() -> None:
    """Image 48 numbers; conv gives 80 and norm 80, the activation writes over it."""
    module = nn.Sequential(nn.Conv2d(3, 5, 1), nn.BatchNorm2d(5), nn.ReLU(inplace=True))
    assert measured_peak_bytes(module, (3, 4, 4), frugal=False) == 4 * (48 + 80 + 80)
    assert measured_peak_bytes(module, (3, 4, 4), batch=3, dtype=torch.float64) == 24 * 208
    assert not module.training


NETWORKS = {
    "small": staged().architecture(),
    "SE": staged(tuple(f"{text}_se0.25" for text in STAGES)).architecture(),
    "mobile": MobileSpace(classes=10, resolution=32).decode(
        sample(MobileSpace(classes=10, resolution=32), stream(0, "memory"))
    ),
    "cell": NASBench201Space().decode((3, 1, 2, 4, 3, 1)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_measured_is_what_was_predicted(name: str) -> None:
    arch = NETWORKS[name]
    module = build(arch, seed=0)
    expected = cost(arch).peak_activation_bytes
    assert measured_peak_bytes(module, arch.input_shape) == expected
    assert measured_peak_bytes(module, arch.input_shape, batch=2) == 2 * expected
    assert measured_peak_bytes(module, arch.input_shape, frugal=False) > expected


@pytest.mark.parametrize("name", NETWORKS)
def test_nothing_is_overwritten_that_is_still_needed(name: str) -> None:
    arch = NETWORKS[name]
    module = lively(arch)
    x = images(side=arch.input_shape[1])
    before = x.clone()
    with torch.inference_mode():
        expected: Tensor = module(x)
    torch.testing.assert_close(run_frugally(module, [x.clone()]), expected, rtol=1e-4, atol=1e-4)
    assert torch.equal(x, before)


@pytest.mark.gpu
def test_the_allocator_of_cuda_is_asked() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    arch = NETWORKS["mobile"]
    found = measured_peak_bytes(build(arch, seed=0), arch.input_shape, device="cuda", batch=32)
    assert found >= 0.9 * 32 * cost(arch).peak_activation_bytes
