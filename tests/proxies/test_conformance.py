"""What holds for every listed proxy, and where each is derived a second time.

Each proxy's own test derives its figure without autograd, or without the code under test:

=================  ==================================================================
params, macs       ``numel``; torch's own counter and a count by hand
sum_log_n, depth,  weights of the layers that a backward pass reaches; a path counted by
layer_count        hand
madnas, deepmad    by hand, and from the graph instead of the module
l2_norm            numpy's norm of every layer
zico, zico_bc      numpy from gradients of a layer by hand; ``log n`` as a bound
naswot, swap       codes in numpy from a forward pass written out
grad_norm, snip,   gradients of a two-layer network by hand
plain, fisher
grad_norm_zen      numpy on the same noise
grasp              finite differences of gradients
synflow            a product of matrices of magnitudes
jacob_cov, epe_nas numpy from input gradients by hand
zen                a forward pass in numpy on the same noise
gradsign,          gradients of every image by hand
ntk_condition
linear_regions     codes in numpy
meco, meco_opt     numpy's correlation and eigenvalues
az_*               numpy's spectra, and singular values of a linear network
=================  ==================================================================

``test_scoring.py`` has for all: the same for a copy, twice; the network restored tensor by
tensor, with its hooks, flags and gradients; other dtypes; a batch of one.
"""

from __future__ import annotations

import math
from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from netwright.proxies.borrow import Batch
from netwright.proxies.listing import ALL
from netwright.proxies.scoring import Score, score

IDS = [proxy.name for proxy in ALL]
OF_THE_SHAPE = {
    "params", "macs", "sum_log_n", "depth", "layer_count", "madnas", "deepmad", "zen",
    "grad_norm_zen", "az_expressivity", "az_progressivity", "az_trainability",
}  # fmt: skip
FIRST_IMAGE = {"meco", "meco_opt"}
DRAWS_WEIGHTS_OR_CHANNELS = {
    "zen", "grad_norm_zen", "az_expressivity", "az_progressivity", "az_trainability", "meco_opt",
}  # fmt: skip
Scores = dict[str, Score]


def scores(net: nn.Module, batches: list[Batch]) -> Scores:
    return score(net, batches, proxies=ALL, seed=2)


@pytest.fixture
def wide(net: nn.Module) -> nn.Module:
    return net.double()


@pytest.fixture
def healthy(wide: nn.Module, batches: list[Batch]) -> Scores:
    return scores(wide, batches)


def agree(one: Scores, other: Scores, *, but: set[str]) -> None:
    for name in one.keys() - but:
        assert one[name].value == pytest.approx(other[name].value, rel=1e-7), name


def test_the_order_of_images_does_not_matter(
    wide: nn.Module, batches: list[Batch], healthy: Scores
) -> None:
    order = torch.tensor([3, 5, 0, 4, 1, 2])
    turned = [(images[order], labels[order]) for images, labels in batches]
    agree(healthy, scores(wide, turned), but=FIRST_IMAGE)


def test_the_order_of_channels_does_not_matter(
    wide: nn.Module, batches: list[Batch], healthy: Scores
) -> None:
    order = torch.tensor([2, 0, 5, 1, 4, 3])
    turned = deepcopy(wide)
    made = ("0.weight", "1.weight", "1.bias", "3.conv2.weight", "3.bn2.weight", "3.bn2.bias")
    for name in made:
        parameter = turned.get_parameter(name)
        parameter.data = parameter.data[order].contiguous()
    for name in ("3.conv1.weight", "6.weight"):
        parameter = turned.get_parameter(name)
        parameter.data = parameter.data[:, order].contiguous()
    with torch.no_grad():
        images = batches[0][0].double()
        assert torch.allclose(turned.eval()(images), wide.eval()(images))
    agree(healthy, scores(turned, batches), but=DRAWS_WEIGHTS_OR_CHANNELS)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_weight_that_is_no_number_is_a_reason_or_is_not_read(
    bad: float, wide: nn.Module, batches: list[Batch], healthy: Scores
) -> None:
    wide.get_parameter("0.weight").data[1, 2, 0, 0] = bad
    found = scores(wide, batches)
    agree({name: found[name] for name in OF_THE_SHAPE}, healthy, but=set())
    for name in found.keys() - OF_THE_SHAPE:
        assert found[name].value is None and found[name].reason, (name, found[name])


def test_only_what_reads_pixels_sees_them(
    wide: nn.Module, batches: list[Batch], healthy: Scores
) -> None:
    def other(images: Tensor) -> Tensor:
        return images.flip(3) * 2 + 0.3

    found = scores(wide, [(other(images), labels) for images, labels in batches])
    for proxy in ALL:
        same = found[proxy.name].value == pytest.approx(healthy[proxy.name].value, rel=1e-12)
        if not proxy.data:
            assert same, proxy.name
        elif proxy.name not in ("naswot", "swap"):  # counts may agree by chance
            assert not same, proxy.name


def test_a_nan_that_only_the_output_shows_is_a_reason(batches: list[Batch]) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 4))  # gradients do not depend on the weight
    net.get_parameter("1.weight").data[2, 7] = math.nan
    found = scores(net, batches)
    for proxy in ALL:
        if proxy.data and proxy.name not in FIRST_IMAGE:
            assert found[proxy.name].reason, proxy.name


def test_images_that_are_no_numbers_are_a_reason(
    wide: nn.Module, batches: list[Batch], healthy: Scores
) -> None:
    batches[1][0][2, 1, 3, 3] = math.nan
    found = scores(wide, batches)
    for proxy in ALL:
        if proxy.data:
            assert found[proxy.name].reason == "an image is not finite", proxy.name
        else:
            assert found[proxy.name].value == healthy[proxy.name].value, proxy.name


def test_only_what_reads_labels_sees_them(
    wide: nn.Module, batches: list[Batch], healthy: Scores
) -> None:
    turned = torch.tensor([0, 0, 1, 1, 2, 2])  # not a renaming of the classes
    found = scores(wide, [(images, turned) for images, _ in batches])
    for proxy in ALL:
        same = found[proxy.name].value == pytest.approx(healthy[proxy.name].value, rel=1e-12)
        assert same != proxy.labels, proxy.name
