"""Parts of networks: how they are cut, what is counted, which ones are the same."""

from __future__ import annotations

import pytest

from netwright import catalog
from netwright.arch.blocks import Style, classifier, mbconv
from netwright.arch.cost import cost
from netwright.arch.graph import Architecture, chain
from netwright.latency.parts import FEATURES, added, parts_of
from netwright.rng import stream
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.tokens import sample


def _features(arch: Architecture) -> dict[str, float]:
    return dict(zip(FEATURES, added(p.features for p in parts_of(arch)), strict=True))


def _key(block_shape: tuple[int, int, int], **changes: object) -> str:
    values: dict[str, object] = {"out": 24, "kernel": 3, "expand": 4, **changes}
    block = mbconv(block_shape, values.pop("out"), values.pop("kernel"), **values)
    return parts_of(chain(block_shape, [("", block)]))[0].key


@pytest.mark.parametrize("name", ["mnasnet_a1", "efficientnet_b0", "nasnet_a_mobile"])
def test_the_counts_of_the_parts_are_those_of_the_network(name: str) -> None:
    arch = catalog.architecture(name)
    found = _features(arch)
    assert found["dense_macs"] + found["depthwise_macs"] == cost(arch).macs
    assert found["weights"] <= cost(arch).params
    assert found["dense_macs_padded"] >= found["dense_macs"]


def test_a_chain_is_cut_into_its_blocks() -> None:
    arch = catalog.architecture("mnasnet_a1")
    parts = parts_of(arch)
    assert len(parts) == len(arch.placed)
    assert [n for p in parts for n in p.names] == [n.name for n in arch.nodes]
    for name in ("mnasnet_a1", "nasnet_a_mobile"):
        made = catalog.architecture(name)
        pairs = zip(parts_of(made), parts_of(made, named=False), strict=True)
        assert all((a.key, a.features) == (b.key, b.features) for a, b in pairs)


def test_cells_that_read_two_tensors_are_one_part() -> None:
    arch = catalog.architecture("nasnet_a_mobile")
    parts = parts_of(arch)
    assert 2 < len(parts) < len(arch.placed)
    names = [n for p in parts for n in p.names]
    assert len(set(names)) == len(names) and set(names) <= {n.name for n in arch.nodes}


def test_equal_work_has_one_key_wherever_it_stands() -> None:
    space = MobileSpace(classes=10, resolution=32)
    rng = stream(0, "keys")
    keys = [p.key for _ in range(40) for p in parts_of(space.decode(sample(space, rng)))]
    assert len(set(keys)) < len(keys)
    arch = catalog.architecture("mnasnet_b1")
    same = [p.key for p in parts_of(arch) if p.names[0].startswith("blocks.1.")]
    assert same[1] == same[2] != same[0]  # the first one narrows the map


def test_what_changes_the_time_changes_the_key() -> None:
    shape = (24, 28, 28)
    base = _key(shape)
    others = [
        _key((24, 14, 14)), _key(shape, kernel=5), _key(shape, expand=6), _key(shape, stride=2),
        _key(shape, se_ratio=0.25), _key(shape, skip=False), _key(shape, out=32),
        _key(shape, style=Style(activation="silu")),
    ]  # fmt: skip
    assert len({base, *others}) == len(others) + 1


def test_what_costs_nothing_does_not() -> None:
    shape = (24, 28, 28)
    assert _key(shape) == _key(shape, drop_path=0.2)
    assert _key(shape) == _key(shape, style=Style(bn_eps=1e-3))
    plain, dropped = (
        parts_of(chain(shape, [("", classifier(shape, 10, dropout=rate))]))[0] for rate in (0, 0.5)
    )
    assert plain.key == dropped.key and plain.features == dropped.features


def test_a_key_says_what_it_is() -> None:
    assert _key((24, 28, 28)).startswith("ir_k3_s1_e4_c24@24x28x28#")
