"""Networks that the exporters are tried on: one of each kind, with lively norm statistics."""

from __future__ import annotations

import netwright as nw
from netwright import catalog
from netwright.arch.graph import Architecture
from netwright.arch.nasnet import Macro
from netwright.contracts import Space
from netwright.exporters.check import liven
from netwright.exporters.network import Network, load_network
from netwright.spaces.nasbench201 import NASBench201Space
from netwright.spaces.nasnet import NASNetSpace

KINDS = ("mobile", "efficientnet", "nasnet", "nasbench201")


def architecture(kind: str) -> Architecture:
    """A small network: searched-like, published, of two cells, or a table's."""
    if kind == "efficientnet":
        return catalog.architecture("tf_efficientnet_b0", classes=5, resolution=32)
    space: Space = nw.space("mobile", classes=5, resolution=32)
    if kind == "nasnet":
        space = NASNetSpace(classes=5, macro=Macro(cells=1, filters=8, stem=8))
    elif kind == "nasbench201":
        space = NASBench201Space(classes=5)
    tokens = tuple(k % len(choice.options) for k, choice in enumerate(space.choices))
    return space.decode(space.canonical(tokens))


def network(kind: str) -> Network:
    """The network with fresh weights, its norms not fresh."""
    made = load_network(architecture(kind), None)
    liven(made.module, seed=1)
    return made
