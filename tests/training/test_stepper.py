"""One step: the schedule against timm's, the optimiser against torch's own, exact repetition."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from timm.optim._param_groups import param_groups_weight_decay
from timm.scheduler.cosine_lr import CosineLRScheduler
from torch import nn

from netwright.nn.seeding import seeded
from netwright.training.data import ImageData, normalise
from netwright.training.recipe import Recipe
from netwright.training.stepper import Stepper, learning_rate, make_optimizer

CPU = torch.device("cpu")
PLAIN = Recipe(steps=10, lr=0.01, weight_decay=0.1)


def test_the_schedule_is_timms() -> None:
    recipe = Recipe(steps=100, lr=0.3, warmup_steps=20)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.3)
    theirs = CosineLRScheduler(
        optimizer, t_initial=80, warmup_t=20, warmup_lr_init=0.0, warmup_prefix=True,
        t_in_epochs=False,
    )  # fmt: skip
    for step in range(20, 100):
        theirs.step_update(step)
        assert learning_rate(recipe, step) == pytest.approx(optimizer.param_groups[0]["lr"])
    rising = [learning_rate(recipe, step) for step in range(21)]
    assert rising[0] > 0 and rising == sorted(rising) and rising[20] == 0.3
    assert learning_rate(recipe, 100) == pytest.approx(0.0)


def test_norms_and_biases_do_not_decay(make_net: Callable[..., nn.Sequential]) -> None:
    net = make_net()
    groups = make_optimizer(net, PLAIN).param_groups
    theirs = param_groups_weight_decay(net, weight_decay=0.1)
    mine = {g["weight_decay"]: {id(p) for p in g["params"]} for g in groups}
    assert mine == {g["weight_decay"]: {id(p) for p in g["params"]} for g in theirs}


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_step_is_what_torch_would_do(
    digits: ImageData, make_net: Callable[..., nn.Sequential], optimizer: str
) -> None:
    recipe = replace(PLAIN, optimizer=optimizer, channels_last=False)
    with seeded(0):
        layer = nn.Linear(64, 10, bias=False)
    net = nn.Sequential(nn.Flatten(), layer)
    twin = copy.deepcopy(net)
    stepper = Stepper(net, digits, recipe=recipe, seed=0, device=CPU)
    theirs: torch.optim.Optimizer = (
        torch.optim.SGD(twin.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=0.1)
        if optimizer == "sgd"
        else torch.optim.AdamW(twin.parameters(), lr=0.01, weight_decay=0.1)
    )
    pixels = digits.pixels.take(digits.train.rows[:16])
    labels = torch.from_numpy(digits.train.labels[:16])
    for step in range(3):
        theirs.param_groups[0]["lr"] = learning_rate(recipe, step)
        loss = nn.functional.cross_entropy(twin(normalise(digits, pixels)), labels)
        theirs.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        theirs.step()
        assert float(stepper(step, pixels, labels)) == pytest.approx(float(loss.detach()))
    torch.testing.assert_close(net.state_dict(), twin.state_dict())


FULL = Recipe(
    steps=10, lr=0.01, flip=True, crop_padding=1, randaugment=9, erasing=0.5, mixup=0.2,
    cutmix=1.0, label_smoothing=0.1, clip_norm=1.0, ema_decay=0.9,
)  # fmt: skip


@pytest.mark.parametrize("recipe", [FULL, replace(FULL, optimizer="sgd", channels_last=False)])
def test_a_step_depends_on_seed_and_number_alone(
    digits: ImageData, make_net: Callable[..., nn.Sequential], recipe: Recipe
) -> None:
    pixels = digits.pixels.take(digits.train.rows[:16])
    labels = torch.from_numpy(digits.train.labels[:16])

    def weights(seed: int, step: int) -> torch.Tensor:
        net = make_net()
        Stepper(net, digits, recipe=recipe, seed=seed, device=CPU)(step, pixels, labels)
        return net.get_parameter("0.weight").detach()

    assert torch.equal(weights(0, 4), weights(0, 4))
    assert not torch.equal(weights(0, 4), weights(1, 4))
    assert not torch.equal(weights(0, 4), weights(0, 5))


def test_gradients_are_clipped(digits: ImageData, make_net: Callable[..., nn.Sequential]) -> None:
    recipe = Recipe(
        steps=2, optimizer="sgd", momentum=0.0, weight_decay=0.0, lr=1.0, clip_norm=0.01
    )
    net = make_net()
    before = [p.detach().clone() for p in net.parameters()]
    stepper = Stepper(net, digits, recipe=recipe, seed=0, device=CPU)
    stepper(0, digits.pixels.take(digits.train.rows[:8]), torch.zeros(8, dtype=torch.int64))
    moved = sum(
        float((p.detach() - b).square().sum())
        for p, b in zip(net.parameters(), before, strict=True)
    )
    assert moved**0.5 == pytest.approx(0.01, rel=1e-3)


def test_an_auxiliary_classifier_counts_less(
    digits: ImageData, make_net: Callable[..., nn.Sequential]
) -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.main, self.other = make_net(seed=0), make_net(seed=1)

        def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return self.main(images), self.other(images)

    def loss(net: nn.Module) -> float:
        for layer in net.modules():
            if isinstance(layer, nn.Dropout):
                layer.p = 0.0
        stepper = Stepper(net, digits, recipe=PLAIN, seed=0, device=CPU)
        pixels = digits.pixels.take(digits.train.rows[:8])
        return float(stepper(0, pixels, torch.zeros(8, dtype=torch.int64)))

    assert loss(Two()) == pytest.approx(loss(make_net(seed=0)) + 0.4 * loss(make_net(seed=1)))


def test_a_criterion_of_ones_own(
    digits: ImageData, make_net: Callable[..., nn.Sequential]
) -> None:
    seen: list[tuple[int, ...]] = []

    def criterion(
        outputs: torch.Tensor, images: torch.Tensor, targets: torch.Tensor
    ) -> torch.Tensor:
        seen.extend([outputs.shape, images.shape, targets.shape])
        return outputs.square().mean()

    stepper = Stepper(make_net(), digits, recipe=PLAIN, seed=0, device=CPU, criterion=criterion)
    stepper(0, digits.pixels.take(digits.train.rows[:8]), torch.zeros(8, dtype=torch.int64))
    assert seen == [(8, 10), (8, 1, 8, 8), (8,)]
