"""Records of exports, and files that are whole or not there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netwright.exporters.exported import Exported, write_whole


def test_a_record_is_plain_json(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"12345")
    made = Exported.of("onnx", tmp_path / "a.bin", gap=1e-6, facts={"opset": 17})
    assert made.file_bytes == 5
    assert json.loads(json.dumps(made.to_dict()))["facts"] == {"opset": 17}


def test_a_file_that_fails_is_not_left(tmp_path: Path) -> None:
    def half(path: Path) -> None:
        path.write_text("half")
        raise ValueError("stopped")

    (tmp_path / "a.txt").write_text("whole")
    with pytest.raises(ValueError, match="stopped"):
        write_whole(tmp_path / "a.txt", half)
    assert [p.read_text() for p in tmp_path.iterdir()] == ["whole"]
