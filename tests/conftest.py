"""What the tests share: one thread each, the benchmarks on the path, a folder of small images."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

# Before torch is imported: several test processes with a pool of threads each fight for the cores,
# and a wait at a barrier for a thread that does not run turned a second into minutes.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from command_line import draw_photos

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))


@pytest.fixture(scope="package")
def quick_finals() -> Iterator[None]:
    """Less time is spent on measuring finalists and on looking for the one with most params."""
    from netwright.finalists import most_params
    from netwright.training.fit import step_seconds

    measure = partial(step_seconds, least_seconds=0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("netwright.evaluators.training.step_seconds", measure)
        patch.setattr("netwright.finalists.most_params", partial(most_params, looks=60))
        yield


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of twelve 8x8 colour images; not to be changed."""
    root = tmp_path_factory.mktemp("data") / "photos"
    return draw_photos(root, {"red": 12, "green": 12, "blue": 12})
