"""The blocks of any network, and their outputs, found by its module tree or its graph's names.

In a ``torch.fx`` graph whose layers are named in numbered groups (``blocks.2.0.conv_pw``,
``cell_3.conv_1x1``), a block is such a group and its output the group's last value.  Elsewhere a
block is an outermost module that is called, holds a layer, and is no mere container: containers
are ``nn.Sequential``, lists, and modules that hand on the output of a child which has layers of
its own.  Without two such blocks, the convolutions take their place.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, fx, nn
from torch.nn.modules.conv import _ConvNd

from netwright.proxies.borrow import listening


class Tapped(nn.Module):
    """A network that returns its blocks' outputs (B, C, H, W), in order, beside its own."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        graph = _with_groups(module) if isinstance(module, fx.GraphModule) else None
        self.module = module if graph is None else graph
        self.by_graph = graph is not None

    def forward(self, images: Tensor) -> tuple[object, list[Tensor]]:
        """The network's output, and its blocks' outputs that are feature maps."""
        if self.by_graph:
            result, features = self.module(images)
        else:
            outputs: dict[nn.Module, object] = {}

            def watch(sub: nn.Module, _: object, result: object) -> None:
                outputs[sub] = result

            with listening(self.module.modules(), watch):
                result = self.module(images)
            blocks = list(_blocks(self.module, outputs))
            if len(blocks) < 2:
                blocks = [m for m in outputs if isinstance(m, _ConvNd)]
            features = [outputs[m] for m in outputs if m in set(blocks)]
        maps = [f for f in features if isinstance(f, Tensor) and f.dim() == 4]
        return result, [f for i, f in enumerate(maps) if all(f is not g for g in maps[:i])]


def _blocks(parent: nn.Module, outputs: dict[nn.Module, object]) -> Iterator[nn.Module]:
    for child in parent.children():
        if next(child.children(), None) is None or not _layers(child):
            continue
        result = outputs.get(child)
        hands_on = result is not None and any(
            outputs.get(grandchild) is result and _layers(grandchild) >= 2
            for grandchild in child.children()
        )
        if child not in outputs or hands_on or isinstance(child, nn.Sequential | nn.ModuleList):
            yield from _blocks(child, outputs)
        else:
            yield child


def _layers(module: nn.Module) -> int:
    return sum(isinstance(m, _ConvNd | nn.Linear) for m in module.modules())


def _with_groups(module: fx.GraphModule) -> fx.GraphModule | None:
    """The same graph, returning each numbered group's last value too; None with under two."""
    graph = fx.Graph()
    copied: dict[fx.Node, fx.Node] = {}
    result = graph.graph_copy(module.graph, copied)
    last: dict[str, fx.Node] = {}
    group: str | None = None
    for node in module.graph.nodes:
        if node.op == "call_module":
            group = _group(str(node.target))
        if group is not None and node.op.startswith("call"):
            last[group] = copied[node]
    if len(last) < 2:
        return None
    graph.output((result, list(last.values())))
    return fx.GraphModule(module, graph)


def _group(target: str) -> str | None:
    """``blocks.2.0`` of ``blocks.2.0.se.conv_reduce``; None for a layer outside such groups."""
    parts = target.split(".")
    start = next((i for i, part in enumerate(parts) if part[-1:].isdigit()), len(parts))
    end = next((i for i in range(start + 1, len(parts)) if not parts[i].isdigit()), None)
    return None if end is None else ".".join(parts[:end])
