"""What operations say of themselves, and what they refuse to be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from netwright.arch.operation import Op, feature_map
from netwright.arch.ops import BatchNorm, Conv, Identity
from netwright.errors import ShapeError


def test_json_names_only_what_is_not_the_default() -> None:
    assert Conv(out=8, kernel=(1, 7), stride=2).to_json() == {
        "op": "conv", "out": 8, "kernel": [1, 7], "stride": 2,
    }  # fmt: skip
    assert BatchNorm().to_json() == {"op": "batch_norm"}


def test_a_key_is_equal_for_equal_operations() -> None:
    assert Conv(out=8).key == Conv(out=8).key != Conv(out=9).key
    assert Conv(out=8).key == '{"op": "conv", "out": 8}'
    op = Conv(out=8)
    assert op.key and op == Conv(out=8) and hash(op) == hash(Conv(out=8))


def test_numpy_integers_become_plain() -> None:
    made: Any = Conv(out=np.int64(8), kernel=(np.int32(3), np.int32(3)))  # type: ignore[arg-type]
    assert made.key == Conv(out=8, kernel=3).key and type(made.out) is int


def test_the_plainest_operation() -> None:
    op: Op = Identity()
    assert op.shape([(3, 4, 4)]) == (3, 4, 4)
    assert op.parameters([(3, 4, 4)]) == {} and op.macs([(3, 4, 4)]) == 0


def test_feature_maps_have_three_axes() -> None:
    assert feature_map(Identity(), (3, 4, 4)) == (3, 4, 4)
    with pytest.raises(ShapeError, match="identity needs a feature map"):
        feature_map(Identity(), (3,))
