"""Limited spaces: nothing that breaks a limit is left, and nothing else is gone."""

from __future__ import annotations

from functools import cache

import pytest

from netwright import catalog
from netwright.arch.ops import Activation, Multiply
from netwright.contracts import Space
from netwright.errors import UnknownNameError, UsageError
from netwright.rng import stream
from netwright.spaces.limited import LimitedSpace, Limits, limited, limited_name
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.tokens import sample
from netwright.testing import SpaceContract

SPACES = ("mobile+lite", "mnasnet+lite", "efficientnet+lite", "mobile+lite+c16", "mnasnet+c8")


@cache
def _space(name: str) -> Space:
    return catalog.space(name, classes=10, resolution=32)


class TestLiteMobile(SpaceContract):
    def make(self) -> Space:
        return _space("mobile+lite+c16")


@pytest.mark.parametrize("name", SPACES)
def test_every_network_holds_to_the_limits(name: str) -> None:
    space = _space(name)
    assert isinstance(space, LimitedSpace) and space.name == name
    rng = stream(1, "test limited")
    for _ in range(40):
        arch = space.decode(sample(space, rng))
        ops = [node.op for node in arch.nodes]
        if "lite" in name:
            assert not any(isinstance(op, Multiply) for op in ops)
            assert {op.name for op in ops if isinstance(op, Activation)} == {"relu6"}
        if space.limits.channel_multiple > 1:
            norms = [n for n in arch.nodes if n.op.kind == "batch_norm"]
            assert norms and all(n.shape[0] % space.limits.channel_multiple == 0 for n in norms)


def test_mobile_without_se_loses_nothing_else() -> None:
    whole, left = MobileSpace(classes=10, resolution=32), _space("mobile+lite")
    assert {c.name for c in whole.choices} - {c.name for c in left.choices} == {"activation"}
    for one, other in zip(whole.choices, left.choices, strict=False):
        assert one.name == other.name
        assert other.options == (one.options[:1] if one.name.endswith("SE") else one.options)


def test_a_multiple_leaves_the_widths_that_are_one() -> None:
    widths = {c.name: c.options for c in _space("mobile+c16").choices if c.name.endswith("width")}
    assert widths["stem width"] == ("16", "32")
    assert widths["stage 2 width"] == ("16", "32", "48")
    assert len(widths["stage 6 width"]) == 8


def test_canonical_candidates_are_those_of_the_whole_space() -> None:
    space = _space("mobile+c16")
    assert isinstance(space, LimitedSpace)
    rng = stream(2, "test limited")
    for _ in range(30):
        row = sample(space, rng)
        assert space.canonical(row) == row
        assert space.decode(row) == space.space.decode(space._whole(row))


def test_limits_by_name() -> None:
    assert Limits.of(["c16", "lite"]) == Limits(lite=True, channel_multiple=16)
    plain = MobileSpace()
    assert limited(plain, []) is plain and limited(plain, ["c1"]) is plain
    assert limited_name("mnasnet", operations="lite", multiple=8) == "mnasnet+lite+c8"
    assert limited_name(None, operations=None, multiple=16) == "mobile+c16"
    assert limited_name(None, operations=None, multiple=None) is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nasbench201+lite", "The nasbench201 space cannot be limited to lite: .* is relu. The"),
        ("nasbench201+c32", "cannot be limited to c32: .* has 16 channels"),
        ("mobile+light", "No limit of a space is called 'light'. Did you mean 'lite'"),
        ("mobile+c0", "a multiple of 1 or more; 0 came"),
        ("moble+lite", "Did you mean 'mobile'"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(name: str, said: str) -> None:
    with pytest.raises((UnknownNameError, UsageError), match=said):
        _space(name)
