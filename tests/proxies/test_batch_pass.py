"""What readers of the batch pass are handed equals what plain torch computes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from netwright.errors import UsageError
from netwright.proxies.batch_pass import Reader, read, read_alone
from netwright.proxies.borrow import Batch
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.sharing import Circle, Scene


def test_everything_at_once_against_torch(plain_net: nn.Module, batches: list[Batch]) -> None:
    seen: dict[str, list[object]] = {}

    def keep(name: str) -> list[object]:
        return seen.setdefault(name, [])

    reader = Reader(
        value=lambda: 1.0,
        units=keep("units").append,
        maps=keep("maps").append,
        output=keep("output").append,
        jacobian=lambda g, n: keep("jacobian").extend((g, n)),
        saliency=lambda layer, value, grad: keep("saliency").append((layer, value, grad)),
        gradients=lambda grads, weights: keep("gradients").append(grads),
        every_batch=True,
    )
    assert read_alone(lambda _: reader, plain_net, batches) == 1.0

    images, labels = batches[0][0].double().requires_grad_(), batches[0][1]
    conv = plain_net.get_submodule("0")(images)
    logits = plain_net(images)
    (expected,) = torch.autograd.grad(logits.sum(), images, retain_graph=True)
    assert seen["jacobian"][1] == 4
    loss = nn.functional.cross_entropy(logits, labels)
    whole = torch.autograd.grad(loss, [plain_net.get_parameter(f"{i}.weight") for i in (0, 4)])
    for got, want in (
        (seen["units"][0], conv.flatten(1)),
        (seen["maps"][0], conv),
        (seen["output"][0], logits),
        (seen["jacobian"][0], expected),
        (seen["gradients"][0]["0"], whole[0]),  # type: ignore[index]
        (seen["gradients"][0]["4"], whole[1]),  # type: ignore[index]
    ):
        assert isinstance(got, Tensor) and torch.allclose(got, want)
    assert [len(seen[k]) for k in ("units", "maps", "gradients", "saliency")] == [1, 3, 2, 2]


def test_what_one_reader_lacks_another_does_not_miss(batches: list[Batch]) -> None:
    """Without layers or a way to the image, those that look at the output still see it."""

    class Blind(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.zeros(len(x), 4)

    shapes: list[tuple[int, ...]] = []
    circle = Circle(
        {
            "output": Reader(value=float, output=lambda x: shapes.append(tuple(x.shape))),
            "image": Reader(value=float, jacobian=lambda g, n: None),
            "weights": Reader(value=float, gradients=lambda g, w: None),
        }
    )
    read(circle, Scene(module=Blind(), batches=batches, seed=0))
    assert shapes == [(6, 4)] and circle.who(bool) == ["output"]
    with pytest.raises(ScoreFailed, match="does not depend on the image"):
        circle.value("image")
    with pytest.raises(ScoreFailed, match="no convolution or linear layer"):
        circle.value("weights")


def test_a_loss_that_no_weight_moves_has_no_gradients(batches: list[Batch]) -> None:
    class Unused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            return torch.zeros(len(x), 4)

    grads: list[dict[str, Tensor]] = []
    made = Reader(value=float, gradients=lambda g, w: grads.append(g))
    read_alone(lambda _: made, Unused(), batches)
    assert grads == [{}]


def test_labels_matter_to_learners_alone(net: nn.Module, batches: list[Batch]) -> None:
    wrong = [(images, labels + 9) for images, labels in batches]
    assert read_alone(lambda _: Reader(value=float, maps=lambda x: None), net, wrong) == 0
    with pytest.raises(UsageError, match="network has 4 outputs"):
        read_alone(lambda _: Reader(value=float, gradients=lambda g, w: None), net, wrong)
