"""Optional libraries: there, or a sentence that says what to type."""

from __future__ import annotations

import json

import pytest

from netwright.errors import UsageError
from netwright.nn.extras import extra


def test_a_library_that_is_there_is_imported() -> None:
    assert extra("json", install="onnx") is json


def test_a_library_that_is_not_is_one_sentence() -> None:
    with pytest.raises(UsageError, match=r"^nosuch is not installed: pip install 'netwright\[x\]"):
        extra("nosuch.part", install="x")
