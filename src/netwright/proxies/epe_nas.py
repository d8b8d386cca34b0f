"""EPE-NAS: images of one class should have alike input gradients (Lopes et al., 2021)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor, nn

from netwright.proxies.batch_pass import Reader, read_alone
from netwright.proxies.borrow import Batch, require_batches
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.jacob_cov import correlation, rows
from netwright.proxies.sharing import Scene

_K = 1e-5


def epe_nas(module: nn.Module, batches: Sequence[Batch]) -> float:
    """Sum over classes of ``|sum log(|r| + k)|``, over the class's Jacobian correlations r.

    With more than 100 classes, the sum over pairs of classes of the difference of these sums,
    divided by the number of classes that have one.  k is 1e-5; a class counts from two images up.

    Lopes et al., "EPE-NAS: Efficient Performance Estimation Without Training for Neural
    Architecture Search", ICANN 2021, arXiv 2102.08099.

    Args:
        module: Freshly initialised network.
        batches: The first (images (B, C, H, W), labels (B,)) is used.

    Raises:
        ScoreFailed: Where no class has two images, or a Jacobian is constant.
    """
    require_batches(batches, 1, "epe_nas")
    return read_alone(reader, module, batches)


def reader(scene: Scene) -> Reader:
    """EPE-NAS as a reader of the batch pass; it keeps one number per class."""
    labels = scene.batches[0][1]
    sums: list[float] = []
    many: list[bool] = []

    def add(grads: Tensor, classes: int) -> None:
        many.append(classes > 100)
        of_image = labels.to(grads.device)
        for label in torch.unique(of_image).tolist():
            of_class = rows(grads)[of_image == label]
            if len(of_class) >= 2:
                sums.append(float((correlation(of_class).abs() + _K).log().sum()))

    def value() -> float:
        if not sums:
            raise ScoreFailed("no class has two images; use a larger batch")
        if not many[0]:
            return math.fsum(abs(s) for s in sums)
        return math.fsum(abs(a - b) for a, b in combinations(sums, 2)) / len(sums)

    return Reader(value=value, jacobian=add)
