"""What a search refuses when it goes on, in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from netwright.cli.resuming import SAME, refuse_another, refuse_second
from netwright.config import SearchConfig
from netwright.errors import UsageError
from netwright.run_folder import RunFolder

CONFIG = SearchConfig(data="digits", max_latency_ms=5.0)


def test_the_same_settings_go_on() -> None:
    refuse_another(CONFIG, CONFIG.model_copy(update={"minutes": 99.0}), folder=Path("run"))
    assert set(SAME) <= set(SearchConfig.model_fields)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("max_latency_ms", 6.0, "max_latency_ms 5.0, not 6.0"),
        ("latency_runtime", "onnxruntime", "latency_runtime torch, not onnxruntime"),
        ("max_macs", 1000, "max_macs not set, not 1000"),
    ],
)
def test_others_do_not(name: str, value: object, said: str) -> None:
    with pytest.raises(UsageError, match=f"^run holds a search with {said}; resume it"):
        refuse_another(CONFIG, CONFIG.model_copy(update={name: value}), folder=Path("run"))


def test_a_second_search_needs_another_folder(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    refuse_second(folder, resume=False)
    folder.create()
    folder.write_text(folder.config, CONFIG.to_toml())
    refuse_second(folder, resume=True)
    with pytest.raises(UsageError, match="already holds a search; add --resume"):
        refuse_second(folder, resume=False)
