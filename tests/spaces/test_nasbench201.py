"""NAS-Bench-201 against the benchmark's own tables, strings and isomorphism classes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cache
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from netwright.arch.blocks import classifier
from netwright.arch.cost import cost
from netwright.arch.graph import Architecture, chain
from netwright.contracts import Space
from netwright.errors import TokenError, UsageError
from netwright.nn.build import build
from netwright.records import Tokens
from netwright.rng import stream
from netwright.spaces import tokens as rows
from netwright.spaces.nasbench201 import (
    EDGES,
    OPERATIONS,
    NASBench201Space,
    from_string,
    to_string,
)
from netwright.testing import SpaceContract

TABLE = Path(__file__).parents[3] / "shared" / "data" / "nasbench201.parquet"
SPACE = NASBench201Space()
BEST = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
    "+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
)


@cache
def table() -> Mapping[str, Sequence[object]]:
    if not TABLE.exists():
        pytest.skip(f"needs {TABLE.name} of ../shared/data")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = ["arch_str", "ops", "iso_class", "c10_params_m", "c10_flops_m", "in16_params_m"]
    data: Mapping[str, Sequence[object]] = parquet.read_table(TABLE, columns=columns).to_pydict()
    return data


@cache
def cells() -> list[Tokens]:
    return [from_string(str(s)) for s in table()["arch_str"]]


def some(n: int = 12) -> list[Tokens]:
    rng = stream(0, "test", "nasbench201")
    return [tuple(rng.integers(5, size=6).tolist()) for _ in range(n)]


class TestNASBench201(SpaceContract):
    def make(self) -> Space:
        return NASBench201Space(cells=1, width=4, resolution=8)


def test_every_row_is_a_cell_and_its_string_comes_back() -> None:
    assert rows.raw_size(SPACE) == 15625
    assert from_string(BEST) == (3, 3, 3, 1, 3, 3) and to_string((3, 3, 3, 1, 3, 3)) == BEST
    for text in ("", BEST[1:], BEST.replace("3x3", "5x5"), BEST.replace("~2", "~1")):
        with pytest.raises(UsageError, match="no NAS-Bench-201 cell"):
            from_string(text)
    with pytest.raises(TokenError, match=r"edge 1 to 2"):
        SPACE.decode((0, 0, 7, 0, 0, 0))


@pytest.mark.data
def test_strings_and_digits_of_the_table_agree() -> None:
    for text, digits in zip(table()["arch_str"], table()["ops"], strict=True):
        assert to_string(tuple(map(int, str(digits)))) == text
    assert len(set(cells())) == 15625


def check_counts(step: int) -> None:
    params, flops = (table()[c][::step] for c in ("c10_params_m", "c10_flops_m"))
    for row, million, flops_m in zip(cells()[::step], params, flops, strict=True):
        here = cost(SPACE.decode(row))
        convs = row.count(2) + row.count(3)
        assert here.params == round(float(str(million)) * 1e6)
        assert here.params == 73306 + 28000 * row.count(2) + 243040 * row.count(3)
        beside = 160_832 + 430_080 * convs + 1_290_240 * row.count(4)  # norms, ReLUs, pools
        assert here.macs + beside == round(float(str(flops_m)) * 1e6)


@pytest.mark.data
def test_params_and_macs_of_every_97th_row() -> None:
    check_counts(97)


@pytest.mark.slow
@pytest.mark.data
def test_params_and_macs_of_every_row() -> None:
    check_counts(1)


@pytest.mark.data
def test_params_on_imagenet16() -> None:
    space = NASBench201Space(classes=120, resolution=16)
    for i in range(0, 15625, 1500):
        expected = round(float(str(table()["in16_params_m"][i])) * 1e6)
        assert cost(space.decode(cells()[i])).params == expected


def test_counts_are_those_of_torch() -> None:
    for row in some(2):
        arch = SPACE.decode(row)
        model = build(arch, seed=0, device="meta")
        with FlopCounterMode(display=False) as counter:
            model(torch.empty(1, 3, 32, 32, device="meta"))
        here = cost(arch)
        assert here.macs * 2 == counter.get_total_flops()
        assert here.params == sum(p.numel() for p in model.parameters())


def test_a_cell_computes_what_the_benchmark_says() -> None:
    """A second derivation: edge by edge on the built module's own layers."""
    row = from_string(
        "|nor_conv_1x1~0|+|skip_connect~0|avg_pool_3x3~1|+|nor_conv_3x3~0|none~1|skip_connect~2|"
    )
    model = build(_only_cell(row), seed=1).eval()
    x = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))

    def conv(edge: int) -> torch.Tensor:
        y: torch.Tensor = torch.relu(x)
        for part in (1, 2):
            y = model.get_submodule(f"layers.{edge}.op.{part}")(y)
        return y

    pool = torch.nn.AvgPool2d(3, 1, 1, count_include_pad=False)
    expected = conv(3) + (x + pool(conv(0)))
    logits = model.get_submodule("classifier")(expected.mean((2, 3)))
    assert torch.allclose(model(x), logits, atol=1e-6)


def _only_cell(row: Tokens) -> Architecture:
    placed = NASBench201Space(cells=1, width=4, resolution=8).decode(row).placed
    block = next(p.block for p in placed if p.block.label.startswith("|"))
    return chain((4, 8, 8), [("", block), ("", classifier(block.out_shape, 10))])


def test_small_networks_train_and_survive_json() -> None:
    for row in [*some(6), (0,) * 6, (2, 2, 2, 2, 2, 2)]:
        arch = NASBench201Space(cells=1, width=4, resolution=8).decode(row)
        again = Architecture.from_json(arch.to_json())
        assert again == arch and again.id == arch.id
        model = build(arch, seed=0)
        model(torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))).sum().backward()
        assert model.get_submodule("classifier").weight.grad is not None


def test_encode_gives_tokens_of_the_same_network() -> None:
    for row in some():
        arch = SPACE.decode(row)
        assert SPACE.decode(SPACE.encode(arch)).id == arch.id
    with pytest.raises(TokenError, match="32 px"):
        SPACE.encode(NASBench201Space(classes=100).decode(some(1)[0]))
    with pytest.raises(UsageError, match="multiple of 4"):
        NASBench201Space(resolution=30)


def test_canonical_zeroes_what_changes_nothing() -> None:
    assert SPACE.canonical((3, 0, 0, 1, 0, 0)) == (0, 0, 0, 1, 0, 0)  # nobody reads node 1
    assert SPACE.canonical((0, 0, 1, 2, 4, 1)) == (0, 0, 0, 2, 0, 0)  # zeros carried on
    assert SPACE.canonical((0, 0, 3, 2, 0, 1)) == (0, 0, 3, 2, 0, 1)  # convolved zeros: a bias
    small = NASBench201Space(cells=1, width=4, resolution=4)
    for row in some(40):
        short = SPACE.canonical(row)
        assert SPACE.canonical(short) == short
        assert small.decode(short).id == small.decode(row).id
        assert all(a in (b, 0) for a, b in zip(short, row, strict=True))


def word(row: Tokens) -> str:
    """The benchmark's expression of a cell; equal words make an isomorphism class."""
    nodes = ["0"]
    for node in (1, 2, 3):
        terms = []
        for token, (i, j) in zip(row, EDGES, strict=True):
            if j == node:
                op, x = OPERATIONS[token], nodes[i]
                zero = op == "none" or x == "#"
                terms.append("#" if zero else x if op == "skip_connect" else f"({x})@{op}")
        nodes.append("+".join(sorted(terms)))
    return nodes[3]


def expression(row: Tokens, labels: Mapping[int, int]) -> Hashable:
    """What a cell computes: a multiset of terms; ``labels`` tells convolutions apart, by edge."""
    nodes: list[Counter[Hashable]] = [Counter({"x": 1})]
    for node in (1, 2, 3):
        total: Counter[Hashable] = Counter()
        for edge, (token, (i, j)) in enumerate(zip(row, EDGES, strict=True)):
            if j != node or token == 0:
                continue
            value = frozenset(nodes[i].items())
            if token == 1:
                total += nodes[i]
            elif token == 4:
                total[("pool", value)] += 1 if value else 0
            else:
                kernel = token if value else 0  # of zeros only the norm's bias is left
                total[("conv", kernel, value, labels.get(edge, 0))] += 1
        nodes.append(Counter({k: n for k, n in total.items() if n}))
    return frozenset(nodes[3].items())


def printed(value: object) -> str:
    if isinstance(value, frozenset):
        return "{" + ",".join(sorted(map(printed, value))) + "}"
    if isinstance(value, tuple):
        return "(" + ",".join(map(printed, value)) + ")"
    return str(value)


def layers_by_kind(row: Tokens) -> list[list[int]]:
    """Edges with a convolution, those that ``expression`` writes with one kernel together."""
    reached, kinds = [True], defaultdict[int, list[int]](list)
    for node in (1, 2, 3):
        into = [
            (e, t, i) for e, (t, (i, j)) in enumerate(zip(row, EDGES, strict=True)) if j == node
        ]
        for edge, token, source in into:
            if token in (2, 3):
                kinds[token if reached[source] else 0].append(edge)
        reached.append(any(t in (2, 3) or (t in (1, 4) and reached[i]) for _, t, i in into))
    return list(kinds.values())


def shared_form(row: Tokens) -> str:
    """The expression up to renaming the layers: the smallest over every naming, by brute force."""
    row = SPACE.canonical(row)
    edges = layers_by_kind(row)
    flat = [edge for same in edges for edge in same]
    namings = product(*(permutations(range(len(same))) for same in edges))
    return min(
        printed(expression(row, dict(zip(flat, (n for p in naming for n in p), strict=True))))
        for naming in namings
    )


def groups(keys: Iterable[Hashable], values: Iterable[Hashable]) -> dict[Hashable, set[Hashable]]:
    found: dict[Hashable, set[Hashable]] = defaultdict(set)
    for key, value in zip(keys, values, strict=True):
        found[key].add(value)
    return found


def test_ids_are_the_networks_that_differ() -> None:
    """On a sample: the id is the same exactly where the brute-force form is."""
    rng = np.random.Generator(np.random.Philox(3))
    base = [tuple(rng.integers(5, size=6).tolist()) for _ in range(250)]
    swapped = [(t[1], t[0], t[2], t[3], t[5], t[4]) for t in base if t[2] == 0]
    both = base + swapped
    ids, forms = [_only_cell(t).id for t in both], [shared_form(t) for t in both]
    assert len(set(ids)) == len(set(forms)) == len(set(zip(ids, forms, strict=True)))
    assert len(set(ids)) < len(set(base))


@pytest.mark.slow
@pytest.mark.data
def test_ids_and_isomorphism_classes_over_the_whole_space() -> None:
    every = cells()
    iso = list(table()["iso_class"])
    words = [word(t) for t in every]
    assert len(set(words)) == len(set(iso)) == len(set(zip(words, iso, strict=True))) == 6466
    ids = [_only_cell(t).id for t in every]
    forms = [shared_form(t) for t in every]
    assert len(set(ids)) == len(set(forms)) == len(set(zip(ids, forms, strict=True))) == 5485
    trees = [printed(expression(SPACE.canonical(t), {})) for t in every]
    # Reasons 1 to 3: what an id merges has one expression once sums are flat and zeros gone.
    assert all(len(t) == 1 for t in groups(ids, trees).values())
    # Reasons 3 and 4: a class that ids split has a convolved zero, or one tree and other sharing.
    convolved_zero = {i: "(conv,0," in t for i, t in zip(ids, trees, strict=True)}
    tree_of = dict(zip(ids, trees, strict=True))
    merged = sum(len(c) > 1 for c in groups(ids, iso).values())
    split = [i for i in groups(iso, ids).values() if len(i) > 1]
    for found in split:
        plain = {tree_of[str(i)] for i in found if not convolved_zero[str(i)]}
        assert len(plain) <= 1
    assert (merged, len(split)) == (759, 523)


@pytest.mark.slow
def test_one_cell_tells_networks_apart_as_the_whole_skeleton_does() -> None:
    sample = [(*t, 0)[:6] for t in some(150)]
    whole = [NASBench201Space().decode(t).id for t in sample]
    alone = [_only_cell(t).id for t in sample]
    assert len(set(whole)) == len(set(alone)) == len(set(zip(whole, alone, strict=True)))
