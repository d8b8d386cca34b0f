"""NASNet: the space of 50 tokens, exact counts of NASNet-A, and equality with timm."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import timm
import torch
from timm.models.nasnet import NASNetALarge
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from netwright.arch.cells import COMBINERS, OPERATIONS, Cell
from netwright.arch.cost import cost
from netwright.arch.graph import Architecture
from netwright.arch.nasnet import Genotype, Macro, network
from netwright.arch.ops import Dropout, DropPath
from netwright.contracts import Space
from netwright.errors import TokenError, UnknownNameError, UsageError
from netwright.nn.build import build
from netwright.nn.seeding import seeded
from netwright.records import Tokens
from netwright.rng import stream
from netwright.spaces.nasnet import (
    NASNET_A,
    PUBLISHED,
    SEARCH,
    NASNetSpace,
    home,
    published,
)
from netwright.spaces.tokens import raw_size, sample
from netwright.testing import SpaceContract

PER_CELL = 2_286_906_949_584_691_200
SMALL = Macro(cells=1, filters=4, stem=6)
SMALL_IMAGENET = replace(SMALL, cells=2, filters=8, imagenet=True, skip_reduction_input=True)
COUNTS = {  # trainable parameters, MACs
    "nasnet_a_cifar": (3_346_538, 544_333_312),
    "nasnet_a_mobile": (5_289_978, 563_638_816),
    "nasnet_a_large": (88_753_150, 23_783_414_658),
    "nasnetalarge": (88_753_150, 23_783_414_658),
}


class TestNASNet(SpaceContract):
    samples = 12

    def make(self) -> Space:
        return NASNetSpace(macro=SMALL, resolution=8)


class TestNASNetWithJoinedStatesOfNASNetA(SpaceContract):
    samples = 12

    def make(self) -> Space:
        joined = (NASNET_A.normal.concat, NASNET_A.reduction.concat)
        return NASNetSpace(macro=SMALL, resolution=8, joined=joined)


def test_fifty_tokens_and_the_size_of_the_paper() -> None:
    space = NASNetSpace()
    sizes = [len(c.options) for c in space.choices]
    half = [n for b in range(5) for n in (b + 2, b + 2, 13, 13, 2)]
    assert sizes == half + half and len(sizes) == 50
    assert math.prod(half) == PER_CELL
    assert space.size == raw_size(space) == PER_CELL**2


def test_size_with_fixed_lists_counts_rows_that_reach_the_output() -> None:
    """Second derivation: all wirings of the reduction cell, one by one."""
    per_block = 13 * 13 * 2
    total = 0
    for row in range(math.prod((b + 2) ** 2 for b in range(5))):
        reads: list[set[int]] = []
        for b in range(5):
            row, left = divmod(row, b + 2)
            row, right = divmod(row, b + 2)
            reads.append({left, right})
        live = {6}
        for b in (4, 3, 2, 1, 0):
            live |= reads[b] if b + 2 in live else set()
        dead = [b for b in range(5) if b + 2 not in live]
        if all(reads[b] == {0} for b in dead):
            total += per_block ** (5 - len(dead))
    space = NASNetSpace(joined=((6,), (2, 3, 4, 5, 6)))
    assert space.size == total * PER_CELL


@pytest.mark.parametrize("name", COUNTS)
def test_counts_are_exact(name: str) -> None:
    found = cost(published(name))
    assert (found.params, found.macs) == COUNTS[name]


def test_counts_cover_what_is_published() -> None:
    assert COUNTS.keys() == PUBLISHED.keys()


def test_counts_beside_the_plain_networks() -> None:
    search = network(NASNET_A, SEARCH, image=(3, 32, 32), classes=10)
    assert cost(search).params == 1_294_698
    assert cost(search).macs == pytest.approx(232.2e6, abs=0.05e6)
    # Running means and variances of the batch norms, as the paper's 88.9M counts them.
    for name, buffers in (("nasnet_a_cifar", 37_248), ("nasnet_a_large", 196_668)):
        module = build(published(name), seed=0, device="meta")
        norms = [m for m in module.modules() if isinstance(m, nn.BatchNorm2d)]
        assert sum(2 * n.num_features for n in norms) == buffers


def test_auxiliary_head() -> None:
    arch = published("nasnet_a_cifar", aux=True)
    head = 384 * 128 + 256 + 4 * 4 * 128 * 768 + 1536 + 768 * 10 + 10  # 16 px, pooled to 4x4
    assert cost(arch).params == 3_346_538 + head
    small = network(NASNET_A, SMALL, image=(3, 16, 16), classes=5, aux=True)
    images = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    logits, auxiliary = build(small, seed=0)(images)
    assert logits.shape == auxiliary.shape == (2, 5)
    assert build(small, seed=0, aux=False)(images).shape == (2, 5)
    assert Architecture.from_json(small.to_json()) == small


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks_are_members_and_survive_json(name: str) -> None:
    arch, space = published(name), home(name)
    tokens = space.encode(arch)
    assert space.canonical(tokens) == tokens
    assert space.decode(tokens).id == arch.id
    again = Architecture.from_json(arch.to_json())
    assert again == arch and again.id == arch.id
    with pytest.raises(TokenError, match="no member"):
        NASNetSpace().encode(arch)


def test_nasnet_a_does_not_follow_the_papers_rule() -> None:
    assert NASNET_A.normal.unused == (2, 3, 4, 5, 6) != NASNET_A.normal.concat
    assert NASNET_A.reduction.unused == (4, 5, 6) != NASNET_A.reduction.concat
    shapes = {p.prefix: p.block.out_shape for p in published("nasnet_a_cifar").placed}
    assert shapes["cell_0"] == (6 * 32, 32, 32)
    assert shapes["reduction_cell_0"] == (4 * 64, 16, 16)
    assert shapes["cell_17"] == (768, 8, 8)


@pytest.mark.parametrize("name", PUBLISHED)
def test_forward_and_backward_at_native_size(
    name: str, runs_at_native_size: Callable[[Architecture], None]
) -> None:
    runs_at_native_size(published(name))


@pytest.mark.parametrize("macro", [SMALL, SMALL_IMAGENET])
@pytest.mark.parametrize("number", range(3))
def test_random_cells_train(macro: Macro, number: int) -> None:
    space = NASNetSpace(macro=macro, resolution=16 if macro is SMALL else 65)
    arch = space.decode(sample(space, stream(number, "test", "nasnet")))
    module = build(arch, seed=0)
    side = space.resolution
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    logits = module(images)
    logits.sum().backward()
    assert torch.isfinite(logits).all()
    assert all(p.grad is not None for p in module.parameters())
    assert sum(p.numel() for p in module.parameters()) == cost(arch).params
    with FlopCounterMode(display=False) as counter:
        build(arch, seed=0, device="meta").eval()(torch.empty(1, 3, side, side, device="meta"))
    assert counter.get_total_flops() == 2 * cost(arch).macs
    assert space.decode(space.encode(arch)).id == arch.id


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_keeps_and_halves(operation: str) -> None:
    for combiner in COMBINERS:
        sign = {"add": "+", "concat": ","}[combiner]
        text = f"{operation}(0){sign}{operation}(1) {operation}(2)+identity(2) > 3"
        cell = Cell.parse(text)
        assert str(cell) == text
        arch = network(Genotype(normal=cell, reduction=cell), SMALL, image=(3, 9, 9), classes=2)
        shapes = {p.prefix: p.block.out_shape for p in arch.placed}
        assert shapes["cell_0"] == (4, 9, 9) and shapes["reduction_cell_0"] == (8, 5, 5)


def test_a_block_that_does_not_reach_the_output_changes_nothing() -> None:
    space = NASNetSpace(macro=SMALL, resolution=8, joined=((6,), (6,)))
    row: list[int] = list(sample(NASNetSpace(), stream(0, "test", "dead")))
    row[20:22] = [0, 1]  # the last block of the normal cell reads the two inputs only
    short = space.canonical(tuple(row))
    assert short[:20] == (0,) * 20 and short[20:25] == tuple(row[20:25])
    assert space.decode(short).id == space.decode(tuple(row)).id


def test_drop_path_grows_with_the_place_and_spares_identities() -> None:
    arch = published("nasnet_a_cifar", drop_path=None)
    rates = {n.name.split(".")[0]: n.op.rate for n in arch if isinstance(n.op, DropPath)}
    assert len(rates) == 20
    assert rates["cell_0"] == pytest.approx(0.4 / 20)
    assert rates["reduction_cell_0"] == pytest.approx(0.4 * 7 / 20)
    assert rates["cell_17"] == pytest.approx(0.4)
    dropped = {n.name for n in arch if isinstance(n.op, DropPath) and "cell_3." in n.name}
    assert "cell_3.comb_iter_2_right.drop_path" not in dropped and len(dropped) == 8
    mobile = published("nasnet_a_mobile", dropout=None, drop_path=None)
    assert [n.op.rate for n in mobile if isinstance(n.op, Dropout)] == [0.5]
    assert not any(isinstance(n.op, DropPath) for n in mobile)
    large = published("nasnet_a_large", drop_path=None)
    stem = [n.op.rate for n in large if isinstance(n.op, DropPath) and "stem_0" in n.name]
    assert stem == [pytest.approx(0.3 / 22)] * len(stem) and len(stem) == 9


def grads_of(module: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, dict[str, Tensor]]:
    logits = module(images)
    torch.autograd.backward(logits.square().sum())
    grads = {n: p.grad for n, p in module.named_parameters() if p.grad is not None}
    return logits.detach(), grads


@pytest.mark.parametrize("side", [64, 75])
def test_timm_gives_the_same_logits_and_gradients(side: int) -> None:
    macro = replace(PUBLISHED["nasnetalarge"], filters=8, stem=8)
    arch = network(NASNET_A, macro, image=(3, side, side), classes=7)
    with seeded(3):
        theirs = NASNetALarge(num_classes=7, stem_size=8, num_features=192).double()
    ours = build(arch, seed=0, dtype=torch.float64, channels_last=False)
    assert set(ours.state_dict()) == set(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict(), strict=True)
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(3, 3, side, side, generator=generator, dtype=torch.float64)
    for train in (True, False):
        logits, grads = grads_of(ours.train(train), images)
        expected, expected_grads = grads_of(theirs.train(train), images)
        torch.testing.assert_close(logits, expected, rtol=1e-9, atol=1e-12)
        for key, grad in grads.items():
            torch.testing.assert_close(grad, expected_grads[key], rtol=1e-6, atol=1e-9)


def test_timms_full_size_has_our_names_and_shapes() -> None:
    with torch.device("meta"):
        theirs = timm.create_model("nasnetalarge")
    ours = build(published("nasnetalarge"), seed=0, device="meta")
    shapes = {k: v.shape for k, v in theirs.state_dict().items()}
    assert {k: v.shape for k, v in ours.state_dict().items()} == shapes


@pytest.mark.slow
def test_timms_full_size_gives_the_same_logits_and_gradients() -> None:
    """By the loss of one image in evaluation, with running statistics of a step of training."""
    with seeded(0):
        theirs = timm.create_model("nasnetalarge").train()
    ours = build(published("nasnetalarge", resolution=96), seed=0, channels_last=False)
    images = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        theirs(images)
    ours.load_state_dict(theirs.state_dict())
    logits, grads = grads_of(ours.eval(), images[:1])
    expected, expected_grads = grads_of(theirs.eval(), images[:1])
    torch.testing.assert_close(logits, expected)
    assert grads.keys() == expected_grads.keys()
    for key, grad in grads.items():  # they are small: each is measured by its own largest entry
        largest = float(expected_grads[key].abs().max())
        torch.testing.assert_close(grad, expected_grads[key], rtol=0, atol=1e-4 * largest)
        assert largest > 0


def test_mistakes_are_named() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'nasnet_a_mobile'"):
        published("nasnet_mobile")
    with pytest.raises(UsageError, match="joins states"):
        NASNetSpace(joined=((7,), (1,)))
    for text, message in (
        ("sep3x3(0) > 2", "is no block"),
        ("sep9x9(0)+sep3x3(1) > 2", "No operation"),
        ("sep3x3(0)+sep3x3(2) > 2", "may only read"),
        ("sep3x3(0)+sep3x3(1) > ", "must end in"),
        ("sep3x3(0)+sep3x3(1) > 5", "joins states"),
    ):
        with pytest.raises(UsageError, match=message):
            Cell.parse(text)


def test_encode_of_random_rows() -> None:
    space = NASNetSpace(macro=SMALL, resolution=8)
    rng = stream(1, "test", "nasnet")
    rows: list[Tokens] = [sample(space, rng) for _ in range(10)]
    assert [space.encode(space.decode(row)) for row in rows] == rows
