"""MadNAS and DeepMAD by hand, and their layers read off graphs."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from netwright import catalog
from netwright.arch.maxent import Layer, deepmad, layers_of, madnas
from netwright.spaces.nasbench201 import NASBench201Space

STEM = Layer(
    name="stem", inputs=3, groups=1, kernel=9, channels=16, positions=64, before=()
)  # fmt: skip
DEEP = Layer(
    name="deep", inputs=16, groups=16, kernel=25, channels=16, positions=16, before=("stem",)
)
SHORT = replace(DEEP, name="short", groups=1, kernel=1, channels=32)
LAST = replace(DEEP, name="last", groups=1, kernel=1, channels=40, before=("deep", "short"))
LAYERS = (STEM, DEEP, SHORT, LAST)
TO_STEM = math.log(math.sqrt(27))
TO_LAST = TO_STEM + math.log(5) + math.log(math.sqrt(16))  # past the 5x5: log 5 > log sqrt(16)


def test_by_hand() -> None:
    stages = [math.log(16) + TO_STEM, math.log(40) + TO_LAST]
    assert madnas(LAYERS) == pytest.approx(stages[0] + 6 * stages[1])
    assert madnas(LAYERS, weights=(1.0,)) == pytest.approx(stages[1])
    stages = [math.log(16 * 64) * TO_STEM, math.log(40 * 16) * TO_LAST]
    assert deepmad(LAYERS) == pytest.approx(stages[0] + 8 * stages[1])
    widths_alone = math.log(3) / 2 + math.log(16) / 2 * 2
    assert deepmad(LAYERS, kernel_power=0.0, weights=(1.0,)) == pytest.approx(
        math.log(40 * 16) * widths_alone
    )


@pytest.mark.parametrize("score", [madnas, deepmad])
def test_no_layer_is_refused(score: object) -> None:
    assert callable(score)
    with pytest.raises(ValueError, match="more than one position"):
        score([])


def test_layers_of_a_graph() -> None:
    layers = layers_of(catalog.architecture("mnasnet_b1", classes=10, resolution=64))
    assert len(layers) == 52  # all but the classifier
    assert layers[0].before == () and layers[-1].channels == 1280
    depthwise = [layer for layer in layers if layer.groups > 1]
    assert len(depthwise) == 17 and all(d.groups == d.inputs for d in depthwise)
    gated = layers_of(catalog.architecture("efficientnet_b0", classes=10, resolution=64))
    assert not [layer for layer in gated if ".se." in layer.name]


def test_dead_layers_do_not_count() -> None:
    space = NASBench201Space(cells=1)
    dropped = space.decode((3, 0, 0, 2, 0, 0))  # a 3x3 into a node that nothing reads
    alone = space.decode((0, 0, 0, 2, 0, 0))
    assert madnas(layers_of(dropped)) == madnas(layers_of(alone))
    assert len(layers_of(dropped)) == len(layers_of(alone))


def test_deeper_and_wider_is_more() -> None:
    small = layers_of(catalog.architecture("mnasnet_050", classes=10, resolution=64))
    large = layers_of(catalog.architecture("mnasnet_b1", classes=10, resolution=64))
    assert madnas(small) < madnas(large) and deepmad(small) < deepmad(large)
