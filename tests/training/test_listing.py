"""Names of splits, and where downloads go."""

from __future__ import annotations

from pathlib import Path

import pytest

from netwright.training.listing import cache_folder, split_name


@pytest.mark.parametrize(
    ("written", "meant"),
    [("train", "train"), (" Validation ", "val"), ("valid", "val"), ("TEST", "test"), ("x", None)],
)
def test_splits_as_people_write_them(written: str, meant: str | None) -> None:
    assert split_name(written) == meant


def test_downloads_go_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETWRIGHT_CACHE", "~/elsewhere")
    assert cache_folder() == Path.home() / "elsewhere"
    monkeypatch.delenv("NETWRIGHT_CACHE")
    assert cache_folder() == Path.home() / ".cache" / "netwright"
