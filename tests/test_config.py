"""A search in TOML: an exact round trip, unknown keys refused, every mistake in words."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwright.config import SearchConfig, read_toml, search_config
from netwright.errors import UsageError
from netwright.records import Budget

CONFIGS = st.builds(
    SearchConfig,
    data=st.text(min_size=1).filter(lambda t: t.isprintable()),
    seed=st.integers(0, 2**31),
    minutes=st.floats(1e-3, 1e6),
    max_macs=st.none() | st.integers(1, 10**15),
    flip=st.none() | st.booleans(),
    probe_steps=st.none() | st.integers(1, 10**6),
)


@given(config=CONFIGS)
def test_toml_is_exact(tmp_path_factory: pytest.TempPathFactory, config: SearchConfig) -> None:
    path = tmp_path_factory.getbasetemp() / "run.toml"
    path.write_text(config.to_toml(), encoding="utf-8")
    assert search_config(read_toml(path)) == config


def test_limits_become_a_budget() -> None:
    config = search_config({"data": "x", "max_macs": 5, "max_memory_bytes": 7})
    assert config.budget() == Budget(macs=5, peak_activation_bytes=7)
    assert search_config({"data": "x"}).budget() == Budget()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "'data' is not given"),
        ({"data": "x", "mins": 3}, r"there is no setting 'mins' \(there are data, space"),
        ({"data": "x", "minutes": 0}, "'minutes': input should be greater than 0"),
        ({"data": "x", "minutes": float("inf")}, "finite"),
        ({"data": "x", "seed": -1, "workers": 0}, "'seed': .*; 'workers': "),
        ({"data": "x", "seed": "one"}, "'seed': input should be a valid integer"),
        ({"data": "x", "device": "tpu"}, "'cpu', 'cuda' or 'mps'"),
        ({"data": "x", "probe_steps": 0}, "'probe_steps'"),
    ],
)
def test_mistakes_are_said_together(values: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        search_config(values)


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    with pytest.raises(UsageError, match=r"run\.toml cannot be read \(No such file"):
        read_toml(path)
    for content in (b"data = ", b"\xff\xfe"):
        path.write_bytes(content)
        with pytest.raises(UsageError, match=r"run\.toml is not TOML"):
            read_toml(path)


def test_every_setting_is_described() -> None:
    for name, field in SearchConfig.model_fields.items():
        assert field.description, name


def test_a_password_is_never_written_down() -> None:
    for store in ("postgresql://me:secret@here/db", "postgresql://me@here/db?password=secret"):
        config = search_config({"data": "x", "store": store})
        assert config.store == store
        assert 'store = "postgresql://me@here/db"' in config.to_toml()
        assert "secret" not in config.to_toml()
    assert (
        'store = "runs/all.db"' in search_config({"data": "x", "store": "runs/all.db"}).to_toml()
    )
