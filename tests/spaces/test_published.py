"""Listings of published networks: scaled, adapted, refused."""

from __future__ import annotations

import pytest

from netwright.arch.cost import cost
from netwright.arch.ops import Dropout, DropPath
from netwright.errors import UnknownNameError, UsageError
from netwright.spaces.efficientnet import PUBLISHED
from netwright.spaces.published import architecture, listed

B0 = PUBLISHED["efficientnet_b0"]


def test_as_published_where_nothing_is_said() -> None:
    arch = architecture(B0, name="b0")
    assert (arch.input_shape, arch.classes, arch.name) == ((3, 224, 224), 1000, "b0")
    assert cost(arch).params == 5_288_548
    assert not [n for n in arch.nodes if isinstance(n.op, Dropout | DropPath)]


def test_rates_as_published_where_asked_for() -> None:
    arch = architecture(B0, name="b0", dropout=None, drop_path=None)
    assert [n.op for n in arch.nodes if isinstance(n.op, Dropout)] == [Dropout(rate=0.2)]
    rates = [n.op.rate for n in arch.nodes if isinstance(n.op, DropPath)]
    assert len(rates) == 9  # the residual blocks of B0
    assert rates == sorted(rates)
    assert max(rates) < 0.2
    assert cost(arch) == cost(architecture(B0, name="b0"))


def test_images_and_classes_are_followed() -> None:
    arch = architecture(B0, name="b0", classes=5, resolution=64, channels=1)
    assert (arch.input_shape, arch.classes) == ((1, 64, 64), 5)


def test_what_makes_no_sense_is_one_sentence() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'efficientnet_b0'"):
        listed(PUBLISHED, "efficientnet-b0")
    with pytest.raises(UsageError, match="dropout is a rate"):
        architecture(B0, name="b0", dropout=1.0)
    with pytest.raises(UsageError, match="at least one class"):
        architecture(B0, name="b0", classes=0)
