"""Inside of blocks: what reads the stream, and which channels inside are kept."""

from __future__ import annotations

import pytest
import torch

from netwright.arch.staged import parse_stage
from netwright.nn.carry import Carry
from netwright.nn.inner import carry_block, ends_in, reads_stream
from nn.family import lively, staged

KINDS = {
    "cn": "cn_r1_k3_s1_c8",
    "ds": "ds_r1_k3_s1_c8",
    "er": "er_r1_k3_s1_e4_c8",
    "ir": "ir_r1_k3_s1_e4_c8",
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_norm_and_weight_of_a_block_is_carried(kind: str) -> None:
    """Only the running counts of batches, which are no parameters, may stay behind."""
    arch = staged((KINDS[kind],) * 2).architecture()
    assert parse_stage(KINDS[kind])[0].kind == kind
    state = lively(arch).state_dict()
    fresh = {name: torch.full_like(tensor, 99) for name, tensor in state.items()}
    carry = Carry(state, fresh)
    every = torch.arange(8)
    carry_block(carry, "blocks.1.0", "blocks.1.0", kind, into=every, out=every, eps=(1e-5, 1e-5))
    for name, tensor in fresh.items():
        if name.startswith("blocks.1.0."):
            assert torch.equal(tensor, state[name]), name
        else:
            assert (tensor == 99).all(), name
    assert f"blocks.1.0.{ends_in(kind)}.weight" in state


@pytest.mark.parametrize("kind", KINDS)
def test_a_channel_that_nothing_reads_counts_for_nothing(kind: str) -> None:
    arch = staged((KINDS[kind],) * 2).architecture()
    state = lively(arch).state_dict()
    first = {"cn": "conv", "ds": "conv_pw", "er": "conv_exp", "ir": "conv_pw"}[kind]
    state[f"blocks.1.0.{first}.weight"][:, 3] = 0
    reads = reads_stream(state, "blocks.1.0", kind)
    assert reads.shape == (8,) and (reads == 0).nonzero().flatten().tolist() == [3]


def test_channels_inside_are_kept_by_what_is_read_of_them() -> None:
    """The one that the projection leaves out, and the one that its norm shuts, go."""
    arch = staged(("ir_r1_k3_s1_e4_c8",) * 2).architecture()
    state = lively(arch).state_dict()
    state["blocks.1.0.conv_pwl.weight"][:, 4] = 0
    state["blocks.1.0.bn2.weight"][9] = 0
    small = staged(("ir_r1_k3_s1_e4_c8", "ir_r1_k3_s1_e3.75_c8")).architecture()
    carry = Carry(state, lively(small, 1).state_dict())
    every = torch.arange(8)
    carry_block(carry, "blocks.1.0", "blocks.1.0", "ir", into=every, out=every, eps=(1e-5, 1e-5))
    kept = [c for c in range(32) if c not in (4, 9)]
    for name, axis in (("conv_pw", 0), ("conv_dw", 0), ("conv_pwl", 1)):
        expected = state[f"blocks.1.0.{name}.weight"].index_select(axis, torch.tensor(kept))
        assert torch.equal(carry.target[f"blocks.1.0.{name}.weight"], expected), name
