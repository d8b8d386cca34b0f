"""Teachers: found in a folder, refused where they know other classes, learned from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import netwright as nw
from command_line import draw_photos
from netwright.errors import UsageError
from netwright.fakes import TinySpace
from netwright.nn.models import from_timm
from netwright.nn.teachers import load_teacher
from netwright.nn.weights import load_weights
from netwright.trained import train

SPACE = TinySpace()
PUPIL, LARGE = SPACE.decode((0, 1, 0, 0)), SPACE.decode((3, 2, 0, 0))
CLASSES = ("blue", "green", "red")
SHAPE = (3, 8, 8)


@pytest.fixture(scope="module")
def teacher(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network of ours, trained."""
    place = tmp_path_factory.mktemp("teachers") / "large"
    train(LARGE, str(photos), epochs=8, out=place)
    return place


def test_what_was_trained_teaches(teacher: Path) -> None:
    module = load_teacher(str(teacher), shape=SHAPE, classes=CLASSES, device="cpu").eval()
    again = nw.build(LARGE, seed=5).eval()
    load_weights(again, teacher / "weights.safetensors")
    images = torch.randn(4, *SHAPE, generator=torch.Generator().manual_seed(0))
    assert torch.equal(module(images), again(images))


def test_a_network_of_timm_teaches_too(photos: Path, tmp_path: Path) -> None:
    name = "test_resnet"
    module = from_timm(name, shape=SHAPE, classes=3, seed=1, device="cpu")
    train(module, str(photos), epochs=0.5, out=tmp_path / "t")
    result = tmp_path / "t" / "result.json"
    text = result.read_text().replace(type(module).__name__, f"timm:{name}", 1)
    result.write_text(text)  # as the command line leaves it
    found = load_teacher(str(tmp_path / "t"), shape=SHAPE, classes=CLASSES, device="cpu").eval()
    images = torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(found(images), module.eval()(images))  # in another layout


@pytest.mark.parametrize(
    ("shape", "classes", "said"),
    [
        (SHAPE, ("cat", "dog", "cow"), "was trained on other classes"),
        (SHAPE, ("green", "blue", "red"), "was trained on other classes"),
        ((1, 8, 8), CLASSES, "takes images of 3 channels; these have 1"),
    ],
)
def test_who_knows_something_else_is_refused(
    teacher: Path, shape: tuple[int, int, int], classes: tuple[str, ...], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        load_teacher(str(teacher), shape=shape, classes=classes, device="cpu")


def test_a_folder_without_weights_is_no_teacher(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Train one on the same images first, as with"):
        load_teacher(str(tmp_path), shape=SHAPE, classes=CLASSES, device="cpu")


def test_a_training_learns_from_it_says_so_and_goes_on_with_it(
    photos: Path, tmp_path: Path, teacher: Path
) -> None:
    place = tmp_path / "pupil"
    found = train(PUPIL, str(photos), epochs=1, teacher=str(teacher), out=place)
    alone = train(PUPIL, str(photos), epochs=1, out=tmp_path / "alone")
    assert found.teacher == str(teacher) == found.facts()["teacher"] and alone.teacher is None
    assert "teacher" not in alone.facts()
    assert found.fitted.val_loss != alone.fitted.val_loss
    again = train(PUPIL, str(photos), epochs=1, teacher=str(teacher), out=place, resume=True)
    assert again.fitted.val_loss == found.fitted.val_loss
    with pytest.raises(UsageError, match="began with --teacher"):
        train(PUPIL, str(photos), epochs=1, out=place, resume=True)
    with pytest.raises(UsageError, match="began without a teacher"):
        train(PUPIL, str(photos), epochs=1, teacher=str(teacher), out=tmp_path / "alone",
              resume=True)  # fmt: skip


def test_other_images_have_other_classes(tmp_path: Path, teacher: Path) -> None:
    root = draw_photos(tmp_path / "two", {"cat": 12, "dog": 12})
    arch = TinySpace(classes=2).decode((0, 1, 0, 0))
    with pytest.raises(UsageError, match="other classes"):
        train(arch, str(root), epochs=1, teacher=str(teacher), out=tmp_path / "x")
    assert not (tmp_path / "x").exists()
