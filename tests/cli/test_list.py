"""``netwright list``: everything in the catalogue, by name."""

from __future__ import annotations

import pytest

from command_line import Command, Refused
from netwright import catalog
from netwright.arch.cost import cost


def test_every_name_of_the_catalogue_is_listed(command: Command) -> None:
    every = {
        "spaces": catalog.SPACES,
        "strategies": catalog.STRATEGIES,
        "proxies": {**catalog.PROXIES, **catalog.TOGETHER},
    }
    for kind, names in every.items():
        rows = command("list", kind, "--json").data[kind]
        assert [row["name"] for row in rows] == list(names)
        assert all(row["summary"] for row in rows)
        table = command("list", kind).out
        assert all(name in table for name in names)


def test_controls_are_marked_among_the_proxies(command: Command) -> None:
    rows = {row["name"]: row for row in command("list", "proxies", "--json").data["proxies"]}
    controls = [name for name, row in rows.items() if row["control"]]
    assert {"params", "macs", "sum_log_n"} <= set(controls)
    assert rows["zico"]["needs"] == "data, labels, gradients" and rows["zico"]["citation"]


def test_the_networks_are_listed_with_what_they_cost(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {"mnasnet_a1": "netwright.spaces.mnasnet"}  # all of them take a while
    monkeypatch.setattr(catalog, "published", lambda: few)
    rows = command("list", "architectures", "--json").data["architectures"]
    assert rows == [
        {"name": "mnasnet_a1", "resolution": 224, "params": "3.89M", "macs": "312M"}
    ]  # Tan et al., Table 1: 3.9M, 312M
    assert cost(catalog.architecture("mnasnet_a1")).params == 3_887_038


def test_an_unknown_kind_is_refused(refused: Refused) -> None:
    assert 'Did you mean "spaces"?' in refused("list", "space")
    assert "requires an argument" in refused("list")
