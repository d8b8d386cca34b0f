"""Tables of other devices: CSV and Parquet, a public one and broken ones."""

from __future__ import annotations

from pathlib import Path

import pyarrow
import pyarrow.parquet as parquet
import pytest

from netwright.arch.blocks import classifier, conv_bn_act, mbconv
from netwright.arch.graph import chain
from netwright.errors import DataError, UsageError
from netwright.latency.foreign import import_table
from netwright.latency.parts import parts_of
from netwright.latency.predictor import LatencyPredictor

LUT = Path(__file__).parents[3] / "shared" / "data" / "mbv3_lut_i7_8700k.parquet"
HEAD = "block,in_res,in_ch,out_ch,expand,kernel,stride,idskip,se,ms\n"


def _import(path: Path, activation: str = "relu") -> dict[str, float]:
    made = import_table(path, device="d", runtime="r", threads=1, activation=activation)
    return made.alone


def test_rows_become_parts(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        HEAD
        + "first_conv,64,3,16,-1,-1,-1,-1,-1,0.5\n"
        + "MBConv,32,16,24,4,5,2,0,0,1.25\n"
        + "MBConv,16,24,24,1,3,1,1,0,0.75\n"
        + "classifier,1,24,10,-1,-1,-1,-1,-1,0.1\n"
    )
    found = _import(path)
    block = mbconv((16, 32, 32), 24, 5, expand=4, stride=2, skip=False)
    key = parts_of(chain((16, 32, 32), [("", block)]))[0].key
    assert found[key] == 1.25 and len(found) == 4


needs_lut = pytest.mark.skipif(
    not LUT.exists(), reason="the i7-8700K table is not beside the repository"
)


@pytest.mark.data
@needs_lut
def test_the_table_of_an_i7_adds_up(tmp_path: Path) -> None:
    rows = parquet.read_table(LUT).to_pylist()
    large = [row for row in rows if row["in_res"] in (1, 50, 100)]
    path = tmp_path / "i7.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(large), path)
    made = import_table(path, device="i7-8700K", runtime="?", threads=1)
    assert len(made.alone) == len(large) > 50
    shape = (3, 100, 100)
    stem = conv_bn_act(shape, 24, 3, stride=2)
    first = mbconv(stem.out_shape, 32, 3, expand=3, stride=2)
    second = mbconv((24, 100, 100), 32, 3, expand=3, stride=2)
    predictor = LatencyPredictor.of(made)
    one = predictor(chain((24, 100, 100), [("", second)]))
    assert one.ms == pytest.approx(0.685303, abs=1e-5) and one.measured == 1.0
    both = predictor(chain(shape, [("", stem), ("blocks.0.0", first)]))
    assert both.ms == pytest.approx(0.099113 + 0.301262, abs=1e-5) and both.measured == 1.0
    top = predictor(chain((1280, 1, 1), [("", classifier((1280, 1, 1), 1000))]))
    assert top.ms == pytest.approx(0.029543, abs=1e-5)


@pytest.mark.slow
@pytest.mark.data
@needs_lut
def test_every_row_of_it_is_a_layer_of_its_own() -> None:
    assert len(_import(LUT)) == 4050


BROKEN = [
    ("", "has no rows"),
    ("block,in_res\nMBConv,3\n", "has no column in_ch"),
    ("block,in_res,in_ch,out_ch\nMBConv,3,3,3\n", "has no column milliseconds"),
    (HEAD + "Attention,32,16,24,4,5,2,0,0,1\n", "Row 1 of .* block 'Attention'"),
    (HEAD + "MBConv,x,16,24,4,5,2,0,0,1\n", "Row 1 of .* is no layer"),
    (HEAD + "MBConv,32,16,24,4,5,2,0,0,-1\n", "has -1.0 milliseconds"),
    (HEAD + "MBConv,32,16,24,4,5,2,0,0,\n", "Row 1 of .* is no layer"),
]


@pytest.mark.parametrize(("text", "said"), BROKEN)
def test_what_is_broken_is_refused_in_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=said):
        _import(path)


def test_what_is_no_file_of_that_kind(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no file"):
        _import(tmp_path / "none.csv")
    path = tmp_path / "t.parquet"
    path.write_bytes(b"no parquet")
    with pytest.raises(DataError, match="cannot be read as a Parquet file"):
        _import(path)
    with pytest.raises(UsageError, match="No activation is called 'tnah'"):
        _import(path, activation="tnah")
