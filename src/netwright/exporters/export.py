"""Exporting to several formats at once, each checked against torch, into one folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from netwright.errors import UnknownNameError, UsageError
from netwright.exporters.card import export_card
from netwright.exporters.code import export_code
from netwright.exporters.exported import Exported
from netwright.exporters.features import Features
from netwright.exporters.int8 import export_int8
from netwright.exporters.network import Network
from netwright.exporters.onnx import export_onnx
from netwright.exporters.openvino import export_openvino
from netwright.exporters.pt2 import export_pt2
from netwright.exporters.timm import export_timm
from netwright.folders import make_folder
from netwright.nn.extras import extra
from netwright.nn.weights import save_weights
from netwright.training.data import ImageData

FORMATS: tuple[str, ...] = ("onnx", "code", "timm", "pt2", "safetensors", "openvino", "card")
_GRAPHS = {
    "onnx": (export_onnx, "onnx"),
    "pt2": (export_pt2, "pt2"),
    "openvino": (export_openvino, "xml"),
}


def export(
    network: Network,
    to: Sequence[str],
    *,
    out: Path,
    features: bool = False,
    int8: ImageData | None = None,
    result: Mapping[str, Any] | None = None,
    licence: str = "unknown",
    seed: int = 0,
) -> list[Exported]:
    """Write a network in some formats.

    ``code``, ``timm`` and ``card`` bring ``weights.safetensors`` with them, and ``card`` the code
    too: the folder can be pushed as it is.

    Args:
        network: What to export.
        to: Formats; see ``FORMATS``.
        out: The folder; made if it is not there.
        features: Whether ``onnx``, ``pt2`` and ``openvino`` give feature maps by stride in place
            of logits; their files are called ``features``.
        int8: Images to quantise the ONNX model on.
        result: What its search or training came to, for the card.
        licence: For the card.
        seed: Of the choice of images for ``int8``.

    Raises:
        UsageError: For an unknown format, or one that cannot hold this network, or a library that
            is not installed.
        ExportError: If what was written does not give torch's outputs.
    """
    require((*to, "onnx") if int8 is not None else to)
    if int8 is not None and features:
        raise UsageError("int8 is for networks that classify; leave out --features.")
    maps = Features(network) if features else None
    make_folder(out)
    found: list[Exported] = []
    for name in _with_what_they_need(to, int8=int8 is not None):
        if name in _GRAPHS:
            found.append(_graph(name, network, out, maps))
        else:
            found.append(_plain(name, network, out, result=result, licence=licence))
        if name == "onnx" and int8 is not None:
            source, target = out / "network.onnx", out / "network.int8.onnx"
            found.append(export_int8(network, source, target, data=int8, seed=seed))
    return found


def _with_what_they_need(to: Sequence[str], *, int8: bool) -> list[str]:
    wanted = dict.fromkeys(("onnx", *to) if int8 else to)
    if "card" in wanted:
        wanted |= dict.fromkeys(("code",))
    if wanted.keys() & {"code", "timm", "card"}:
        wanted |= dict.fromkeys(("safetensors",))
    return list(wanted)


def _graph(name: str, network: Network, out: Path, maps: Features | None) -> Exported:
    write, suffix = _GRAPHS[name]
    if maps is None:
        return write(network, out / f"network.{suffix}", features=None)
    made = write(network, out / f"features.{suffix}", features=maps)
    facts = {**made.facts, "strides": maps.strides, "channels": maps.channels}
    return replace(made, facts=facts)


def require(to: Sequence[str]) -> None:
    """See that these are formats, and that what they need is installed.

    Raises:
        UsageError: If not, with what to type.
    """
    for name in to:
        if name not in FORMATS:
            raise UnknownNameError("format", name, FORMATS)
    if "openvino" in to:
        extra("openvino", install="openvino")
    if {"onnx", "openvino"} & set(to):
        for library in ("onnx", "onnxruntime"):
            extra(library, install="onnx")


def _plain(
    name: str, network: Network, out: Path, *, result: Mapping[str, Any] | None, licence: str
) -> Exported:
    if name == "code":
        return export_code(network, out / "network.py")
    if name == "timm":
        return export_timm(network, out / "network_timm.py")
    if name == "card":
        return export_card(network, out / "README.md", result=result, licence=licence)
    path = out / "weights.safetensors"
    save_weights(network.module, path, about=network.about())
    return Exported.of(name, path, gap=0.0)
