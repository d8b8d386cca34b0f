"""Inheritance: exact where it can be, unchanged by what changes nothing, and counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from netwright.arch.graph import Architecture
from netwright.arch.staged import Staged
from netwright.errors import UsageError
from netwright.nn.ancestors import Ancestor
from netwright.nn.build import build
from netwright.nn.pretrained import Inherited, inherit
from netwright.spaces import nasbench201
from netwright.spaces.mobile import MobileSpace
from netwright.spaces.tokens import first_row
from nn.family import RELU6, STAGES, each, images, lively, parent, staged

SMALL = staged()


def logits(arch: Architecture, source: Ancestor, x: Tensor) -> tuple[Tensor, Inherited]:
    module = build(arch, seed=5)
    told = inherit(module, source, arch=arch)
    with torch.inference_mode():
        return module.eval()(x), told


def expected(source: Ancestor, x: Tensor) -> Tensor:
    module = build(source.arch, seed=0)
    module.load_state_dict(source.state)
    with torch.inference_mode():
        found: Tensor = module.eval()(x)
    return found


def test_the_same_architecture_gets_every_tensor() -> None:
    source = parent(SMALL)
    module = build(source.arch, seed=5)
    told = inherit(module, source, arch=source.arch)
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, source.state[name]), name
    assert told.share == 1 and told.inherited == sum(p.numel() for p in module.parameters())
    assert [(p.name, p.source) for p in told.parts[:2]] == [("stem", "stem"), ("blocks.0",) * 2]
    assert str(told) == "100% of the parameters come from parent"
    assert json.loads(json.dumps(told.to_dict()))["share"] == 1


GROWN: dict[str, Callable[[Staged], Staged]] = {
    "wider inside": lambda s: each(s, lambda x: replace(x, expand=x.expand * 1.5)),
    "wider": lambda s: each(s, lambda x: replace(x, out=x.out + 4)),
    "wider ends": lambda s: replace(s, head=replace(s.head, out=48), stem=replace(s.stem, out=12)),
    "larger kernels": lambda s: each(s, lambda x: replace(x, kernel=x.kernel + 2)),
    "new SE": lambda s: each(s, lambda x: replace(x, se_ratio=0.25)),
    "deeper": lambda s: replace(
        s, stages=tuple((*ls, *[replace(ls[-1], stride=1)] * 2) for ls in s.stages)
    ),
    "another epsilon": lambda s: each(
        s, lambda x: replace(x, style=replace(x.style, bn_eps=1e-3))
    ),
}  # fmt: skip


def _grown(name: str, small: Staged) -> Staged:
    if name != "wider inside":
        return GROWN[name](small)
    return replace(
        small,
        stages=tuple(
            tuple(replace(x, expand=x.expand * 1.5) if x.kind == "ir" else x for x in layers)
            for layers in small.stages
        ),
    )


@pytest.mark.parametrize("name", GROWN)
def test_what_is_grown_answers_as_before(name: str) -> None:
    source, x = parent(SMALL), images()
    arch = _grown(name, SMALL).architecture()
    came, told = logits(arch, source, x)
    torch.testing.assert_close(came, expected(source, x), rtol=1e-5, atol=1e-5)
    params = sum(p.numel() for p in build(arch, seed=0, device="meta").parameters())
    assert told.params == params
    assert told.share == 1 if name == "another epsilon" else 0.3 < told.share < 1


def test_blocks_that_add_nothing_can_go() -> None:
    source, x = parent(SMALL), images()
    state = {name: tensor.clone() for name, tensor in source.state.items()}
    for at in ("blocks.2.2", "blocks.3.1"):
        state[f"{at}.bn3.weight"].zero_()
        state[f"{at}.bn3.bias"].zero_()
    idle = replace(source, state=state)
    stages = (*SMALL.stages[:2], SMALL.stages[2][:2], SMALL.stages[3][:1])
    came, told = logits(replace(SMALL, stages=stages).architecture(), idle, x)
    torch.testing.assert_close(came, expected(idle, x))
    assert told.share == 1


def _without(state: dict[str, Tensor], norm: str, channels: list[int]) -> None:
    """Close channels behind a norm: nothing comes out of them."""
    state[f"{norm}.weight"][channels] = 0
    state[f"{norm}.bias"][channels] = 0


def test_channels_that_carry_nothing_can_go() -> None:
    """Streams, insides and head lose their dead channels; the answer stays."""
    source, x = parent(SMALL), images()
    state = {name: tensor.clone() for name, tensor in source.state.items()}
    for j in range(3):
        _without(state, f"blocks.2.{j}.bn3", [1, 5, 6, 11])
        _without(state, f"blocks.2.{j}.bn2", [0, 20, 40, 60] if j else [0, 20, 40])
    for j in range(2):  # the stream of the last stage is that of the third: a residual ties them
        _without(state, f"blocks.3.{j}.bn3", [1, 5, 6, 11])
    _without(state, "bn2", [0, 31])
    _without(state, "bn1", [2])
    _without(state, "blocks.0.0.bn1", [2])  # which reads them one by one, and adds a shift
    idle = replace(source, state=state)
    narrow = staged(
        ("ds_r1_k3_s1_c6", STAGES[1], "ir_r3_k5_s2_e4_c16", "ir_r2_k3_s1_e5_c16"), RELU6
    )
    narrow = replace(narrow, head=replace(narrow.head, out=30), stem=replace(narrow.stem, out=7))
    # Inside, 48 channels of the third stage's first layer were there, and 80 of the others.
    first, *rest = narrow.stages[2]
    third = (replace(first, expand=45 / 12), *[replace(x, expand=76 / 16) for x in rest])
    narrow = replace(narrow, stages=(*narrow.stages[:2], third, narrow.stages[3]))
    came, told = logits(narrow.architecture(), idle, x)
    torch.testing.assert_close(came, expected(idle, x), rtol=1e-5, atol=1e-5)
    assert told.share == 1


def test_a_stream_is_read_and_written_by_one_choice_of_channels() -> None:
    """The third and the fourth stage share a stream; so do all blocks in them."""
    source = parent(SMALL)
    narrow = each(SMALL, lambda x: replace(x, out=x.out - 4))
    module = build(narrow.architecture(), seed=5)
    inherit(module, source, arch=narrow.architecture())
    ours, theirs = module.state_dict(), source.state
    picks = set()
    for at in ("blocks.2.0", "blocks.2.2", "blocks.3.0", "blocks.3.1"):
        means, every = ours[f"{at}.bn3.running_mean"], theirs[f"{at}.bn3.running_mean"]
        picks.add(tuple((every == m).nonzero().item() for m in means))
    assert len(picks) == 1
    chosen = torch.tensor(picks.pop())
    head = theirs["conv_head.weight"][:, chosen]
    assert torch.equal(ours["conv_head.weight"], head)


def test_a_gate_that_is_gone_is_replaced_by_what_it_was_at_rest() -> None:
    gated = staged(tuple(f"{text}_se0.25" for text in STAGES))
    source, x = parent(gated), images()
    state = {name: tensor.clone() for name, tensor in source.state.items()}
    for name, tensor in state.items():
        if "se.conv_expand" in name:
            generator = torch.Generator().manual_seed(len(name))
            tensor.uniform_(-2, 2, generator=generator) if "bias" in name else tensor.zero_()
    rested = replace(source, state=state)
    came, _ = logits(SMALL.architecture(), rested, x)
    torch.testing.assert_close(came, expected(rested, x), rtol=1e-5, atol=1e-5)
    same, told = logits(gated.architecture(), source, x)
    assert torch.equal(same, expected(source, x)) and told.share == 1
    wider = each(gated, lambda layer: replace(layer, se_ratio=0.5)).architecture()
    torch.testing.assert_close(logits(wider, source, x)[0], same, rtol=1e-5, atol=1e-5)


def test_a_kernel_is_cropped_about_its_centre() -> None:
    source = parent(SMALL)
    arch = each(SMALL, lambda x: replace(x, kernel=3)).architecture()
    module = build(arch, seed=5)
    inherit(module, source, arch=arch)
    ours = module.state_dict()["blocks.2.1.conv_dw.weight"]
    assert torch.equal(ours, source.state["blocks.2.1.conv_dw.weight"][:, :, 1:4, 1:4])


def test_grey_images_are_seen_as_grey_colours() -> None:
    source, x = parent(SMALL), images(channels=1)
    arch = replace(SMALL, input_shape=(1, 32, 32)).architecture()
    torch.testing.assert_close(
        logits(arch, source, x)[0], expected(source, x.expand(-1, 3, -1, -1))
    )


def test_the_classifier_comes_along_for_the_same_classes_alone() -> None:
    source = replace(parent(SMALL), classes=tuple("abcdefg"))
    arch = source.arch
    for classes, taken in ((None, True), ("abcdefg", True), ("gfedcba", False)):
        module = build(arch, seed=5)
        told = inherit(module, source, arch=arch, classes=classes)
        assert bool(told.parts[-1].inherited) == taken
    other = replace(SMALL, classes=3).architecture()
    told = inherit(build(other, seed=5), source, arch=other)
    assert told.parts[-1].source is None and told.parts[-2].inherited == 32 * 20 + 64
    assert str(told).endswith("come from parent; fresh: classifier")


def test_a_stage_without_a_like_is_fresh_and_so_is_what_reads_it() -> None:
    source = parent(SMALL)
    arch = staged((STAGES[0], "er_r2_k3_s2_e4_c12", *STAGES[2:])).architecture()
    module = build(arch, seed=5)
    told = inherit(module, source, arch=arch)
    assert [p.source for p in told.parts[1:5]] == ["blocks.0", None, "blocks.2", "blocks.3"]
    fresh = build(arch, seed=5).state_dict()
    for name, tensor in module.state_dict().items():
        if name.startswith(("blocks.1.", "blocks.2.0.")):
            assert torch.equal(tensor, fresh[name]), name


def test_networks_of_the_mobile_space_inherit_from_each_other() -> None:
    space = MobileSpace(classes=10, resolution=32)
    large = space.decode(tuple(len(c.options) - 1 for c in space.choices))
    little = list(first_row(space))
    little[3::5] = [3] * len(little[3::5])  # expansion 6: the same kind of stage
    source = Ancestor(name="large", arch=large, state=lively(large).state_dict())
    told = inherit(build(large, seed=1), source, arch=large)
    assert told.share == 1


def test_what_is_no_relative_is_refused_in_a_sentence() -> None:
    source = parent(SMALL)
    cell = nasbench201.NASBench201Space().decode((0,) * 6)
    with pytest.raises(UsageError, match="cannot be read as stages"):
        inherit(build(cell, seed=0), source, arch=cell)
    other = staged(("er_r1_k3_s2_e4_c12", "cn_r1_k3_s2_c20")).architecture()
    with pytest.raises(UsageError, match=r"No stage of parent has a like in small; inherit from"):
        inherit(build(other, seed=0), source, arch=other)
