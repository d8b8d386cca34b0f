"""Parquet files: columns are found by their content."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from netwright.errors import DataError
from netwright.training.images import decode
from netwright.training.parquet import read_parquet


def encoded(value: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (8, 8), value).save(buffer, "PNG")
    return buffer.getvalue()


PICTURES = [encoded(value) for value in range(0, 60, 10)]


def write(path: Path, columns: dict[str, Any], metadata: dict[bytes, bytes] | None = None) -> Path:
    table = pa.table(columns)
    pq.write_table(table.replace_schema_metadata(metadata), path, row_group_size=4)
    return path


def test_bytes_and_strings(tmp_path: Path) -> None:
    path = write(tmp_path / "t.parquet", {"blob": PICTURES, "class": list("bababa")})
    listing = read_parquet(path)
    assert listing.classes == ("a", "b") and listing.labels.tolist() == [1, 0] * 3
    assert list(listing.splits) == ["train"] and listing.name == "t"
    values = [int(decode(listing.images, r, size=8, channels=1)[0, 0, 0]) for r in range(6)]
    assert values == list(range(0, 60, 10))


def test_structs_and_class_names_as_hugging_face_writes_them(tmp_path: Path) -> None:
    features = {"label": {"names": ["cat", "dog", "eel"], "_type": "ClassLabel"}}
    path = write(
        tmp_path / "h.parquet",
        {"image": [{"bytes": p, "path": "x.png"} for p in PICTURES], "label": [0, 2] * 3},
        {b"huggingface": json.dumps({"info": {"features": features}}).encode()},
    )
    listing = read_parquet(path)
    assert listing.classes == ("cat", "eel") and listing.labels.tolist() == [0, 1] * 3
    assert decode(listing.images, 3, size=8, channels=1)[0, 0, 0] == 30


def test_the_only_candidate_is_the_label(tmp_path: Path) -> None:
    columns = {
        "file": [f"{n}.png" for n in range(6)], "raw": [b"no image"] * 6, "kind": [7, 3] * 3,
        "picture": PICTURES, "weight": [0.5] * 6,
    }  # fmt: skip
    listing = read_parquet(write(tmp_path / "o.parquet", columns))
    assert listing.classes == ("3", "7") and listing.labels.tolist() == [1, 0] * 3


def test_categories_and_truth_values(tmp_path: Path) -> None:
    words = pa.array(["x", "y"] * 3).dictionary_encode()
    assert read_parquet(write(tmp_path / "d", {"i": PICTURES, "label": words})).classes == (
        "x",
        "y",
    )
    truth = {"i": PICTURES, "is_cat": [True, False] * 3}
    assert read_parquet(write(tmp_path / "b", truth)).classes == ("False", "True")


def test_the_split_column(tmp_path: Path) -> None:
    split = ["train", "validation", "test", "Train", "valid", "train"]
    path = write(tmp_path / "s.parquet", {"i": PICTURES, "label": [0, 1] * 3, "split": split})
    assert {n: r.tolist() for n, r in read_parquet(path).splits.items()} == {
        "train": [0, 3, 5], "val": [1, 4], "test": [2],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [1, 2], "label": [0, 1]}, r"no column of encoded images \(columns: a, label\)"),
        ({"i": PICTURES[:2], "w": [0.5, 0.1]}, r"no label column \(columns: i, w\)"),
        ({"i": PICTURES[:4], "u": [0, 1, 0, 1], "v": [1, 1, 0, 0]}, "any of u, v could be it"),
        ({"i": PICTURES[:3], "label": [0, None, 1]}, "1 empty labels, the first in row 1"),
        (
            {"i": PICTURES[:2], "j": PICTURES[:2], "label": [0, 1]},
            "more than one column of images",
        ),
        ({"i": PICTURES[:2], "label": [0, 1], "split": ["train", "hold"]}, "'split' holds 'hold'"),
        ({"i": PICTURES[:2], "label": [0, 1], "split": ["test", "test"]}, "no row .* says train"),
        ({"i": pa.array([], pa.binary()), "label": pa.array([], pa.int8())}, "has no rows"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_parquet(write(tmp_path / "w.parquet", columns))


def test_not_parquet(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_text("hello")
    with pytest.raises(DataError, match="cannot be read as a Parquet file"):
        read_parquet(path)


def test_labels_are_whole_numbers(tmp_path: Path) -> None:
    path = write(tmp_path / "u.parquet", {"i": PICTURES, "label": np.array([9, 4] * 3, np.uint8)})
    assert read_parquet(path).labels.dtype == np.int64
