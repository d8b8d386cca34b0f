"""An LSTM read along rows that are known beforehand, with its gradient written out.

When log-probabilities of given tokens are wanted, what every token adds to the gates is looked up
in one table, and the gradient of the recurrent weights is one product over all steps at the end;
two small products per step are left, one in each direction (Hochreiter & Schmidhuber, 1997; gates
in torch's order).  A batch of 20 is so little arithmetic that the number of calls counts as well:
the tangent is taken as ``2 sigmoid(2 x) - 1``, so that one call opens all gates.  The library's
LSTM has its fast path for single precision alone.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def tilted(weight: Tensor, *, dim: int = 0) -> Tensor:
    """A copy of what adds to the gates, twice as large for the cell gate: see ``open_gates``.

    Args:
        weight: With the four gates side by side along ``dim``.
        dim: Where.
    """
    units = weight.shape[dim] // 4
    copy = weight.clone()
    copy.narrow(dim, 2 * units, units).mul_(2)
    return copy


def open_gates(values: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Input, forget, cell and output gate (B, H) of a batch.

    Args:
        values: All four side by side (B, 4H), before their functions and :func:`tilted`;
            overwritten.
    """
    i, f, g, o = values.sigmoid_().chunk(4, dim=-1)
    return i, f, g.mul_(2).sub_(1), o


class Recurrence(torch.autograd.Function):
    """States (L, B, H) of an LSTM that starts from zeros.

    Args of ``apply``:
        table: What every token adds to the gates (K, 4H).
        recurrent: What the state adds to the gates (4H, H).
        rows: Row of the table that is read at each step (L, B).
    """

    @staticmethod
    def forward(ctx: Any, table: Tensor, recurrent: Tensor, rows: Tensor) -> Tensor:
        """Read along; keep the gates, cells and states of every step."""
        (length, batch), (width, units) = rows.shape, recurrent.shape
        gates = tilted(table, dim=1).index_select(0, rows.reshape(-1)).view(length, batch, width)
        states = gates.new_zeros(length + 1, batch, units)
        cells, bent = torch.zeros_like(states), torch.empty_like(states[1:])
        turned = tilted(recurrent).T.contiguous()
        before, cell_before = states[0], cells[0]
        kept = (gates, states[1:], cells[1:], bent)
        for gate, state, cell, tanh in zip(*(x.unbind() for x in kept), strict=True):
            i, f, g, o = open_gates(gate.addmm_(before, turned))
            torch.mul(f, cell_before, out=cell).addcmul_(i, g)
            torch.mul(o, torch.tanh(cell, out=tanh), out=state)
            before, cell_before = state, cell
        ctx.save_for_backward(rows, recurrent, gates, states, cells, bent)
        ctx.tokens = len(table)
        return states[1:]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        """The gradients of the table and of the recurrent weights.

        Args:
            ctx: What ``forward`` kept.
            grad: Of the states (L, B, H).
        """
        rows, recurrent, gates, states, cells, bent = ctx.saved_tensors
        length, batch, width = gates.shape
        units = width // 4
        i, f, g, o = gates.chunk(4, dim=2)
        # Slope of the cell in i, f and g, and of the state in o, before their functions; then
        # the gradient of the same once multiplied by that of the cell or the state.
        slopes = torch.addcmul(gates, gates, gates, value=-1)  # of a sigmoid; g is none
        into_i, into_f, into_g, into_o = slopes.chunk(4, dim=2)
        into_i.mul_(g)
        into_f.mul_(cells[:-1])
        torch.addcmul(i, torch.mul(g, g, out=into_g), i, value=-1, out=into_g)
        into_o.mul_(bent)
        into_cell = torch.addcmul(o, bent * bent, o, value=-1)
        from_cell, slope_after = torch.zeros_like(states[0]), None
        cell_slopes = slopes.view(length, batch, 4, units)[:, :, :3]
        kept = (grad, slopes, cell_slopes, f, into_cell)
        steps = list(zip(*(x.unbind() for x in kept), strict=True))
        for state, slope, cell_slope, forget, into in reversed(steps):
            if slope_after is not None:
                state = torch.addmm(state, slope_after, recurrent)
            from_cell.addcmul_(state, into)
            cell_slope.mul_(from_cell.unsqueeze(1))
            slope[:, 3 * units :].mul_(state)
            from_cell.mul_(forget)
            slope_after = slope
        flat = slopes.view(-1, width)
        entries = slopes.new_zeros(ctx.tokens, width).index_add_(0, rows.reshape(-1), flat)
        return entries, (states[:-1].reshape(-1, units).T @ flat).T, None
