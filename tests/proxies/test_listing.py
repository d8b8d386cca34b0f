"""The list of proxies needs no torch and points to functions."""

from __future__ import annotations

import subprocess
import sys

import pytest

from netwright.errors import UsageError
from netwright.proxies.listing import ALL, Proxy, batch_size
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


def test_batches_are_as_large_as_asked_or_as_the_images_allow() -> None:
    assert [batch_size(n) for n in (4, 20, 64, 1000)] == [2, 10, 32, 32]
    assert batch_size(20, 5) == 5
    for images, asked in ((3, None), (20, 11), (20, 1), (20, 0), (0, None)):
        with pytest.raises(UsageError, match=f"from the {images} training images"):
            batch_size(images, asked)
