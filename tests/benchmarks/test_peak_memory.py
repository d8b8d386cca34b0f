"""The benchmark of peak memory: its networks, and what it says of one."""

from __future__ import annotations

import peak_memory
from netwright import catalog


def test_every_space_is_drawn_from() -> None:
    names = [name.split()[0] for name, _ in peak_memory.networks(1)]
    assert names == list(catalog.SPACES)


def test_a_network_is_compared_with_its_prediction() -> None:
    found = dict(peak_memory.networks(1))["mobile 0"]
    row = peak_memory.compare(found, device="cpu")
    assert row["bytes"] > 0 and row["frugal"] == 1 and row["plain"] > 1
