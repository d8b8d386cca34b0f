"""Training-free evaluation: proxies of a freshly initialised network, with their controls."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache

from netwright.arch.cost import cost, sum_log_n
from netwright.arch.graph import Architecture
from netwright.nn.build import build
from netwright.proxies.borrow import Batch
from netwright.proxies.listing import Proxy
from netwright.proxies.scoring import score
from netwright.records import Outcome
from netwright.training.data import batches
from netwright.training.reference import DataRef


@lru_cache(maxsize=4)
def _batches(ref: DataRef, size: int, count: int, device: str) -> tuple[Batch, ...]:
    data = ref.open_lazily()
    return tuple(batches(data, size=size, count=count, seed=ref.seed, device=device))


@dataclass(frozen=True, kw_only=True)
class ProxyEvaluator:
    """Scores a network without training it.

    Small enough to send to another process, which opens the data once and keeps the batches.

    Args:
        data: The images; a few of them are used, the same for every network.
        proxies: What to score; the controls (params, macs,
            sum_log_n) are counted on the graph, for free.
        batch_size: Images per batch.
        count: Batches; ZiCo needs two.
        device: Where to score.
        timed: Whether ``NAME ms`` stands beside every score: what that proxy took.
    """

    data: DataRef
    proxies: tuple[Proxy, ...]
    batch_size: int = 32
    count: int = 2
    device: str = "cpu"
    timed: bool = False

    def __call__(self, arch: Architecture, *, seed: int) -> Outcome:
        """Every proxy's value; failed, with the reason, if one of them has none."""
        start = time.perf_counter()
        data = _batches(
            self.data.at(arch.input_shape[1]), self.batch_size, self.count, self.device
        )
        module = build(arch, seed=seed, device=self.device)
        scores = score(module, data, proxies=self.proxies, seed=seed)
        seconds = time.perf_counter() - start
        counts = cost(arch)
        metrics = {
            "params": float(counts.params),
            "macs": float(counts.macs),
            "sum_log_n": sum_log_n(arch),
        }
        metrics |= {name: s.value for name, s in scores.items() if s.value is not None}
        if self.timed:
            metrics |= {f"{name} ms": 1000 * s.seconds for name, s in scores.items()}
        reasons = [f"{name}: {s.reason}" for name, s in scores.items() if s.value is None]
        if reasons:
            return Outcome(
                status="failed",
                metrics=metrics,
                reason="; ".join(reasons),
                seconds=seconds,
                device=self.device,
            )
        return Outcome.of(metrics, seconds=seconds, device=self.device)
