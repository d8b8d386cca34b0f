"""The list of proxies needs no torch and points to functions."""

from __future__ import annotations

import subprocess
import sys

import pytest

from netwright.proxies.listing import ALL, Proxy
from netwright.proxies.scoring import resolve


def test_listing_loads_no_torch() -> None:
    code = "import sys, netwright.proxies.listing; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_names_are_unique_and_controls_come_first() -> None:
    names = [proxy.name for proxy in ALL]
    assert len(set(names)) == len(names)
    assert [proxy.name for proxy in ALL if proxy.control] == names[:3]
    assert names[:3] == ["params", "macs", "sum_log_n"]


@pytest.mark.parametrize("proxy", ALL, ids=lambda proxy: proxy.name)
def test_each_resolves_and_is_described(proxy: Proxy) -> None:
    assert callable(resolve(proxy))
    assert proxy.summary.endswith(".") and proxy.to_json()["function"] == proxy.function
