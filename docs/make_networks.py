"""Fill the tables of docs/networks.md: the catalogue, our counts beside the papers', implied φ.

Run ``python docs/make_networks.py`` after a published network was added or changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from netwright import catalog
from netwright.arch.cost import cost
from netwright.scaling import COMPOUND, PUBLISHED_COEFFICIENTS, implied_phi, scale
from netwright.units import format_count

PAGE = Path(__file__).parent / "networks.md"
REPORTED: Mapping[str, tuple[str, str, str]] = {  # parameters, MACs, where
    "nasnet_a_cifar": ("3.3M", "", "NASNet, Table 1"),
    "nasnet_a_mobile": ("5.3M", "564M", "NASNet, Table 3"),
    "nasnet_a_large": ("88.9M", "23.8G", "NASNet, Table 2"),
    "mnasnet_a1": ("3.9M", "315.2M", "tensorflow/tpu, mnasnet"),
    "semnasnet_140": ("6.1M", "591.5M", "tensorflow/tpu, mnasnet"),
    "efficientnet_b0": ("5.3M", "0.39G", "EfficientNet, Table 2"),
    "efficientnet_b1": ("7.8M", "0.70G", "EfficientNet, Table 2"),
    "efficientnet_b2": ("9.2M", "1.0G", "EfficientNet, Table 2"),
    "efficientnet_b3": ("12M", "1.8G", "EfficientNet, Table 2"),
    "efficientnet_b4": ("19M", "4.2G", "EfficientNet, Table 2"),
    "efficientnet_b5": ("30M", "9.9G", "EfficientNet, Table 2"),
    "efficientnet_b6": ("43M", "19G", "EfficientNet, Table 2"),
    "efficientnet_b7": ("66M", "37G", "EfficientNet, Table 2"),
    "efficientnet_lite0": ("4.7M", "407M", "tensorflow/tpu, lite"),
    "efficientnet_lite4": ("13.0M", "2.64G", "tensorflow/tpu, lite"),
    "efficientnetv2_s": ("21.5M", "8.4G", "google/automl, efficientnetv2"),
    "efficientnetv2_m": ("54.1M", "24.7G", "google/automl, efficientnetv2"),
    "efficientnetv2_l": ("119.5M", "56.3G", "google/automl, efficientnetv2"),
    "zico_450m": ("", "448M", "ZiCo, Table 2"),
    "zico_600m": ("", "603M", "ZiCo, Table 2"),
    "zico_1g": ("", "1005M", "ZiCo, Table 2"),
}


def catalogue() -> str:
    """Every published network; those of equal size and counts share a row."""
    rows: dict[tuple[int, int, int], list[str]] = {}
    for name in catalog.published():
        arch = catalog.architecture(name)
        counts = cost(arch)
        rows.setdefault((arch.input_shape[1], counts.params, counts.macs), []).append(name)
    lines = ["| network | pixels | parameters | MACs |", "|---|--:|--:|--:|"]
    for (side, params, macs), names in rows.items():
        called = ", ".join(f"`{name}`" for name in names)
        lines.append(f"| {called} | {side} | {params:,} | {macs:,} |")
    return "\n".join(lines)


def reported() -> str:
    """Our counts beside those that were published."""
    lines = [
        "| network | parameters | published | MACs | published | where |",
        "|---|--:|--:|--:|--:|---|",
    ]
    for name, (params, macs, where) in REPORTED.items():
        counts = cost(catalog.architecture(name))
        ours = (format_count(counts.params), format_count(counts.macs))
        lines.append(f"| `{name}` | {ours[0]} | {params} | {ours[1]} | {macs} | {where} |")
    return "\n".join(lines)


def phis() -> str:
    """Which φ each published tuple stands for, and what φ alone makes of B0 at its MACs."""
    base = catalog.architecture("efficientnet_b0")
    lines = [
        "| network | depth | width | pixels | φ of depth | of width | of pixels "
        "| B0 scaled to its MACs |",
        "|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    for name, at in PUBLISHED_COEFFICIENTS.items():
        phi = implied_phi(at, base_resolution=base.input_shape[1], rule=COMPOUND)
        ours = scale(base, to_macs=cost(catalog.architecture(name)).macs)
        counts = cost(ours)
        grown = f"{ours.input_shape[1]} px, {counts.params:,} parameters, {counts.macs:,} MACs"
        lines.append(
            f"| `{name}` | {at.depth} | {at.width} | {at.resolution} | {phi.depth:.2f} | "
            f"{phi.width:.2f} | {phi.resolution:.2f} | {grown} |"
        )
    return "\n".join(lines)


def page(text: str) -> str:
    """The page with its tables made anew.

    Args:
        text: The page as it is.

    Raises:
        ValueError: If the place of a table is not marked.
    """
    for table in (catalogue, reported, phis):
        begin, end = (f"<!-- {table.__name__}:{what} -->" for what in ("begin", "end"))
        head, found, rest = text.partition(begin)
        _, closed, tail = rest.partition(end)
        if not found or not closed:
            raise ValueError(f"{PAGE} has no {begin} ... {end}.")
        text = f"{head}{begin}\n\n{table()}\n\n{end}{tail}"
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
