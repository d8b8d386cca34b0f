"""``code``: one readable PyTorch file that imports nothing of netwright's, for any network."""

from __future__ import annotations

import itertools
import runpy
from collections import Counter
from pathlib import Path
from typing import Any

from torch import nn

import netwright
from netwright.arch.graph import Architecture, Placed
from netwright.arch.operation import Shape
from netwright.errors import UsageError
from netwright.exporters.blocks import Call, Step, block_classes, run_steps
from netwright.exporters.check import agree, outputs
from netwright.exporters.exported import Exported, write_whole
from netwright.exporters.network import Network
from netwright.exporters.source import (
    HELPERS,
    NEEDS,
    chained,
    construct,
    grow,
    layer_of,
    numbered,
)

_PARTS = '''class Parts(nn.Module):
    """Modules under one name, so that weights have the names they were saved with."""

    def __init__(self, **parts):
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
'''
_LOAD = '''def load(weights):
    """The network with the weights of a .safetensors file, in eval mode."""
    model = Network()
    model.load_state_dict(load_file(weights))
    return model.eval()
'''


def export_code(network: Network, path: Path) -> Exported:
    """Write the file, run it and compare.

    Args:
        network: What to export.
        path: A ``.py`` file; its ``Network`` takes the weights that ``safetensors`` exports.

    Raises:
        UsageError: If a module of the network has others inside; source has no place for that.
        ExportError: If its outputs are not torch's; no file is left.
    """
    text = code_source(network)
    gaps: list[float] = []

    def write(draft: Path) -> None:
        draft.write_text(text, encoding="utf-8")
        made: Any = runpy.run_path(str(draft))["Network"]()
        made.load_state_dict(network.state)
        module: nn.Module = made.eval()
        gaps.append(agree(outputs(module), network.module, network.arch, what="code"))

    write_whole(path, write)
    return Exported.of("code", path, gap=gaps[0], facts={"lines": text.count("\n")})


def code_source(network: Network) -> str:
    """The text of the file.

    Raises:
        UsageError: If a module of the network has others inside.
    """
    arch = network.arch
    kept = _kept(network)
    classes = block_classes([p.block for _, p in kept if p.prefix])
    calls = {block: call for c in classes for block, call in c.arguments.items()}
    try:
        main = _network(network, kept, calls)
    except TypeError as err:
        raise UsageError(f"{network.name} cannot be written as code: {err}") from err
    body = "\n\n".join([*(c.source for c in classes), main])
    wanted = [name for name in HELPERS if f"{name}(" in body]
    wanted = [n for n in HELPERS if n in wanted or any(n in NEEDS.get(w, ()) for w in wanted)]
    parts = [HELPERS[name] for name in wanted] + ([_PARTS] if "Parts(" in body else [])
    functional = ["from torch.nn import functional as F"]
    head = [
        f'"""{network.name}: plain PyTorch, written by netwright {netwright.__version__}.',
        "",
        '    model = load("weights.safetensors")',
        f"    logits = model(images)  # images (batch, {', '.join(map(str, arch.input_shape))})",
        '"""',
        "",
        "import torch",
        "from safetensors.torch import load_file",
        "from torch import nn",
        *functional,
        "",
        *_constants(network),
        "",
        "",
    ]
    text = "\n".join(head) + "\n\n".join([*parts, body, _LOAD])
    if "torch." not in text.split("import torch\n", 1)[1].replace("torch.nn", "").replace(
        "safetensors.torch", ""
    ):
        text = text.replace("import torch\n", "", 1)
    return text if "F." in text else text.replace(functional[0] + "\n", "", 1)


def _constants(network: Network) -> list[str]:
    """What a user must know to prepare an image and to read the logits."""
    lines = [f"INPUT_SHAPE = {network.arch.input_shape}"]
    if network.mean and network.std:
        lines.append(f"MEAN, STD = {network.mean}, {network.std}  # of images in 0..1")
    if network.classes:
        lines += ["CLASSES = [", *(f"    {name!r}," for name in network.classes), "]"]
    return lines


def _kept(network: Network) -> list[tuple[int, Placed]]:
    """The placed blocks, with their numbers, but those of an auxiliary classifier."""
    arch = network.arch
    gone = _below(arch, arch.aux or 0) - _below(arch, len(arch.placed))
    kept = []
    for number, place in enumerate(arch.placed, start=1):
        if number in gone or not gone.isdisjoint(place.inputs):
            gone.add(number)
        else:
            kept.append((number, place))
    return kept


def _below(arch: Architecture, end: int) -> set[int]:
    """Numbers of the blocks that a block depends on, itself among them."""
    alive = {end}
    for number in range(end, 0, -1):
        if number in alive:
            alive.update(arch.placed[number - 1].inputs)
    return alive - {0}


def _network(network: Network, kept: list[tuple[int, Placed]], calls: dict[Any, str]) -> str:
    """The class of the whole network."""
    tree: dict[str, object] = {}
    values: dict[int, str] = {0: "x"}
    steps: list[Step] = []
    is_module: dict[str, bool] = {}
    for number, (prefix, block, reads) in kept:
        at = [values[k] for k in reads]
        if prefix:
            if prefix in is_module:
                raise TypeError(f"two blocks are called {prefix!r}.")
            grow(tree, prefix, calls[block])
            steps.append((prefix, Call(), at))
            is_module[prefix], values[number] = True, prefix
            continue
        local: dict[str | int, str] = dict(enumerate(at))
        known: dict[str | int, Shape] = dict(enumerate(block.input_shapes))
        for node, shape in zip(block.nodes, block.shapes, strict=True):
            layer = layer_of(node.op, known[node.inputs[0]])
            if layer is not None:
                words = [repr(v) for _, v in layer.fixed]
                words += [f"{f}={v!r}" for f, v, default in layer.named if v != default]
                grow(tree, node.name, f"{layer.callee}({', '.join(words)})")
            is_module[node.name] = layer is not None
            steps.append((node.name, node.op, [local[i] for i in node.inputs]))
            local[node.name], known[node.name] = node.name, shape
        values[number] = block.nodes[-1].name
    steps = _folders(steps, tree, is_module)
    lines, last = run_steps(steps, ["x"], is_module)
    top = ["class Network(nn.Module):", '    """Images to logits."""', ""]
    if tree:
        top += ["    def __init__(self):", "        super().__init__()"]
        top += [*construct(tree, "        "), ""]
    top += ["    def forward(self, x):", *(f"        {line}" for line in lines)]
    return "\n".join([*top, f"        return {last}"]) + "\n"


def _folders(steps: list[Step], tree: dict[str, object], is_module: dict[str, bool]) -> list[Step]:
    """The steps, where a folder's modules are a chain and nothing else, as one call of it."""
    reads = Counter(name for _, _, at in steps for name in at)
    for folder, inside in list(tree.items()):
        if not isinstance(inside, dict) or not numbered(inside):
            continue
        spots = [k for k, (name, _, _) in enumerate(steps) if name.startswith(f"{folder}.")]
        rows = [steps[k] for k in spots]
        if spots != list(range(spots[0], spots[0] + len(spots))):
            continue
        follows = all(
            later[2] == [row[0]] and reads[row[0]] == 1 for row, later in itertools.pairwise(rows)
        )
        if not (follows and len(rows[0][2]) == 1 and all(is_module[row[0]] for row in rows)):
            continue
        tree[folder], is_module[folder] = chained(inside), True
        end = rows[-1][0]
        steps = [*steps[: spots[0]], (folder, Call(), rows[0][2]), *steps[spots[-1] + 1 :]]
        steps = [(n, op, [folder if i == end else i for i in at]) for n, op, at in steps]
    return steps
