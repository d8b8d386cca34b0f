"""What a user may call a network, and what is said where it is none."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from netwright import catalog
from netwright.cli.networks import module_for, short_name
from netwright.errors import UsageError

SHAPE, CLASSES = (3, 32, 32), 4


def logits(name: str) -> torch.Tensor:
    module, _ = module_for(name, shape=SHAPE, classes=CLASSES, seed=0, device="cpu")
    with torch.no_grad():
        out: torch.Tensor = module.eval()(torch.zeros(2, *SHAPE))
    return out


def test_every_kind_of_name_gives_logits_for_the_data(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "from torch import nn\ndef make(classes):\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(3072, classes))\n"
        "class Net(nn.Sequential):\n    def __init__(self):\n"
        "        super().__init__(nn.Flatten(), nn.Linear(3072, 4))\n"
    )
    arch = catalog.architecture("mnasnet_small", classes=CLASSES, resolution=32)
    (tmp_path / "net.json").write_text(arch.to_json())
    names = ["mnasnet_small", "timm:mnasnet_small", f"{tmp_path}/net.json"]
    names += [f"{tmp_path}/net.py:make", f"{tmp_path}/net.py:Net"]
    for name in names:
        assert logits(name).shape == (2, CLASSES), name
        assert torch.equal(logits(name), logits(name)), f"{name}: one seed, one network"


def test_catalogue_names_adapt_and_come_with_their_architecture() -> None:
    _, arch = module_for("mnasnet_a1", shape=(1, 16, 16), classes=3, seed=0, device="cpu")
    assert arch is not None and arch.input_shape == (1, 16, 16) and arch.classes == 3
    _, none = module_for("timm:resnet18", shape=SHAPE, classes=3, seed=0, device="cpu")
    assert none is None


def test_a_file_for_other_images_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.json"
    path.write_text(catalog.architecture("mnasnet_a1", classes=9, resolution=32).to_json())
    with pytest.raises(UsageError, match=r"has 9 classes; the data has .* 4 classes"):
        module_for(str(path), shape=SHAPE, classes=CLASSES, seed=0, device="cpu")


def test_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    logits("timm:mnasnet_small")
    assert torch.equal(torch.get_rng_state(), before)


def test_a_table_calls_it_by_its_last_part() -> None:
    assert short_name("runs/photos-1") == "photos-1"
    assert short_name("efficientnet_b0") == "efficientnet_b0"
    assert short_name("nets/mine.py:make") == "mine.py:make"
