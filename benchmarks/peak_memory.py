"""Peak activation memory: what the graph predicts against bytes counted while networks run.

Random networks of every space are run in torch as an inference runtime runs them, and as plain
torch does.  Run ``python benchmarks/peak_memory.py``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch

import netwright as nw
import record
from netwright import catalog
from netwright.nn.memory import measured_peak_bytes
from netwright.rng import stream
from netwright.spaces.tokens import sample

WITHIN = 0.1
_SIDES = {"nasnet": 32, "nasbench201": 32, "zico": 64}  # the others are for 96 px


def networks(each: int) -> list[tuple[str, nw.Architecture]]:
    """Random networks of every space."""
    found = []
    for name in catalog.SPACES:
        space = nw.space(name, classes=10, resolution=_SIDES.get(name, 96))
        for number in range(each):
            tokens = sample(space, stream(0, "peak memory", name, number))
            found.append((f"{name} {number}", space.decode(tokens)))
    return found


def compare(arch: nw.Architecture, *, device: str) -> dict[str, float]:
    """Predicted bytes, and measured ones as shares of them."""
    predicted = nw.cost(arch).peak_activation_bytes
    module = nw.build(arch, seed=0, device=device, aux=False)
    found = {
        way: measured_peak_bytes(module, arch.input_shape, device=device, frugal=frugal)
        for way, frugal in (("frugal", True), ("plain", False))
    }
    return {"bytes": predicted, **{way: value / predicted for way, value in found.items()}}


def main() -> None:
    """Measure and write the record."""
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    options.add_argument("--each", type=int, default=3, help="networks of each space")
    options.add_argument("--device", default="cpu")
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    torch.set_num_threads(1)
    rows: dict[str, dict[str, Any]] = {
        name: compare(arch, device=given.device) for name, arch in networks(given.each)
    }
    within = {
        way: sum(abs(row[way] - 1) <= WITHIN for row in rows.values())
        for way in ("frugal", "plain")
    }
    record.write(
        __file__,
        claim=f"Peak activation memory is predicted within 10 % for {within['frugal']} of "
        f"{len(rows)} random networks of all spaces, run as an inference runtime runs them.",
        seeds=[0],
        results={
            "measured over predicted": record.measured(
                [row["frugal"] for row in rows.values()], "times", headline=True
            ),
            "within 10 %": record.measured([within["frugal"]], f"of {len(rows)} networks"),
            "plain torch over predicted": record.measured(
                [row["plain"] for row in rows.values()], "times", headline=True
            ),
            "plain torch within 10 %": record.measured([within["plain"]], f"of {len(rows)}"),
        },
        arguments=f"--each {given.each}"
        + (f" --device {given.device}" if given.device != "cpu" else ""),
        facts={"networks": rows, "device": given.device},
        out=given.out,
    )


if __name__ == "__main__":
    main()
