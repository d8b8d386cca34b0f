"""``seeded`` seeds, and leaves every generator as it was."""

from __future__ import annotations

import pytest
import torch

from netwright.nn.seeding import seeded


def test_same_seed_same_numbers_and_no_trace() -> None:
    before = torch.get_rng_state()
    with seeded(3):
        one = torch.rand(4)
    with seeded(3, device="cpu"):
        two = torch.rand(4)
    with seeded(4):
        other = torch.rand(4)
    assert torch.equal(one, two) and not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_no_trace_after_an_exception_and_when_nested() -> None:
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError), seeded(1):
        first = torch.rand(2)
        with seeded(2):
            torch.rand(2)
        second = torch.rand(2)
        raise RuntimeError
    assert torch.equal(torch.get_rng_state(), before)
    with seeded(1):
        assert torch.equal(torch.rand(4), torch.cat([first, second]))


def test_large_seeds() -> None:
    with seeded(2**63 - 1):
        torch.rand(1)


class _Generators:
    """Stands in for ``torch.cuda`` with two devices, of which the first is current."""

    def __init__(self) -> None:
        self.states, self.current = ["a", "b"], 0

    def device(self, index: int) -> _Generators:
        self.entered = index
        return self

    def __enter__(self) -> None:
        self.current, self.entered = self.entered, self.current

    def __exit__(self, *_: object) -> None:
        self.current = self.entered

    def current_device(self) -> int:
        return self.current

    def get_rng_state(self, index: int) -> str:
        return self.states[index]

    def set_rng_state(self, state: str, index: int) -> None:
        self.states[index] = state

    def manual_seed(self, seed: int) -> None:
        self.states[self.current] = f"seed {seed}"


@pytest.mark.parametrize(("device", "inside"), [
    ("cuda", ["seed 5", "b"]), ("cuda:0", ["seed 5", "b"]), ("cuda:1", ["a", "seed 5"]),
])  # fmt: skip
def test_the_named_cuda_device_is_seeded_and_restored(
    monkeypatch: pytest.MonkeyPatch, device: str, inside: list[str]
) -> None:
    cuda = _Generators()
    for name in ("device", "current_device", "get_rng_state", "set_rng_state", "manual_seed"):
        monkeypatch.setattr(torch.cuda, name, getattr(cuda, name))
    with seeded(5, device=device):
        assert cuda.states == inside and cuda.current == 0
    assert cuda.states == ["a", "b"]


def test_mps_is_seeded_and_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    states = ["a"]
    monkeypatch.setattr(torch.mps, "get_rng_state", lambda: states[-1])
    monkeypatch.setattr(torch.mps, "set_rng_state", states.append)
    monkeypatch.setattr(torch.mps, "manual_seed", lambda seed: states.append(f"seed {seed}"))
    with seeded(5, device="mps"):
        assert states[-1] == "seed 5"
    assert states[-1] == "a"


@pytest.mark.gpu
def test_on_a_real_device() -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    before = torch.cuda.get_rng_state()
    with seeded(3, device="cuda"):
        one = torch.rand(4, device="cuda")
    with seeded(3, device="cuda:0"):
        assert torch.equal(one, torch.rand(4, device="cuda:0"))
    assert torch.equal(torch.cuda.get_rng_state(), before)
