"""The plan names every part once, needs no torch, and agrees with what the readers ask for."""

from __future__ import annotations

import subprocess
import sys

import torch
from torch import nn

from netwright.proxies.borrow import Batch
from netwright.proxies.listing import ALL, Proxy
from netwright.proxies.plan import PASSES, explain, shared_by
from netwright.proxies.scoring import score

BY_NAME = {proxy.name: proxy for proxy in ALL}


def test_the_plan_loads_no_torch() -> None:
    code = "import sys, netwright.proxies.plan; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_proxy_shares_a_pass_or_says_what_it_runs() -> None:
    parts = {part.name: made.name for made in PASSES for part in made.parts}
    for proxy in ALL:
        assert bool(proxy.reader) == bool(proxy.reads) != bool(proxy.own), proxy.name
        homes = {parts[name] for name in proxy.reads} - {"sketch"}
        assert len(homes) <= 1, proxy.name
    assert {name for step in explain(ALL) for name in step.readers} == set(BY_NAME)


def test_what_hangs_on_what() -> None:
    chosen = [BY_NAME[n] for n in ("params", "naswot", "zico", "snip")]
    assert [(step.depth, step.readers) for step in explain(chosen)] == [
        (0, ("naswot", "zico", "snip")),
        (1, ("zico", "snip")),
        (0, ("zico",)),
        (0, ("params",)),
    ]
    assert [step.depth for step in explain([BY_NAME["zico_bc"]])] == [0, 0, 1, 0]
    assert explain(chosen)[1].to_json()["readers"] == ["zico", "snip"]
    assert [made.name for made, _ in shared_by(chosen)] == ["batch"]


def test_a_function_of_ones_own_runs_by_itself() -> None:
    mine = Proxy(name="mine", function=lambda m, b: 1.0, summary="Mine.")
    assert [step.readers for step in explain([mine])] == [("mine",)]
    assert "a copy of the network" in explain([mine])[0].what


class Counted(nn.Module):
    """Counts its forward passes and the images in them."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.calls: list[int] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls.append(len(x))
        result: torch.Tensor = self.inner(x)
        return result


def test_passes_are_run_once(net: nn.Module, batches: list[Batch]) -> None:
    counted = Counted(net)
    of_batch = next(sharers for made, sharers in shared_by(ALL) if made.name == "batch")
    score(counted, batches, proxies=of_batch, seed=0)
    assert counted.calls == [6, 6, 1]  # the second batch is ZiCo's, the sketch ZiCo-BC's
    counted.calls.clear()
    score(counted, batches, proxies=[BY_NAME[n] for n in ("naswot", "snip", "fisher")], seed=0)
    assert counted.calls == [6]
    counted.calls.clear()
    score(counted, batches, proxies=[BY_NAME["gradsign"], BY_NAME["ntk_condition"]], seed=0)
    assert counted.calls == [6, 6]
