"""What others published for the same tables: Spearman by proxy and column, with the source.

Setups differ: the number of networks, images, batch sizes and training seeds.  So these are
neighbours to compare with, not targets to hit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Published:
    """One published Spearman correlation."""

    value: float
    source: str


_ZICO = "Li et al., ICLR 2023, Table 1, all cells"
_ZERO_COST = "Abdelfattah et al., ICLR 2021, as re-quoted by EZNAS"
_LSWAG = "L-SWAG, CVPR 2025, Table 1, 1,000 cells"
_AZ = "Lee and Ham, CVPR 2024, their notebook, all cells"
_MECO = "Jiang et al., NeurIPS 2023, Table 1"
_SUITE = "NAS-Bench-Suite-Zero's own scores, 9,445 cells"
_HERE = "a prototype of ours, 250 networks"

_TEST = ("c10_test_200", "c100_test_200", "in16_test_200")


def _row(source: str, *values: float | None) -> dict[str, Published]:
    return {
        column: Published(value=value, source=source)
        for column, value in zip(_TEST, values, strict=False)
        if value is not None
    }


def _accel(value: float) -> dict[str, Published]:
    return {"in1k_val_top1": Published(value=value, source=_HERE)}


PUBLISHED: Mapping[str, Mapping[str, Mapping[str, Published]]] = {
    "nasbench201": {
        "params": _row(_ZICO, 0.75, 0.73, 0.69),
        "macs": _row(_ZICO, 0.73, 0.71, 0.67),
        "zico": _row(_ZICO, 0.80, 0.81, 0.79),
        "naswot": _row(_ZICO, 0.77, 0.80, 0.78),
        "gradsign": _row(_ZICO, 0.77, 0.79, 0.78),
        "ntk_condition": _row(_ZICO, 0.44, 0.43, 0.63),
        "zen": _row(_ZICO, 0.38, 0.36, 0.40),
        "synflow": _row(_ZERO_COST, 0.74, 0.76, 0.75),
        "jacob_cov": _row(_ZERO_COST, 0.73, 0.71, 0.71),
        "grad_norm": _row(_ZERO_COST, 0.58, 0.64, 0.58),
        "snip": _row(_ZERO_COST, 0.58, 0.63, 0.58),
        "grasp": _row(_ZERO_COST, 0.48, 0.54, 0.56),
        "fisher": _row(_ZERO_COST, 0.36, 0.39, 0.33),
        "az_nas": _row(_AZ, 0.9127) | _row(_LSWAG, None, 0.90, 0.89),
        "te_nas": _row(_LSWAG, 0.70, 0.67, 0.64),
        "meco": _row(_MECO, 0.894, 0.883, 0.845),
        "epe_nas": _row(_SUITE, 0.772),
        "l2_norm": _row(_SUITE, 0.746),
        "plain": _row(_SUITE, -0.352),
    },
    "accel": {
        "params": _accel(0.80),
        "synflow": _accel(0.76),
        "grad_norm": _accel(0.76),
        "zico": _accel(0.64),
        "sum_log_n": _accel(0.64),
        "macs": _accel(0.57),
        "naswot": _accel(0.27),
    },
}
"""By benchmark, proxy and column."""
