"""Several formats into one folder; what one brings with it; what is refused before it begins."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from exporters.networks import network
from netwright.errors import UnknownNameError, UsageError
from netwright.exporters.export import FORMATS, export, require


def test_a_card_brings_code_and_weights_and_the_folder_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = export(network("mobile"), ["card"], out=tmp_path / "made", licence="mit")
    assert [made.format for made in found] == ["card", "code", "safetensors"]
    monkeypatch.chdir(tmp_path / "made")
    text = Path("README.md").read_text()
    snippet = text.split("```python\n")[1].split("```")[0]
    monkeypatch.syspath_prepend(str(tmp_path / "made"))
    Path("snippet.py").write_text(snippet)
    model = runpy.run_path("snippet.py")["model"]
    sys.modules.pop("network", None)
    assert not model.training


def test_onnx_feature_maps_have_a_file_of_their_own(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="pip install 'netwright[onnx]'")
    (made,) = export(network("mobile"), ["onnx"], out=tmp_path, features=True)
    assert made.files == (str(tmp_path / "features.onnx"),)
    assert len(made.facts["strides"]) == len(made.facts["channels"])


def test_unknown_formats_suggest_one() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'onnx'"):
        require(["onxn"])
    assert len(FORMATS) == 7


@pytest.mark.parametrize(
    ("to", "module", "words"),
    [
        ("onnx", "onnx", r"ONNX is not installed: pip install 'netwright\[onnx\]'"),
        ("onnx", "onnxruntime", "ONNX Runtime is not installed"),
        (
            "openvino",
            "openvino",
            r"OpenVINO is not installed: pip install 'netwright\[op",
        ),
    ],
)
def test_what_is_not_installed_is_told_before_anything_is_written(
    to: str, module: str, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match=words):
        export(network("mobile"), [to], out=tmp_path / "made")
    assert not (tmp_path / "made").exists()
