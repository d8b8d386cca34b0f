"""How well every proxy ranks Accel-NASBench's networks, which were trained on ImageNet.

Run ``python benchmarks/proxies_accel.py FLOWERS`` beside a folder ``../shared/data`` with
``accel_nasbench.parquet``; FLOWERS is the image folder in ``flowers5.tar``.
"""

from __future__ import annotations

from proxy_tables import Part, run

PARTS = (
    Part(
        name="b16",
        batch=16,
        networks=320,
        proxies=(
            "params", "macs", "sum_log_n", "madnas", "deepmad", "depth", "layer_count", "l2_norm",
            "synflow", "naswot", "swap", "jacob_cov", "epe_nas", "grad_norm", "snip", "plain",
            "fisher", "zico", "zico_bc", "meco", "meco_opt", "az_expressivity", "az_progressivity",
            "az_trainability",
        ),
    ),
    Part(
        name="few",
        batch=16,
        networks=60,
        proxies=(
            "zen", "grasp", "gradsign", "ntk_condition", "linear_regions", "grad_norm_zen",
        ),
    ),
)  # fmt: skip
COLUMNS = ("in1k_val_top1",)


def main() -> None:
    """Measure, print, write."""
    run(
        __file__,
        __doc__,
        "Training-free scores of Accel-NASBench networks, ranked against ImageNet accuracies",
        table="accel_nasbench.parquet",
        parts=PARTS,
        columns=COLUMNS,
    )


if __name__ == "__main__":
    main()
