"""A table of few NAS-Bench-201 cells with made-up accuracies, for tests."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet

from netwright.arch.cost import cost
from netwright.spaces.nasbench201 import NASBench201Space, to_string

CELLS = (
    (3, 0, 0, 0, 3, 0), (1, 0, 0, 1, 0, 0), (2, 0, 0, 0, 1, 0), (0, 0, 0, 2, 0, 0),
    (4, 1, 0, 2, 0, 1), (0, 0, 0, 3, 0, 0), (0, 0, 0, 0, 0, 0),
)  # fmt: skip


def write_small_table(folder: Path, *, wrong_params: bool = False) -> Path:
    """The table; its last row, a cell of nothing, may not be sampled."""
    space = NASBench201Space(resolution=8)
    params = [cost(space.decode(cell)).params / 1e6 for cell in CELLS]
    if wrong_params:
        params = [p + 1e-6 for p in params]
    columns = {
        "arch_str": [to_string(cell) for cell in CELLS],
        "c10_test_200": [91.0, 70.0, 80.0, None, 75.0, 88.0, 10.0],
        "c10_val_200": [90.0, 69.0, 79.0, 78.0, 74.0, 87.0, 10.0],
        "c10_params_m": params,
        "suite_zero_valid": [True] * 6 + [False],
    }
    path = folder / "cells.parquet"
    parquet.write_table(pa.table(columns), path)
    zc = {f"c10_{name}": [3.0, 1.0, 2.0, None, 1.5, 2.5, -1e8] for name in OTHERS}
    parquet.write_table(pa.table(zc), folder / "cells_zc.parquet")
    return path


OTHERS = (
    "nwot", "jacov", "epe_nas", "fisher", "grad_norm", "grasp", "l2_norm", "plain", "snip",
    "synflow", "zen",
)  # fmt: skip
