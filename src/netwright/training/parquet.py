"""Parquet files with one column of encoded images and one of labels."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from netwright.errors import DataError
from netwright.training.images import BytesImages
from netwright.training.listing import Listing, split_name

_LABELS = ("label", "labels", "class", "target", "targets", "category", "y")
Rows = npt.NDArray[np.int64]


def read_parquet(path: Path) -> Listing:
    """Read a Parquet file; columns are found by what is in them, split by the column ``split``.

    Raises:
        DataError: Not Parquet, no image or label column, nulls, or an unknown split.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            head = next(iter(file.iter_batches(batch_size=16)), None)
            if head is None or head.num_rows == 0:
                raise DataError(f"{path} has no rows; it needs a column of images and of labels.")
            schema = file.schema_arrow
            image_name = _image_column(path, head, schema)
            label_name = _label_column(path, file, schema, image_name)
            split_column = next((n for n in schema.names if n.lower() == "split"), None)
            columns = [image_name, label_name, *([split_column] if split_column else [])]
            table = file.read(columns=columns)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).split("\n")[0][:120]
        raise DataError(
            f"{path} cannot be read as a Parquet file ({reason}); give a Parquet file with a "
            f"column of encoded images and one of labels, or an image folder."
        ) from error
    labels, classes = _labels(path, table[label_name], label_name, _names(schema, label_name))
    splits, origins = _splits(path, table[split_column] if split_column else None, len(labels))
    return Listing(
        name=path.stem,
        classes=classes,
        images=BytesImages(_binary(table[image_name]), path.name),
        labels=labels,
        splits=splits,
        origins=origins,
    )


def _is_binary(kind: Any) -> bool:
    import pyarrow.types as types

    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind))


def _payload(kind: Any) -> Any:
    """The type that would hold encoded bytes: the column's own, or the field ``bytes`` of it."""
    import pyarrow.types as types

    if types.is_struct(kind) and kind.get_field_index("bytes") >= 0:
        return kind.field("bytes").type
    return kind


def _image_column(path: Path, head: Any, schema: Any) -> str:
    found = []
    for name in schema.names:
        kind = schema.field(name).type
        if not _is_binary(_payload(kind)):
            continue
        values = (v["bytes"] if isinstance(v, dict) else v for v in head[name].to_pylist() if v)
        if any(_is_picture(value) for value in values if value):
            found.append(name)
    if not found:
        raise DataError(
            f"{path} has no column of encoded images (columns: {', '.join(schema.names)}); "
            f"one must hold JPEG, PNG or similar bytes."
        )
    if len(found) > 1:
        named = [n for n in found if n.lower() in ("image", "img", "images", "picture")]
        if len(named) != 1:
            raise DataError(
                f"{path} has more than one column of images ({', '.join(found)}); keep one, or "
                f"call it 'image'."
            )
        found = named
    return str(found[0])


def _is_picture(value: bytes) -> bool:
    try:
        with Image.open(io.BytesIO(value)):
            return True
    except (OSError, SyntaxError, ValueError):
        return False


def _label_column(path: Path, file: Any, schema: Any, image_name: str) -> str:
    import pyarrow.types as types

    def labels_fit(kind: Any) -> bool:
        if types.is_dictionary(kind):
            kind = kind.value_type
        text = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
        return bool(types.is_integer(kind) or types.is_boolean(kind) or text)

    names = [
        n for n in schema.names
        if n != image_name and n.lower() != "split" and labels_fit(schema.field(n).type)
    ]  # fmt: skip
    by_name = [n for wanted in _LABELS for n in names if n.lower() == wanted]
    if by_name:
        return str(by_name[0])
    if len(names) > 1:  # a file name or a running number is different in every row
        rows = file.metadata.num_rows
        columns = file.read(columns=names)
        names = [n for n in names if 2 * columns[n].combine_chunks().unique().__len__() <= rows]
    if len(names) != 1:
        which = f"; any of {', '.join(names)} could be it" if names else ""
        raise DataError(
            f"{path} has no label column (columns: {', '.join(schema.names)}){which}; call the "
            f"column of whole numbers or strings 'label'."
        )
    return str(names[0])


def _names(schema: Any, label_name: str) -> list[str] | None:
    """Class names as Hugging Face's ``datasets`` writes them into the schema, if it did."""
    text = (schema.metadata or {}).get(b"huggingface")
    if not text:
        return None
    features = json.loads(text).get("info", {}).get("features", {})
    names = features.get(label_name, {}).get("names")
    return [str(name) for name in names] if isinstance(names, list) else None


def _labels(
    path: Path, column: Any, name: str, known: list[str] | None
) -> tuple[Rows, tuple[str, ...]]:
    import pyarrow.types as types

    if column.null_count:
        row = column.to_pylist().index(None)
        raise DataError(
            f"{path}: column {name!r} has {column.null_count} empty labels, the first in row "
            f"{row}; fill them in or drop the rows."
        )
    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    values, labels = np.unique(np.array(column.to_pylist()), return_inverse=True)
    if (
        known is not None
        and values.dtype.kind in "iu"
        and 0 <= values[0] <= values[-1] < len(known)
    ):
        return labels.astype(np.int64), tuple(known[int(v)] for v in values)
    return labels.astype(np.int64), tuple(str(v) for v in values.tolist())


def _splits(path: Path, column: Any, count: int) -> tuple[dict[str, Rows], dict[str, str]]:
    if column is None:
        return {"train": np.arange(count, dtype=np.int64)}, {"train": f"file {path}"}
    written = [str(value) for value in column.to_pylist()]
    unknown = sorted({w for w in written if split_name(w) is None})
    if unknown:
        raise DataError(
            f"{path}: column 'split' holds {unknown[0]!r}; it may say train, val or test."
        )
    named = np.array([split_name(w) for w in written])
    splits = {s: np.flatnonzero(named == s).astype(np.int64) for s in ("train", "val", "test")}
    splits = {s: rows for s, rows in splits.items() if len(rows)}
    if "train" not in splits:
        raise DataError(f"{path}: no row of column 'split' says train; mark the training rows.")
    return splits, {s: f"file {path}, split {s}" for s in splits}


def _binary(column: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_struct(column.type):
        column = pc.struct_field(column, "bytes")
    return column.cast(pa.large_binary()).combine_chunks()
