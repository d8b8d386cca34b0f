"""What the tests share: the benchmarks can be imported, and there is a folder of small images."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from command_line import draw_photos

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of twelve 8x8 colour images; not to be changed."""
    root = tmp_path_factory.mktemp("data") / "photos"
    return draw_photos(root, {"red": 12, "green": 12, "blue": 12})
