"""A small fixed sample of the fuzz: every proxy gives a score or a reason, whatever comes."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

import proxy_fuzz
import proxy_fuzz_cases
from netwright.proxies.listing import ALL
from netwright.proxies.scoring import Score, score
from netwright.rng import stream

DRAWN = tuple(map(proxy_fuzz_cases.Case.draw, range(200)))
MODULES = [case for case in DRAWN if case.source == "module"]
CUT = [case for case in DRAWN if case.source == "cut cell"]
OVERWRITES = nn.Sequential(
    nn.Conv2d(3, 3, 1), nn.ReLU(), nn.SiLU(inplace=True), nn.Flatten(), nn.Linear(48, 2)
)


@pytest.mark.parametrize(
    "case", [*MODULES[:12], *CUT[:2]], ids=lambda case: f"{case.number} {case.twist}"
)
def test_a_score_or_a_reason(case: proxy_fuzz_cases.Case) -> None:
    outcomes = proxy_fuzz.look(case)
    assert set(outcomes) == {proxy.name for proxy in ALL}, outcomes


def test_a_case_is_drawn_from_its_number_alone() -> None:
    case = MODULES[0]
    assert proxy_fuzz_cases.Case.draw(case.number) == case
    (x, y), (again, same) = case.batches()[0], case.batches()[0]
    assert torch.equal(x.nan_to_num(), again.nan_to_num()) and torch.equal(y, same)
    assert {case.twist for case in DRAWN} == set(proxy_fuzz_cases.TWISTS)
    assert {case.source for case in DRAWN} >= {"module", "cell", "cut cell"}
    assert {case.dtype for case in DRAWN} == {"float32", "float64", "bfloat16"}
    assert 1 in {case.size for case in DRAWN} and 1 in {case.classes for case in DRAWN}


def test_silence_is_an_error() -> None:
    assert proxy_fuzz.reading(Score(value=1.0, seconds=0)) == "score"
    reason = "layer 'a.b' has 3 of 12"
    said = proxy_fuzz.reading(Score(value=None, reason=reason, seconds=0))
    assert said == "layer * has * of *"
    with pytest.raises(ValueError, match="neither"):
        proxy_fuzz.reading(Score(value=None, seconds=0))


def test_what_is_raised_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **more: object) -> object:
        raise RuntimeError("boom")

    monkeypatch.setattr(proxy_fuzz, "score", broken)
    assert proxy_fuzz.look(MODULES[0]) == {"score": "raised: RuntimeError: boom"}


def test_it_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []

    def look(case: proxy_fuzz_cases.Case) -> dict[str, str]:
        looked.append(case.number)
        return {"zico": "score", "swap": "no luck"}

    monkeypatch.setattr(proxy_fuzz, "look", look)
    for cases in (2, 4):
        words = ["x", "--cases", str(cases), "--lines", str(tmp_path / "lines")]
        monkeypatch.setattr("sys.argv", [*words, "--out", str(tmp_path / "out.json")])
        proxy_fuzz.main()
    words = ["x", "--cases", "9", "--lines", str(tmp_path / "lines"), "--as-is"]
    monkeypatch.setattr("sys.argv", [*words, "--out", str(tmp_path / "out.json")])
    proxy_fuzz.main()
    assert looked == [0, 1, 2, 3]
    record = json.loads((tmp_path / "out.json").read_text())
    assert record["measured"]["scores"]["mean"] == 4
    assert record["measured"]["failures with a reason"]["mean"] == 4
    assert record["measured"]["crashes"]["mean"] == 0


def test_twists_change_the_network() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU())
    for twist in proxy_fuzz_cases.TWISTS:
        proxy_fuzz_cases._twist(net, twist, stream(0, twist))
    weight = net.get_parameter("0.weight")
    assert math.isinf(float(weight.flatten().abs().nan_to_num(0, posinf=math.inf).max()))
    assert not net.training and not weight.requires_grad


@pytest.mark.parametrize("source", proxy_fuzz_cases.SOURCES)
def test_every_source_gives_a_network(source: str) -> None:
    side = 8 if source in ("module", "cell", "cut cell") else 32
    case = replace(MODULES[0], source=source, resolution=side, classes=1, twist="none", size=2)
    with torch.no_grad():
        scores = case.network().eval()(case.batches()[0][0].to(getattr(torch, case.dtype)))
    assert scores.shape == (2, 2 if source in proxy_fuzz_cases.SPACES else 1)


def test_nothing_reaches_the_end_of_a_cut_cell() -> None:
    case = replace(CUT[0], twist="none", dtype="float32", size=2)
    network, (images, _) = case.network().eval(), case.batches()[0]
    with torch.no_grad():
        assert torch.equal(network(images), network(images + 1))


def test_a_network_that_comes_back_changed_is_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(network: nn.Module, *_: object, **__: object) -> dict[str, Score]:
        network.train(not network.training)
        return {}

    monkeypatch.setattr(proxy_fuzz, "score", careless)
    assert proxy_fuzz.look(MODULES[0])["trace"].startswith("left changed: module")


def test_a_score_of_a_network_that_puts_out_nan_is_a_crash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = next(case for case in MODULES if case.twist == "nan images")
    told = {proxy.name: Score(value=1.0, seconds=0.0) for proxy in ALL}
    monkeypatch.setattr(proxy_fuzz, "score", lambda *_, **__: told)
    assert "swap" in proxy_fuzz.look(case)["silent"]
    assert "synflow" not in proxy_fuzz.look(case)["silent"]


def test_a_network_that_cannot_be_differentiated_gets_a_reason() -> None:
    batches = [(torch.randn(3, 3, 4, 4), torch.tensor([0, 1, 0]))] * 2
    found = score(OVERWRITES, batches, proxies=ALL, seed=0)
    for name in ("zico", "jacob_cov", "grasp", "grad_norm_zen", "gradsign"):
        assert "in place" in found[name].reason, (name, found[name])
    assert found["params"].value == 110
