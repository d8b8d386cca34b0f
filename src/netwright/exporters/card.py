"""``card``: a README in Hugging Face's form: what the network is, cost, and how to load it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import netwright
from netwright.arch.cost import cost
from netwright.exporters.exported import Exported, write_whole
from netwright.exporters.network import Network
from netwright.units import format_count, format_seconds

_LOADING = """```python
from network import load  # needs torch and safetensors

model = load("weights.safetensors")
```"""


def export_card(
    network: Network, path: Path, *, result: Mapping[str, Any] | None, licence: str
) -> Exported:
    """Write the model card.

    Args:
        network: What is described.
        path: ``README.md``, beside ``network.py`` and ``weights.safetensors``.
        result: What ``result.json`` of its search or training holds, if there was one.
        licence: An identifier of Hugging Face's, such as ``apache-2.0``; ``unknown`` if not said.
    """
    text = card_text(network, result=result, licence=licence)

    def write(draft: Path) -> None:
        draft.write_text(text, encoding="utf-8")

    write_whole(path, write)
    return Exported.of("card", path, facts={"licence": licence})


def card_text(network: Network, *, result: Mapping[str, Any] | None, licence: str) -> str:
    """The card's text."""
    found = dict(result or {})
    parts = [
        "\n".join(["---", *_header(network, found, licence), "---"]),
        f"# {network.name}",
        _what(network, found),
        "## Use",
        _LOADING,
        _preparation(network),
    ]
    if found:
        parts += ["## Accuracy", _accuracy(found), "## Data", _data(found)]
        parts += ["## What it cost to find", _search(found)] if "search" in found else []
    parts += ["## Licence", f"{licence}." if licence != "unknown" else "Not stated by its author."]
    return "\n\n".join(part for part in parts if part) + "\n"


def _header(network: Network, found: Mapping[str, Any], licence: str) -> list[str]:
    """YAML; JSON strings are YAML strings."""
    lines = [
        f"license: {json.dumps(licence)}",
        "library_name: pytorch",
        "pipeline_tag: image-classification",
        "tags:",
        "- image-classification",
        "- neural-architecture-search",
        "- netwright",
    ]
    measured = _measured(found)
    if not measured:
        return lines
    name = json.dumps(_name(found), ensure_ascii=False)
    lines += [
        "metrics:", "- accuracy", "model-index:",
        f"- name: {json.dumps(network.name, ensure_ascii=False)}", "  results:",
    ]  # fmt: skip
    for split, value, _ in measured:
        lines += [
            "  - task:", "      type: image-classification", "    dataset:",
            f"      name: {name}", f"      type: {name}", f"      split: {split}",
            "    metrics:", "    - type: accuracy", f"      value: {value:.4f}",
        ]  # fmt: skip
    return lines


def _name(found: Mapping[str, Any]) -> str:
    data = found.get("data")
    return str(data["name"] if isinstance(data, Mapping) else Path(str(data)).name)


def _measured(found: Mapping[str, Any]) -> list[tuple[str, float, str]]:
    """Split, accuracy, and how sure it is."""
    rows = []
    test, best = found.get("test"), found.get("best")
    if isinstance(test, Mapping):
        sure = f"95% interval {test['low']:.3f} to {test['high']:.3f}, {test['images']:,} images"
        rows.append(("test", float(test["accuracy"]), f"{sure}, looked at once"))
    elif found.get("test_accuracy") is not None:
        rows.append(
            ("test", float(found["test_accuracy"]), f"{found.get('test_images', 0):,} images")
        )
    val = best.get("val_accuracy") if isinstance(best, Mapping) else found.get("val_accuracy")
    if val is not None:
        rows.append(("validation", float(val), "the network was chosen or stopped by it"))
    return rows


def _what(network: Network, found: Mapping[str, Any]) -> str:
    arch, is_cost = network.arch, cost(network.arch)
    channels, height, width = arch.input_shape
    about = (
        f"An image classifier for {height}x{width} images of {channels} "
        f"channel{'s' if channels > 1 else ''} and {arch.classes} classes: "
        f"{format_count(is_cost.params)} parameters, {format_count(is_cost.macs)} multiply-adds "
        f"per image, {is_cost.peak_activation_bytes:,} bytes of activations at most (float32). "
        f"Its architecture has the id `{arch.id}`."
    )
    limits = found.get("budget") or {}
    if limits:
        words = ", ".join(f"{name} at most {limit:,}" for name, limit in limits.items())
        about += f" It was searched for under this budget: {words}."
    rows = [row for row in found.get("finals", ()) if row.get("arch_id") == arch.id]
    if rows and "latency_ms" in rows[0] and "latency" in found:
        setting = found["latency"]["setting"]
        about += (
            f" A pass took {rows[0]['latency_ms']:.3g} ms in {setting['runtime']} "
            f"{setting['version']} with {setting['threads']} thread(s) and batch "
            f"{setting['batch']} on {setting['processor']}, measured."
        )
    return about if network.trained else f"{about} Its weights are not trained."


def _preparation(network: Network) -> str:
    channels, height, width = network.arch.input_shape
    text = f"It takes images (batch, {channels}, {height}, {width}) and gives logits."
    if network.mean and network.std:
        text += f" Scale pixels to 0..1, subtract {network.mean} and divide by {network.std}."
    if network.classes:
        text += " Classes, in the order of the logits: " + ", ".join(network.classes) + "."
    return text


def _accuracy(found: Mapping[str, Any]) -> str:
    rows = ["| split | accuracy | |", "|---|---|---|"]
    rows += [f"| {split} | {100 * value:.1f}% | {sure} |" for split, value, sure in
             _measured(found)]  # fmt: skip
    verdict = found.get("verdict")
    return "\n".join(rows) + (f"\n\n{verdict}" if verdict else "")


def _data(found: Mapping[str, Any]) -> str:
    data = found.get("data")
    if not isinstance(data, Mapping):
        return f"{_name(found)}."
    counts = ", ".join(f"{sum(n):,} {split}" for split, n in data.get("counts", {}).items())
    return f"{data['name']}: {counts} images, at {data['resolution']} px."


def _search(found: Mapping[str, Any]) -> str:
    search, seconds = found["search"], found.get("seconds", {})
    total = seconds.get("total")
    whole = f" {format_seconds(float(total))} in all, final trainings included." if total else ""
    return (
        f"{search['trials']:,} candidates of the space `{found.get('space')}`, by the strategy "
        f"`{found.get('strategy')}`, judged by {found.get('judge')}, in "
        f"{format_seconds(float(search['seconds']))}; seed {found.get('seed')}, on "
        f"{found.get('device')}.{whole} Found by netwright {netwright.__version__}."
    )
