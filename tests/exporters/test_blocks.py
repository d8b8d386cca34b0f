"""Classes for blocks: shared where only numbers differ, apart where more does."""

from __future__ import annotations

from netwright.arch.blocks import mbconv
from netwright.exporters.blocks import block_classes


def test_numbers_that_differ_become_arguments_and_equal_ones_stay() -> None:
    one = mbconv((8, 16, 16), 16, 3, expand=4, stride=2)
    two = mbconv((16, 8, 8), 24, 5, expand=4, stride=2)
    (made,) = block_classes([one, two, one])
    assert made.name == "InvertedResidual"
    first = made.source.splitlines()[3]
    assert first == "    def __init__(self, channels, out_channels, conv_pw_out, kernel):"
    assert "stride=2, padding=kernel // 2, groups=conv_pw_out" in made.source
    assert made.arguments[one] == (
        "InvertedResidual(channels=8, out_channels=16, conv_pw_out=32, kernel=3)"
    )
    assert made.arguments[two].endswith("conv_pw_out=64, kernel=5)")


def test_a_skip_or_a_gate_makes_another_class() -> None:
    plain = mbconv((8, 16, 16), 16)
    skip = mbconv((8, 16, 16), 8)
    gated = mbconv((8, 16, 16), 16, se_ratio=0.25)
    made = block_classes([plain, skip, gated])
    assert [c.name for c in made] == ["InvertedResidual", "InvertedResidual2", "InvertedResidual3"]
    assert made[0].arguments[plain] == "InvertedResidual()"
    assert "return y + x" in made[1].source
    assert "torch.sigmoid(" in made[2].source
