"""What the throughput benchmark measures: fresh networks, the same images, a median."""

from __future__ import annotations

import torch
from torch import nn

import proxy_throughput
import record
from netwright.proxies.listing import ALL


def test_times_are_medians_after_a_warm_round() -> None:
    ticks = iter([0.0, 9.0, 10.0, 11.0, 20.0, 25.0, 30.0, 33.0])
    net = nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))
    batches = proxy_throughput.noise(2, "cpu")
    assert all(images.shape == (2, 3, 32, 32) for images, _ in batches)
    assert not torch.equal(batches[0][0], batches[1][0])
    found = proxy_throughput.spent(net, batches, ALL[:1], repeats=3, clock=lambda: next(ticks))
    assert found == 3000.0


def test_the_networks_take_the_images() -> None:
    for make in proxy_throughput.networks().values():
        with torch.no_grad():
            assert make().eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 10)


def test_the_pages_table() -> None:
    results = {
        "all together / sum of each alone": record.measured([50.0, 60.0], "%", headline=True),
        "all together": record.measured([5000.0, 7000.0], "ms per network"),
        "zico": record.measured([600.0], "ms per network"),
    }
    assert proxy_throughput.page(results).splitlines()[2:] == [
        "| all together | 6,000 ± 1,414 |",
        "| zico | 600 ± 0 |",
        "| *together, of the sum* | 50 to 60 % |",
    ]
