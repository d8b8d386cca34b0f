"""The Python face of a check: what it gives, refuses and goes on with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import netwright as nw
from netwright.checked import Check
from netwright.errors import BudgetError, UsageError
from netwright.fakes import TinySpace
from netwright.workers import Serial

pytestmark = pytest.mark.usefixtures("quick_finals")
Call = Callable[..., Check]


@pytest.fixture
def check(photos: Path, tmp_path: Path) -> Call:
    def call(**options: object) -> Check:
        settings = {
            "budget": nw.Budget(params=3000), "probes": 5, "steps": 2, "proxies": ["naswot"],
            "executor": Serial(), "out": tmp_path / "check", **options,
        }  # fmt: skip
        return nw.check(TinySpace(), str(photos), **settings)  # type: ignore[arg-type]

    return call


def test_it_gives_a_frozen_result_and_goes_on(check: Call) -> None:
    found = check()
    assert found.verdict and {row.name for row in found.scores} > {"params", "naswot"}
    assert check(resume=True).probes == found.probes
    with pytest.raises(AttributeError):
        found.steps = 3  # type: ignore[misc]
    with pytest.raises(UsageError, match="already holds a check; add --resume"):
        check()
    with pytest.raises(UsageError, match="holds a check with probes 5, not 6"):
        check(resume=True, probes=6)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"probes": 1}, UsageError, "ask for 5 or more"),
        ({"minutes": 0}, UsageError, "give a number above 0"),
        ({"steps": 0}, UsageError, "trains nothing"),
        ({"metric": "zico"}, UsageError, "val_loss or val_accuracy, not zico"),
        ({"proxies": ["zicco"]}, UsageError, "Did you mean 'zico'"),
        ({"budget": nw.Budget(params=3)}, BudgetError, "they range from"),
        ({"device": "gpu"}, UsageError, "No device is called"),
        ({"resume": True}, UsageError, "is not the folder of a check"),
    ],
)
def test_a_mistake_leaves_nothing(
    check: Call, tmp_path: Path, options: dict[str, object], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        check(**options)
    assert not any(tmp_path.iterdir())


def test_a_space_for_other_images_is_refused(photos: Path) -> None:
    with pytest.raises(UsageError, match=r"nw\.space\('tiny', classes=3"):
        nw.check(TinySpace(classes=5), str(photos), budget=nw.Budget())


def test_a_folder_that_cannot_be_written_is_named(check: Call, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written"):
        check(out=tmp_path / "file" / "x")
