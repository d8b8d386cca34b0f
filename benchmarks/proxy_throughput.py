"""Milliseconds per network of every proxy by itself, and of all of them together.

Run ``python benchmarks/proxy_throughput.py`` on a quiet machine; no data is needed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from torch import nn

import record
from netwright import catalog
from netwright.nn.build import build
from netwright.proxies.borrow import Batch
from netwright.proxies.listing import ALL, Proxy
from netwright.proxies.scoring import score
from netwright.spaces.nasbench201 import NASBench201Space
from proxy_tables import into_page

CELL = (3, 2, 3, 1, 4, 3)  # conv 3x3, conv 1x1, conv 3x3, skip, pool, conv 3x3


def networks() -> dict[str, Callable[[], nn.Module]]:
    """A dense cell network, and two built of depthwise convolutions, for 32 px."""

    def cell() -> nn.Module:
        return build(NASBench201Space(classes=10, resolution=32).decode(CELL), seed=0)

    def published(name: str) -> Callable[[], nn.Module]:
        arch = catalog.architecture(name, classes=10, resolution=32)
        return lambda: build(arch, seed=0)

    return {
        "nasbench201 cell": cell,
        "mnasnet_b1": published("mnasnet_b1"),
        "efficientnet_b0": published("efficientnet_b0"),
    }


def noise(size: int, device: str) -> list[Batch]:
    """Two batches of N(0, 1) images (size, 3, 32, 32): what is in them takes no time."""
    draw = torch.Generator().manual_seed(0)
    return [
        (torch.randn(size, 3, 32, 32, generator=draw).to(device), (torch.arange(size) % 10))
        for _ in range(2)
    ]


def spent(
    module: nn.Module,
    batches: Sequence[Batch],
    proxies: Sequence[Proxy],
    *,
    repeats: int,
    clock: Callable[[], float],
) -> float:
    """Median milliseconds of scoring a network, after one round that is not counted."""
    times = []
    for _ in range(repeats + 1):
        start = clock()
        score(module, batches, proxies=proxies, seed=0)
        times.append(1000 * (clock() - start))
    return statistics.median(times[1:])


def _short(milliseconds: float) -> str:
    return (
        f"{milliseconds:,.0f}" if milliseconds >= 10 or not milliseconds else f"{milliseconds:.1f}"
    )


def page(results: Mapping[str, record.Measured]) -> str:
    """The table of docs/proxies.md, costliest first; the totals on top."""
    lines = ["| proxy | ms per network |", "|---|---|"]
    for name, row in results.items():
        if row["unit"] != "%":
            lines.append(f"| {name} | {_short(row['mean'])} ± {_short(row['spread'])} |")
    share = results["all together / sum of each alone"]
    lines.append(f"| *together, of the sum* | {share['least']:.0f} to {share['most']:.0f} % |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print, write."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--batch-size", type=int, default=32)
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--device", default="cpu")
    options.add_argument("--cpu-time", action="store_true", help="on a machine that is not quiet")
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    clock = time.process_time if given.cpu_time else time.perf_counter
    batches = noise(given.batch_size, given.device)
    alone: dict[str, list[float]] = {proxy.name: [] for proxy in ALL}
    together, ratios = [], []
    found = networks()
    for name, make in found.items():
        module = make().to(given.device)
        for proxy in ALL:
            milliseconds = spent(module, batches, [proxy], repeats=given.repeats, clock=clock)
            alone[proxy.name].append(milliseconds)
        together.append(spent(module, batches, ALL, repeats=given.repeats, clock=clock))
        ratios.append(100 * together[-1] / sum(times[-1] for times in alone.values()))
        print(f"{name}: together {together[-1]:.0f} ms, {ratios[-1]:.1f} % of the sum", flush=True)
    unit = "CPU ms per network" if given.cpu_time else "ms per network"
    results = {
        "all together / sum of each alone": record.measured(ratios, "%", headline=True),
        "all together": record.measured(together, unit),
    }
    for proxy_name, times in sorted(alone.items(), key=lambda item: -sum(item[1])):
        results[proxy_name] = record.measured(times, unit)
    record.write(
        __file__,
        claim=f"{len(ALL)} proxies share passes: time together beside the sum of their times",
        seeds=[0],
        results=results,
        arguments=f"--batch-size {given.batch_size}" + " --cpu-time" * given.cpu_time,
        facts={
            "networks": list(found),
            "repeats": given.repeats,
            "threads": given.threads,
            "batch": given.batch_size,
            "resolution": 32,
            "device": given.device,
            "clock": "CPU time" if given.cpu_time else "wall",
        },
        out=given.out,
    )
    if given.out is None:
        into_page("throughput", page(results))


if __name__ == "__main__":
    main()
