"""The LSTM over known rows: the library's values, and gradients that are the numerical ones."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from netwright.rng import stream
from netwright.strategies.recurrence import Recurrence, open_gates, tilted

LENGTH, BATCH, UNITS, TOKENS = 6, 4, 5, 7


def drawn(*shape: int) -> Tensor:
    return torch.from_numpy(stream(sum(shape), "recurrence").normal(size=shape))


def read(table: Tensor, recurrent: Tensor, rows: Tensor) -> Tensor:
    states = Recurrence.apply(table, recurrent, rows)
    assert isinstance(states, Tensor)
    return states


def made() -> tuple[Tensor, Tensor, Tensor]:
    rows = torch.from_numpy(stream(0, "rows").integers(TOKENS, size=(LENGTH, BATCH)))
    table, recurrent = drawn(TOKENS, 4 * UNITS), drawn(4 * UNITS, UNITS)
    return table.requires_grad_(), recurrent.requires_grad_(), rows


def test_states_and_gradients_are_those_of_the_library() -> None:
    table, recurrent, rows = made()
    ours = read(table, recurrent, rows)
    lstm = nn.LSTM(4 * UNITS, UNITS, bias=False, dtype=torch.float64, device="meta")
    lstm = lstm.to_empty(device="cpu")
    into, onward = lstm.all_weights[0]
    with torch.no_grad():
        into.copy_(torch.eye(4 * UNITS))
        onward.copy_(recurrent)
    theirs_table = table.detach().clone().requires_grad_()
    theirs = lstm(theirs_table[rows])[0]
    assert torch.allclose(ours, theirs, atol=1e-12)
    weight = drawn(LENGTH, BATCH, UNITS)
    (ours * weight).sum().backward()  # type: ignore[no-untyped-call]
    (theirs * weight).sum().backward()
    assert table.grad is not None and theirs_table.grad is not None
    assert torch.allclose(table.grad, theirs_table.grad, atol=1e-12)
    assert recurrent.grad is not None and onward.grad is not None
    assert torch.allclose(recurrent.grad, onward.grad, atol=1e-12)


def test_gradients_are_the_numerical_ones() -> None:
    table, recurrent, rows = made()
    assert torch.autograd.gradcheck(lambda a, b: read(a, b, rows), (table, recurrent), atol=1e-7)


def test_a_gradient_can_be_taken_twice_from_one_pass() -> None:
    """What the pass kept is not overwritten."""
    table, recurrent, rows = made()
    total = read(table, recurrent, rows).square().sum()
    first = torch.autograd.grad(total, table, retain_graph=True)[0]
    assert torch.equal(torch.autograd.grad(total, table)[0], first)


def test_gates_are_sigmoids_and_one_tangent() -> None:
    values = drawn(3, 8)
    i, f, g, o = open_gates(tilted(values, dim=1))
    assert torch.allclose(torch.cat([i, f, o], dim=1), values[:, [0, 1, 2, 3, 6, 7]].sigmoid())
    assert torch.allclose(g, values[:, 4:6].tanh())
