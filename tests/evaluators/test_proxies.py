"""Training-free evaluation keeps the contract; controls are exact; failures have reasons."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netwright.arch.cost import cost, sum_log_n
from netwright.arch.graph import Architecture
from netwright.contracts import Evaluator
from netwright.evaluators.proxies import ProxyEvaluator
from netwright.fakes import TinySpace
from netwright.proxies.listing import ALL, Proxy
from netwright.testing import EvaluatorContract
from netwright.training.reference import DataRef

PROXIES = {proxy.name: proxy for proxy in ALL}


def nothing(module: object, batches: object) -> float:
    """A score that is no number."""
    return float("nan")


class TestProxyEvaluator(EvaluatorContract):
    @pytest.fixture(autouse=True)
    def images(self, photos: object) -> None:
        self.data = DataRef(source=str(photos), resolution=8)

    def make(self) -> ProxyEvaluator:
        proxies = (PROXIES["zico"], PROXIES["naswot"])
        return ProxyEvaluator(data=self.data, proxies=proxies, batch_size=8)

    def make_failing(self) -> tuple[Evaluator, Architecture]:
        broken = replace(PROXIES["zico"], name="broken", function=nothing)
        evaluator = replace(self.make(), proxies=(PROXIES["naswot"], broken))
        return evaluator, self.architectures()[0]

    def test_controls_come_free_and_exact(self) -> None:
        arch = self.architectures()[0]
        found = self.make()(arch, seed=0).metrics
        assert set(found) == {"params", "macs", "sum_log_n", "zico", "naswot"}
        assert (found["params"], found["macs"]) == (cost(arch).params, cost(arch).macs)
        assert found["sum_log_n"] == sum_log_n(arch)

    def test_what_could_be_scored_is_kept_beside_the_reason(self) -> None:
        evaluator, arch = self.make_failing()
        outcome = evaluator(arch, seed=0)
        assert outcome.reason == "broken: the value is nan"
        assert "naswot" in outcome.metrics and "broken" not in outcome.metrics

    def test_the_seed_draws_the_weights_and_not_the_images(self) -> None:
        arch, by_weights = self.architectures()[0], self.make()
        assert by_weights(arch, seed=0).metrics["zico"] != by_weights(arch, seed=1).metrics["zico"]
        counts: Proxy = PROXIES["params"]
        plain = replace(self.make(), proxies=(counts,))
        assert plain(arch, seed=0).metrics == plain(arch, seed=1).metrics

    def test_images_follow_the_size_of_the_network(self) -> None:
        larger = TinySpace(resolution=12).decode((0, 1, 1, 0))
        assert self.make()(larger, seed=0).status == "ok"

    def test_what_each_proxy_took_stands_beside_it_if_asked(self) -> None:
        found = replace(self.make(), timed=True)(self.architectures()[0], seed=0)
        taken = {n: found.metrics[f"{n} ms"] for n in ("zico", "naswot")}
        assert all(0 < ms <= 1000 * found.seconds for ms in taken.values())
