"""``pt2``: the network as ``torch.export`` saves it, loaded with torch alone, of any batch."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch.export import Dim

from netwright.exporters.check import agree, outputs, probe
from netwright.exporters.exported import Exported, write_whole
from netwright.exporters.features import Features
from netwright.exporters.network import Network


def export_pt2(network: Network, path: Path, *, features: Features | None = None) -> Exported:
    """Write a ``.pt2`` file, read it back and compare.

    It is loaded by ``torch.export.load(path).module()``.

    Args:
        network: What to export.
        path: A ``.pt2`` file.
        features: Feature maps to give in place of logits.

    Raises:
        ExportError: If its outputs are not torch's; no file is left.
    """
    module = features or network.module
    example = probe(network.arch, 2)  # of 1, the batch would become a constant
    free = ({0: Dim("batch", min=1)},)
    with torch.no_grad():
        program = torch.export.export(module, (example,), dynamic_shapes=free)
    about = json.dumps(network.about(), ensure_ascii=False)
    gaps: list[float] = []

    def write_and_check(draft: Path) -> None:
        torch.export.save(program, draft, extra_files={"about.json": about})
        again = torch.export.load(draft).module()
        gaps.append(agree(outputs(again), module, network.arch, what="pt2"))

    write_whole(path, write_and_check)
    return Exported.of("pt2", path, gap=gaps[0], facts={"torch": torch.__version__})
