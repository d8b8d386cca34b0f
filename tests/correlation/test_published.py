"""Published figures: each names a proxy that exists, a column that exists and a source."""

from __future__ import annotations

from netwright.correlation.published import PUBLISHED
from netwright.correlation.tables import BENCHMARKS
from netwright.proxies.ensembles import ENSEMBLES
from netwright.proxies.listing import ALL


def test_names_and_columns_exist() -> None:
    names = {p.name for p in ALL} | {e.name for e in ENSEMBLES}
    columns = {b.name: b.accuracies for b in BENCHMARKS}
    for benchmark, proxies in PUBLISHED.items():
        assert set(proxies) <= names
        for figures in proxies.values():
            assert figures and set(figures) <= set(columns[benchmark])
            assert all(-1 <= f.value <= 1 and f.source for f in figures.values())


def test_the_figures_of_the_papers() -> None:
    cells = PUBLISHED["nasbench201"]
    assert cells["zico"]["c10_test_200"].value == 0.80
    assert cells["az_nas"]["c10_test_200"].value == 0.9127
    assert "c10_test_200" in cells["synflow"] and cells["synflow"]["in16_test_200"].value == 0.75
    assert PUBLISHED["accel"]["params"]["in1k_val_top1"].value == 0.80
