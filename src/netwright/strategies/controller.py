"""The LSTM controller of NASNet: a policy over the tokens of any space (Zoph et al., CVPR 2018).

One layer of 100 units, all weights from U(-0.1, 0.1), one softmax per choice with as many entries
as the choice has options (appendix A.2).  Every step reads the embedding of the token before it;
the paper does not give its size, which is that of the state here.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor, nn

from netwright.records import Tokens
from netwright.rng import derive
from netwright.strategies.recurrence import Recurrence, open_gates, tilted

UNITS = 100
SPREAD = 0.1
_NEVER = -1e9  # logit of an option that a choice does not have


class Controller(nn.Module):
    """A distribution over rows of tokens, each token given those before it.

    Args:
        sizes: Number of options of every choice.
        seed: Of the weights; drawn from a generator of their own.
        units: Size of the state and of the embeddings.
        starts: How many beginnings a row can have; each is a policy of its own, of shared weights.
        device: Where it lives.
        dtype: Of the weights.  Single precision takes half the time, but its rounding depends on
            the processor and on how many rows are drawn at once, and now and then decides a
            choice; in double precision a search is the same elsewhere and after a resume.
    """

    absent: Tensor

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        seed: int,
        units: int = UNITS,
        starts: int = 1,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        self.sizes, self.units = tuple(sizes), units
        # The first rows start; then the options of all choices but the last: nothing follows it.
        self._places = tuple(accumulate(self.sizes[:-1], initial=starts))[: len(self.sizes)]
        rows = starts + sum(self.sizes[:-1])
        steps, widest = len(self.sizes), max(self.sizes)
        # Made without memory first, so that no weight is drawn from torch's own generator.
        embedding = nn.Embedding(rows, units, device="meta", dtype=dtype)
        lstm = nn.LSTM(units, units, batch_first=True, device="meta", dtype=dtype)
        self.embedding, self.lstm = embedding.to_empty(device=device), lstm.to_empty(device=device)
        self.head = nn.Parameter(torch.empty(steps, units, widest, device=device, dtype=dtype))
        self.bias = nn.Parameter(torch.empty(steps, 1, widest, device=device, dtype=dtype))
        absent = torch.zeros(steps, 1, widest, device=device, dtype=dtype)
        for step, size in enumerate(self.sizes):
            absent[step, 0, size:] = _NEVER
        self.register_buffer("absent", absent)
        generator = torch.Generator().manual_seed(derive(seed, "controller"))
        with torch.no_grad():
            for weight in self.parameters():
                drawn = torch.rand(weight.shape, generator=generator, dtype=torch.float64)
                weight.copy_((2 * drawn - 1) * SPREAD)

    def forward(self, rows: Tensor, starts: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Log-probability of every token given those before it, and the entropy of its softmax.

        Args:
            rows: Tokens (B, L).
            starts: How each row begins (B,); all with 0 where None.

        Returns:
            Two tensors (B, L), in nats.
        """
        places = torch.tensor(self._places[:-1], dtype=torch.long, device=rows.device)
        first = rows.new_zeros(len(rows)) if starts is None else starts
        before = torch.cat([first.unsqueeze(1), rows[:, :-1] + places], dim=1)
        states_lbh = Recurrence.apply(*self._table(), before.T)
        logits_lbk = torch.baddbmm(self.bias + self.absent, states_lbh, self.head)
        log_p = torch.log_softmax(logits_lbk, dim=-1).transpose(0, 1)
        entropy = -(log_p.exp() * log_p).sum(-1)
        return log_p.gather(-1, rows.unsqueeze(-1)).squeeze(-1), entropy

    @torch.no_grad()
    def sample(self, numbers: npt.NDArray[Any], starts: Tensor | None = None) -> list[Tokens]:
        """Rows drawn by inverting the distribution: the same numbers give the same rows.

        Args:
            numbers: From [0, 1), one per token: (B, L).
            starts: How each row begins (B,); all with 0 where None.
        """
        weight, (table, recurrent) = self.head, self._table()
        table, turned = tilted(table, dim=1), tilted(recurrent).T.contiguous()
        uniform = torch.as_tensor(numbers, dtype=weight.dtype, device=weight.device)
        thresholds = uniform.T.unsqueeze(-1)
        before = torch.zeros(len(uniform), dtype=torch.long) if starts is None else starts
        before = before.to(weight.device)
        state = cell = weight.new_zeros(len(uniform), self.units)
        steps = (self.sizes, self._places, thresholds, self.bias, weight)
        tokens = []
        for size, place, threshold, bias, head in zip(*steps, strict=True):
            i, f, g, o = open_gates(table.index_select(0, before).addmm_(state, turned))
            cell = torch.addcmul(f * cell, i, g)
            state = o * cell.tanh()
            p = torch.addmm(bias[:, :size], state, head[:, :size]).softmax(dim=1)
            above = p.cumsum(dim=1)[:, :-1]  # the last edge is 1, whatever the rounding
            tokens.append((threshold >= above).sum(dim=1))
            before = tokens[-1] + place
        drawn: list[list[int]] = torch.stack(tokens, dim=1).tolist()
        return [tuple(row) for row in drawn]

    def _table(self) -> tuple[Tensor, Tensor]:
        """What a previous token (1 + sum of sizes, 4H) and the state (4H, H) add to the gates."""
        into, recurrent, first, second = self.lstm.all_weights[0]
        return nn.functional.linear(self.embedding.weight, into, first + second), recurrent


def adam(policy: Controller, *, rate: float) -> torch.optim.Adam:
    """Adam on all weights, in one pass over each; step by step it would take four times as long.

    Args:
        policy: The controller.
        rate: Learning rate.
    """
    return torch.optim.Adam(policy.parameters(), lr=rate, fused=True)
