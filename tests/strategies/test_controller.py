"""The LSTM controller: a distribution, sampled as it says, with the right gradients."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch

from netwright.rng import stream
from netwright.strategies.controller import Controller

SIZES = (2, 3, 1, 4)
EVERY = list(itertools.product(*(range(s) for s in SIZES)))


def made(units: int = 100) -> Controller:
    return Controller(SIZES, seed=0, units=units)


def test_weights_are_the_papers() -> None:
    controller = made()
    values = torch.cat([p.detach().flatten() for p in controller.parameters()])
    assert controller.lstm.hidden_size == 100 and controller.lstm.num_layers == 1
    assert values.min() >= -0.1 and values.max() <= 0.1
    assert values.std() == pytest.approx(0.1 / math.sqrt(3), rel=0.01)  # uniform, not constant


def test_probabilities_of_all_rows_sum_to_one() -> None:
    with torch.no_grad():
        log_p, entropy = made()(torch.tensor(EVERY))
    assert log_p.shape == entropy.shape == (24, 4)
    assert float(log_p.sum(1).exp().sum()) == pytest.approx(1)


def test_entropy_is_that_of_the_softmax() -> None:
    """By its definition, from the log-probabilities of all options of the last token."""
    rows = torch.tensor([(1, 2, 0, k) for k in range(4)])
    with torch.no_grad():
        log_p, entropy = made()(rows)
    p = log_p[:, 3].exp()
    assert float(entropy[0, 3]) == pytest.approx(float(-(p * p.log()).sum()))
    assert float(entropy[0, 2]) == 0  # nothing to choose
    assert (entropy <= torch.tensor([math.log(s) for s in SIZES]) + 1e-12).all()


def test_rows_are_drawn_as_often_as_it_says() -> None:
    controller = made(units=8)
    with torch.no_grad():
        for weight in controller.parameters():
            weight.mul_(20)  # far from uniform
    drawn = controller.sample(stream(0, "test").random((40_000, 4)))
    p = controller(torch.tensor(EVERY))[0].sum(1).exp().tolist()
    counts = [drawn.count(row) for row in EVERY]
    assert max(p) > 0.15
    for share, count in zip(p, counts, strict=True):
        assert abs(count / 40_000 - share) < 4.5 * math.sqrt(share / 40_000) + 1e-9


def test_a_row_does_not_depend_on_its_company() -> None:
    numbers = stream(0, "test").random((8, 4))
    together = made().sample(numbers)
    assert together == [made().sample(numbers[i : i + 1])[0] for i in range(8)]


def test_numbers_at_the_ends_are_options() -> None:
    assert made().sample(np.zeros((1, 4))) == [(0, 0, 0, 0)]
    assert made().sample(np.full((1, 4), np.nextafter(1, 0))) == [(1, 2, 0, 3)]


def test_gradients_are_the_numerical_ones() -> None:
    controller = made(units=3)
    rows = torch.tensor([(1, 0, 0, 2), (0, 2, 0, 3)])
    log_p, entropy = controller(rows)
    (log_p.sum() + 0.3 * entropy.sum()).backward()
    step = 1e-6
    for weight in controller.parameters():
        assert weight.grad is not None
        flat, grads = weight.detach().view(-1), weight.grad.view(-1)
        for place in range(0, len(flat), max(1, len(flat) // 6)):
            sides = []
            for shift in (step, -2 * step):
                flat[place] += shift
                log_p, entropy = controller(rows)
                sides.append((log_p.sum() + 0.3 * entropy.sum()).item())
            flat[place] += step
            slope = (sides[0] - sides[1]) / (2 * step)
            assert float(grads[place]) == pytest.approx(slope, abs=1e-7)


def test_a_token_depends_on_those_before_it_and_on_no_later_one() -> None:
    with torch.no_grad():
        log_p, _ = made()(torch.tensor([(0, 1, 0, 2), (1, 1, 0, 2), (0, 1, 0, 3)]))
    assert log_p[0, 1] != log_p[1, 1] and log_p[0, 3] != log_p[1, 3]
    assert torch.equal(log_p[0, :3], log_p[2, :3])


def test_seeds() -> None:
    rows = torch.tensor(EVERY)
    before = torch.get_rng_state()
    first, again, other = (Controller(SIZES, seed=s)(rows)[0] for s in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_one_choice_and_single_precision() -> None:
    controller = Controller((3,), seed=0, dtype=torch.float32)
    with torch.no_grad():
        log_p, _ = controller(torch.tensor([[0], [1], [2]]))
    assert log_p.dtype == torch.float32 and float(log_p.exp().sum()) == pytest.approx(1)
    assert set(controller.sample(stream(0, "t").random((50, 1)))) == {(0,), (1,), (2,)}


def test_a_row_can_begin_in_several_ways() -> None:
    """Each beginning is a distribution of its own; without one it is the first."""
    controller = Controller(SIZES, seed=0, starts=3)
    with torch.no_grad():
        for weight in controller.parameters():
            weight.mul_(10)
        tables = [
            controller(torch.tensor(EVERY), torch.full((24,), k))[0].sum(1) for k in range(3)
        ]
        assert torch.equal(controller(torch.tensor(EVERY))[0].sum(1), tables[0])
    for k, table in enumerate(tables):
        assert float(table.exp().sum()) == pytest.approx(1)
        assert k == 0 or not torch.allclose(table, tables[0])
    numbers = stream(0, "test").random((30, 4))
    mixed = controller.sample(numbers, torch.arange(30) % 3)
    for k in range(3):
        alone = controller.sample(numbers, torch.full((30,), k))
        assert mixed[k::3] == alone[k::3]
