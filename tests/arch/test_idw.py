"""The layer of ZenNAS and ZiCo against the same layer written in plain torch."""

from __future__ import annotations

import pytest
import torch

from netwright.arch.graph import Draft, chain
from netwright.arch.idw import idw_layer, round_to_8
from netwright.arch.ops import GlobalPool
from netwright.nn.build import build


@pytest.mark.parametrize("se", [False, True])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_layer_is_two_bottlenecks(stride: int, se: bool) -> None:
    block = idw_layer((8, 9, 9), 24, bottleneck=16, expand=2, kernel=5, stride=stride, se=se)
    pool = Draft("pool", block.out_shape)
    pool.add("pool", GlobalPool(), 0)
    model = build(chain((8, 9, 9), [("", block), ("", pool.block())]), seed=0).eval()
    part = model.get_submodule

    def bottleneck(at: str, x: torch.Tensor, project: bool) -> torch.Tensor:
        y = torch.relu(part(f"{at}.bn1")(part(f"{at}.conv_pw")(x)))
        y = torch.relu(part(f"{at}.bn2")(part(f"{at}.conv_dw")(y)))
        if se:
            gate = part(f"{at}.se.bn1")(part(f"{at}.se.reduce")(y.mean((2, 3), keepdim=True)))
            gate = part(f"{at}.se.bn2")(part(f"{at}.se.expand")(torch.relu(gate)))
            y = y * torch.sigmoid(gate)
        y = part(f"{at}.bn3")(part(f"{at}.conv_pwl")(y))
        side = part(f"{at}.proj_bn")(part(f"{at}.proj")(x)) if project else x
        return torch.relu(y + side)

    x = torch.randn(2, 8, 9, 9, generator=torch.Generator().manual_seed(0))
    y = bottleneck("b", bottleneck("a", x, True), True)
    torch.testing.assert_close(model(x), y.mean((2, 3)))
    widths = [model.state_dict()[f"{at}.conv_dw.weight"].shape[0] for at in "ab"]
    assert widths == [round_to_8(2 * 16), round_to_8(2 * 24)]
    assert part("a.proj").bias is not None


def test_projection_opens_a_super_block_even_where_shapes_agree() -> None:
    names = []
    for first in (True, False):
        block = idw_layer((8, 8, 8), 8, bottleneck=8, expand=1, kernel=3, first=first)
        names.append({n.name for n in block.nodes if "proj" in n.name})
    assert names == [{"a.proj", "a.proj_bn"}, set()]


def test_without_residual_nothing_is_added() -> None:
    block = idw_layer((8, 8, 8), 16, bottleneck=8, expand=1, kernel=3, residual=False, se=False)
    assert not any("proj" in n.name or n.op.kind == "add" for n in block.nodes)
