"""AZ-NAS's parts by hand on maps whose spectra are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netwright.proxies.az_nas import (
    entropy,
    expressivity,
    progressivity,
    top_singular_value,
    trainability,
)
from netwright.proxies.borrow import Batch
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.normal import normal_init, normal_like
from netwright.rng import derive


def test_entropy_of_known_spectra() -> None:
    corners = torch.tensor([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
    assert entropy(corners.view(4, 2, 1, 1)) == pytest.approx(math.log(2), abs=1e-6)
    line = torch.stack([corners[:, 0], 2 * corners[:, 0]], 1)
    assert entropy(line.view(4, 2, 1, 1)) == pytest.approx(0, abs=1e-6)
    scaled = corners * torch.tensor([3.0, 1.0])
    p = np.array([0.9, 0.1])
    assert entropy(scaled.view(4, 2, 1, 1)) == pytest.approx(-(p * np.log(p)).sum(), abs=1e-6)
    for bad in (torch.ones(4, 2, 1, 1), corners.view(4, 2, 1, 1) * torch.nan):
        with pytest.raises(ScoreFailed, match="constant or not finite"):
            entropy(bad)


def test_top_singular_value_against_numpy() -> None:
    draw = torch.Generator().manual_seed(0)
    g_in = torch.randn(2, 3, 7, 7, generator=draw)
    g_out = torch.randn(2, 5, 4, 4, generator=draw)
    padded = np.zeros((2, 3, 8, 8))
    padded[:, :, :7, :7] = g_in.numpy()
    folded = padded.reshape(2, 3, 4, 2, 4, 2).transpose(0, 2, 4, 1, 3, 5).reshape(32, 12)
    right = g_out.numpy().transpose(0, 2, 3, 1).reshape(32, 5)
    expected = np.linalg.norm(folded.T @ right / 32, 2)
    assert top_singular_value(g_in, g_out) == pytest.approx(expected, rel=1e-5)


class Chain(nn.Module):
    """Two residual-free blocks of one convolution each."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([_Block(3, 4), _Block(4, 6)])

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return x.mean((2, 3))


class _Block(nn.Module):
    def __init__(self, here: int, there: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(here, there, 1)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.conv(x)
        return result


def test_parts_by_hand(batches: list[Batch]) -> None:
    net, seed = Chain().double(), 5
    weights = normal_init(
        nn.ModuleDict({"module": net}), seed=derive(seed, "az_nas"), kaiming=True
    )
    first, second = (weights[f"module.blocks.{i}.conv.weight"][:, :, 0, 0] for i in (0, 1))
    noise_seed = derive(seed, "az_nas", "images")
    x = normal_like(torch.empty(1, dtype=torch.float64), (6, 3, 8, 8), seed=noise_seed)
    maps = [torch.einsum("oc,nchw->nohw", first, x)]
    maps.append(torch.einsum("oc,nchw->nohw", second, maps[0]))
    spectra = []
    for m in maps:
        values = np.linalg.eigvalsh(np.cov(m.movedim(1, -1).flatten(0, -2).numpy().T, ddof=0))
        share = np.clip(values, 0, None) / values.clip(0).sum()
        spectra.append(-(share * np.log(share + 1e-8)).sum())
    assert expressivity(net, batches, seed=seed) == pytest.approx(sum(spectra), rel=1e-6)
    assert progressivity(net, batches, seed=seed) == pytest.approx(
        spectra[1] - spectra[0], rel=1e-6
    )
    like = torch.empty(1, dtype=torch.float64)
    g = normal_like(like, (6, 6, 8, 8), seed=derive(seed, "az_nas", "signs", 0)).numpy()
    g = np.where(g >= 0, 1.0, -1.0).transpose(0, 2, 3, 1).reshape(-1, 6)
    sigma = np.linalg.norm((g @ second.numpy()).T @ g / len(g), 2)
    expected = 2 - sigma - 1 / (sigma + 1e-6)
    assert trainability(net, batches, seed=seed) == pytest.approx(expected, rel=1e-6)


def test_data_and_weights_are_not_read(batches: list[Batch]) -> None:
    net = Chain()
    before = [f(net, batches, seed=1) for f in (expressivity, progressivity, trainability)]
    for p in net.parameters():
        p.data.zero_()
    other = [(x * 9, y) for x, y in batches]
    after = [f(net, other, seed=1) for f in (expressivity, progressivity, trainability)]
    assert before == after
    assert expressivity(net, batches, seed=2) != before[0]


def test_what_has_no_blocks_or_passes_nothing_fails(batches: list[Batch], net: nn.Module) -> None:
    with pytest.raises(ScoreFailed, match="needs 2 blocks .* found 0"):
        progressivity(nn.Flatten(), batches)

    class Same(_Block):
        def forward(self, x: Tensor) -> Tensor:
            self.conv(x)
            return x + 0

    class Cut(_Block):
        def forward(self, x: Tensor) -> Tensor:
            result: Tensor = self.conv(x.detach())
            return result

    for kind, match in ((Same, "identity"), (Cut, "does not depend")):
        chain = Chain()
        chain.blocks[1] = kind(4, 4)
        with pytest.raises(ScoreFailed, match=match):
            trainability(chain, batches)
