"""Carried tensors: the channels chosen, the kernels centred, what was taken counted."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from netwright.nn.carry import Carry, fit_kernel, read_by, strongest


def test_the_strongest_channels_keep_their_order() -> None:
    importance = torch.tensor([1.0, 5.0, 0.0, 5.0, 3.0])
    assert strongest(importance, 3).tolist() == [1, 3, 4]
    assert strongest(importance, 9).tolist() == [0, 1, 2, 3, 4]
    assert strongest(torch.ones(4), 2).tolist() == [0, 1]


@pytest.mark.parametrize("stride", [1, 2])
def test_an_embedded_kernel_is_the_same_convolution(stride: int) -> None:
    x, weight = (
        torch.randn(1, 2, 9, 9, generator=torch.Generator().manual_seed(0)),
        torch.rand(3, 2, 3, 3),
    )
    wide = fit_kernel(weight, (7, 7))
    came = F.conv2d(x, wide, stride=stride, padding=3)
    torch.testing.assert_close(came, F.conv2d(x, weight, stride=stride, padding=1))
    assert torch.equal(fit_kernel(wide, (3, 3)), weight)


def test_reads_are_sums_of_absolute_weights_by_channel_read() -> None:
    weight = torch.tensor([[[[1.0, -2.0]], [[0.0, 3.0]]], [[[1.0, 1.0]], [[-4.0, 0.0]]]])
    assert read_by(weight).tolist() == [5.0, 7.0]
    assert read_by(torch.tensor([[1.0, -2.0], [3.0, 4.0]])).tolist() == [4.0, 6.0]


def test_new_channels_are_written_by_fresh_weights_and_read_by_zeros() -> None:
    source = {"a.weight": torch.arange(6.0).reshape(2, 3, 1, 1)}
    target = {"b.weight": torch.full((3, 4, 1, 1), 9.0)}
    carry = Carry(source, target)
    carry.mix("b", "a", out=torch.tensor([0, 1]), into=torch.tensor([0, 2]))
    expected = [[0, 2, 0, 0], [3, 5, 0, 0], [9, 9, 9, 9]]
    assert target["b.weight"][:, :, 0, 0].tolist() == expected
    assert carry.inherited == {"b.weight": 4}


def test_a_norm_under_another_epsilon_is_the_same_function() -> None:
    names = ("weight", "bias", "running_mean", "running_var")
    source = {f"n.{what}": torch.tensor([0.5, 1e-6, 2.0]) for what in names}
    source["n.num_batches_tracked"] = torch.tensor(7)
    target = {f"m.{what}": torch.zeros(2) for what in names}
    target["m.num_batches_tracked"] = torch.tensor(0)
    Carry(source, target).norm("m", "n", torch.tensor([0, 1]), eps=(1e-5, 1e-3))
    x = torch.tensor([[1.0, -1.0], [0.3, 0.2]])

    def norm(state: dict[str, torch.Tensor], name: str, eps: float) -> torch.Tensor:
        mean, var = state[f"{name}.running_mean"][:2], state[f"{name}.running_var"][:2]
        return F.batch_norm(
            x, mean, var, state[f"{name}.weight"][:2], state[f"{name}.bias"][:2], eps=eps
        )

    torch.testing.assert_close(norm(target, "m", 1e-5), norm(source, "n", 1e-3))
    assert target["m.num_batches_tracked"] == 7


def test_what_is_silenced_is_no_longer_inherited() -> None:
    ones = torch.ones(2)
    target = {f"m.{what}": torch.full((2,), 3.0) for what in ("weight", "bias")}
    carry = Carry({"n.weight": ones, "n.bias": ones}, target)
    carry.norm("m", "n", torch.arange(2), eps=(1e-5, 1e-5))
    assert carry.inherited == {"m.weight": 2, "m.bias": 2}
    carry.silence("m")
    assert not carry.inherited
    assert all(not tensor.any() for tensor in target.values())
