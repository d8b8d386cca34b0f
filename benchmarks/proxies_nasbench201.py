"""How well every proxy ranks NAS-Bench-201's cells, beside published figures.

Run ``python benchmarks/proxies_nasbench201.py ../shared/data/cifar10_12k_jpeg.parquet`` beside a
folder ``../shared/data`` with ``nasbench201.parquet`` and ``nasbench201_zc.parquet``.
"""

from __future__ import annotations

from proxy_tables import Part, run

PARTS = (
    Part(
        name="b64",
        batch=64,
        networks=1000,
        proxies=(
            "params", "macs", "sum_log_n", "madnas", "deepmad", "naswot", "jacob_cov", "epe_nas",
            "grad_norm", "snip", "plain", "fisher", "zico", "zico_bc",
        ),
    ),
    Part(
        name="b16",
        batch=16,
        networks=1000,
        proxies=(
            "synflow", "l2_norm", "az_expressivity", "az_progressivity", "az_trainability",
            "grasp",
        ),
    ),
    Part(
        name="few",
        batch=16,
        networks=300,
        proxies=(
            "zen", "gradsign", "ntk_condition", "linear_regions", "swap", "meco", "meco_opt",
            "grad_norm_zen", "depth", "layer_count",
        ),
    ),
)  # fmt: skip
COLUMNS = ("c10_test_200", "c100_test_200", "in16_test_200")


def main() -> None:
    """Measure, print, write."""
    run(
        __file__,
        __doc__,
        "Training-free scores of NAS-Bench-201 networks, ranked against their trained accuracies",
        table="nasbench201.parquet",
        parts=PARTS,
        columns=COLUMNS,
    )


if __name__ == "__main__":
    main()
