"""Distillation: its loss against a second derivation, and a network takes after its teacher."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from netwright.errors import UsageError
from netwright.fakes import TinySpace
from netwright.nn.build import build
from netwright.training.distill import Distillation
from netwright.training.fit import fit
from netwright.training.recipe import default_recipe
from netwright.training.reference import DataRef

SPACE = TinySpace()


class Fixed(nn.Module):
    """Says the same of every image, and counts how often it is asked."""

    def __init__(self, logits: list[float]) -> None:
        super().__init__()
        self.logits, self.asked = nn.Parameter(torch.tensor(logits)), 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.asked += 1
        return self.logits.expand(len(images), -1)


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def test_the_loss_is_that_of_the_paper() -> None:
    logits, images, labels = draw(0, 5, 3), draw(1, 5, 3, 8, 8), torch.tensor([0, 1, 2, 1, 0])
    teacher = Fixed([2.0, -1.0, 0.5])
    found = Distillation(teacher, weight=0.3, temperature=2.5)(logits, images, labels).item()
    z, v = logits.double().numpy(), np.tile([2.0, -1.0, 0.5], (5, 1))
    p, q = softmax(z / 2.5), softmax(v / 2.5)
    soft = 2.5**2 * (q * (np.log(q) - np.log(p))).sum(axis=1).mean()
    hard = -np.log(softmax(z)[range(5), labels.numpy()]).mean()
    assert found == pytest.approx(0.7 * hard + 0.3 * soft, rel=1e-5)


def test_its_ends_are_the_labels_alone_and_the_teacher_alone() -> None:
    logits, images, labels = draw(0, 4, 3), draw(1, 4, 3, 8, 8), torch.tensor([0, 1, 2, 2])
    teacher = Fixed([0.0, 1.0, 2.0])
    plain = functional.cross_entropy(logits, labels, label_smoothing=0.1)
    none = Distillation(teacher, weight=0.0, label_smoothing=0.1)
    assert none(logits, images, labels) == plain and teacher.asked == 0
    alone = Distillation(teacher, weight=1.0)
    same = teacher(images).detach() + 3.0  # a constant changes no probability
    assert alone(same, images, labels).item() == pytest.approx(0.0, abs=1e-6)


def test_shares_of_classes_are_targets_too_and_the_teacher_is_asked_once_a_step() -> None:
    images, shares = draw(1, 4, 3, 8, 8), torch.full((4, 3), 1 / 3)
    teacher = Fixed([0.0, 1.0, 2.0])
    loss = Distillation(teacher)
    first, second = (loss(draw(seed, 4, 3), images, shares) for seed in (2, 3))
    assert first != second and teacher.asked == 1
    loss(draw(2, 4, 3), images.clone(), shares)
    assert teacher.asked == 2


def test_the_teacher_is_frozen() -> None:
    teacher = build(SPACE.decode((1, 1, 0, 0)), seed=0)
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    logits = draw(0, 4, 3).requires_grad_()
    loss = Distillation(teacher)(logits, draw(1, 4, 3, 8, 8), torch.tensor([0, 1, 2, 0]))
    (gradient,) = torch.autograd.grad(loss, logits)
    assert gradient.abs().sum() > 0 and not any(p.requires_grad for p in teacher.parameters())
    assert all(torch.equal(before[n], v) for n, v in teacher.state_dict().items())


def test_a_network_takes_after_its_teacher(photos: Path) -> None:
    """A teacher that is always wrong in one way leads its pupil there, whatever the labels say."""
    images = DataRef(source=str(photos), resolution=8).open()
    recipe = default_recipe(images, steps=40)
    module = build(SPACE.decode((1, 1, 0, 0)), seed=0)
    fit(
        module,
        images,
        recipe=recipe,
        seed=0,
        criterion=Distillation(Fixed([0.0, 0.0, 9.0]), weight=1),
    )
    with torch.no_grad():
        said = module(draw(0, 16, 3, 8, 8)).argmax(dim=1)
    assert (said == 2).float().mean() > 0.9


@pytest.mark.parametrize(("weight", "temperature"), [(1.5, 4.0), (-0.1, 4.0), (0.5, 0.0)])
def test_settings_out_of_range_are_refused(weight: float, temperature: float) -> None:
    with pytest.raises(UsageError, match="a weight from 0 to 1 and a temperature above 0"):
        Distillation(Fixed([0.0]), weight=weight, temperature=temperature)
