"""Classes of a code file: blocks that are alike but for numbers share one, with arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netwright.arch.block import Block
from netwright.arch.operation import Op, Shape
from netwright.arch.ops import Activation, BatchNorm, Conv, Identity, Linear
from netwright.exporters.source import (
    Layer,
    Value,
    construct,
    expression,
    grow,
    layer_of,
    plain,
    reach,
)

_WIDTH = 92
_KINDS = {
    "ir": "InvertedResidual", "ds": "DepthwiseSeparable", "er": "FusedInvertedResidual",
    "cn": "ConvBlock", "normal": "NormalCell", "reduction": "ReductionCell",
    "residual": "ResidualBlock", "idw": "DoubleBottleneck", "stem": "Stem",
}  # fmt: skip
_Vector = tuple[Value, ...]


class Call:
    """In place of an operation: a module of blocks is called with what is read."""


Step = tuple[str, Op | Call, Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class BlockClass:
    """A class, and what each block passes to it.

    Args:
        name: Of the class.
        source: Its text.
        arguments: For each of its blocks, the constructor's call.
    """

    name: str
    source: str
    arguments: Mapping[Block, str]


def block_classes(blocks: Sequence[Block]) -> list[BlockClass]:
    """One class for all blocks of the same operations, names and wiring.

    Args:
        blocks: In the order of the network; repeats are welcome.
    """
    groups: dict[object, list[Block]] = {}
    for block in dict.fromkeys(blocks):
        groups.setdefault(_form(block), []).append(block)
    made, taken = [], set[str]()
    for members in groups.values():
        base = _KINDS.get(re.split(r"[_ ]", members[0].label)[0], "Cell")
        name, number = base, 2
        while name in taken:
            name, number = f"{base}{number}", number + 1
        taken.add(name)
        made.append(_class(name, members))
    return made


def _inputs(block: Block, inputs: Sequence[str | int]) -> list[Shape]:
    shapes = dict(zip((n.name for n in block.nodes), block.shapes, strict=True))
    return [block.input_shapes[i] if isinstance(i, int) else shapes[i] for i in inputs]


def _layers(block: Block) -> dict[str, Layer | None]:
    return {n.name: layer_of(n.op, _inputs(block, n.inputs)[0]) for n in block.nodes}


def _form(block: Block) -> object:
    """What blocks of one class share: everything but the numbers of their modules."""
    layers = _layers(block)
    return tuple(
        (n.name, n.inputs, layer.callee if (layer := layers[n.name]) else n.op)
        for n in block.nodes
    ), len(block.input_shapes)


def _class(name: str, members: Sequence[Block]) -> BlockClass:
    every = [_layers(block) for block in members]
    width: _Vector = tuple(block.input_shapes[0][0] for block in members)
    out: _Vector = tuple(block.out_shape[0] for block in members)
    names: dict[_Vector, str] = {}
    if len(set(width)) > 1:
        names[width] = "channels"
    if len(set(out)) > 1:
        names.setdefault(out, "out_channels")
    tree: dict[str, object] = {}
    used: list[_Vector] = []
    for node, layer in every[0].items():
        if layer is not None:
            rows = [found for layers in every if (found := layers[node]) is not None]
            grow(tree, node, _call(node, rows, names, used))
    arguments = [names[vector] for vector in names if vector in used]
    labels = list(dict.fromkeys(block.label for block in members))
    about = labels[0] if len(labels) == 1 else f"{labels[0]} and {len(labels) - 1} like it"
    inputs = ["x"] if len(members[0].input_shapes) == 1 else [
        f"x{k}" for k in range(len(members[0].input_shapes))
    ]  # fmt: skip
    lines = [f"class {name}(nn.Module):", f'    """{about[: _WIDTH - 10]}"""', ""]
    if tree:
        lines += [f"    def __init__({', '.join(['self', *arguments])}):"]
        lines += ["        super().__init__()", *construct(tree, "        "), ""]
    lines += [f"    def forward({', '.join(['self', *inputs])}):"]
    lines += [f"        {line}" for line in statements(members[0], inputs)]
    calls = {}
    for k, block in enumerate(members):
        given = [f"{names[v]}={_text(v[k])}" for v in names if v in used]
        calls[block] = f"{name}({', '.join(given)})"
    return BlockClass(name=name, source="\n".join(lines) + "\n", arguments=calls)


def _call(
    node: str, rows: Sequence[Layer], names: dict[_Vector, str], used: list[_Vector]
) -> str:  # fmt: skip
    """The source of a module, numbers that differ between the rows as arguments."""
    words = []
    kernel: _Vector = ()
    fields = [*((f, None) for f, _ in rows[0].fixed), *((f, d) for f, _, d in rows[0].named)]
    for k, (field, default) in enumerate(fields):
        vector: _Vector = tuple(([v for _, v in r.fixed] + [v for _, v, _ in r.named])[k]
                                for r in rows)  # fmt: skip
        kernel = vector if field == "kernel" else kernel
        positional = k < len(rows[0].fixed)
        if len(set(vector)) == 1:
            if positional or vector[0] != default:
                text = _text(vector[0])
                words.append(text if positional else f"{field}={text}")
            continue
        if field == "padding" and vector == tuple(
            v // 2 if isinstance(v, int) else None for v in kernel
        ):
            words.append(f"{field}={names[kernel]} // 2")
            continue
        if vector not in names:
            taken = set(names.values())
            short = field if field in ("kernel", "stride", "rate") else None
            long = re.sub(r"\W", "_", f"{node}_{field}")
            names[vector] = short if short and short not in taken else long
        used.append(vector)
        words.append(names[vector] if positional else f"{field}={names[vector]}")
    return f"{rows[0].callee}({', '.join(words)})"


def _text(value: Value) -> str:
    return repr(value)


def statements(block: Block, inputs: Sequence[str]) -> list[str]:
    """The lines that run a block's operations; the last returns its output."""
    steps: list[Step] = [(n.name, n.op, [inputs[i] if isinstance(i, int) else i for i in n.inputs])
             for n in block.nodes]  # fmt: skip
    lines, last = run_steps(steps, inputs, {n: layer is not None for n, layer in
                                            _layers(block).items()})  # fmt: skip
    return [*lines, f"return {last}"]


def run_steps(
    steps: Sequence[Step],
    inputs: Sequence[str],
    is_module: Mapping[str, bool],
) -> tuple[list[str], str]:
    """Lines of source for a list of operations, chains of calls folded into one line.

    Args:
        steps: Name, operation, and names of what it reads (inputs by their variables).
        inputs: Variables that are there at the start.
        is_module: Whether each operation is called as a module of its name.

    Returns:
        The lines, and the expression of the last step.
    """
    reads: dict[str, list[int]] = {}
    for k, (_, _, at) in enumerate(steps):
        for name in at:
            reads.setdefault(name, []).append(k)
    text = {name: name for name in inputs}  # what a value is written as
    holder = {name: name for name in inputs}  # the variable that it is kept in, if any
    lines: list[str] = []
    for k, (name, op, at) in enumerate(steps):
        words = [text[i] for i in at]
        if isinstance(op, Call) or is_module[name]:
            made = f"{reach(name)}({', '.join(words)})"
        else:
            made = expression(op, words)
        if isinstance(op, Identity) and at[0] in holder:
            text[name], holder[name] = text[at[0]], holder[at[0]]
            reads[at[0]] = [*reads[at[0]], *reads.get(name, [])]
            continue
        if k == len(steps) - 1:
            return lines, made
        after = reads.get(name, [])
        folds = len(after) == 1 and len(made) <= _WIDTH and _folds(op, steps[after[0]][1])
        if folds and after[0] == k + 1:
            text[name] = made
            continue
        variable = _variable(name, at, k, reads, holder)
        lines.append(f"{variable} = {made}")
        text[name] = holder[name] = variable
    return lines, text[steps[-1][0]] if steps else inputs[0]


def _folds(op: Op | Call, reader: Op | Call) -> bool:
    """Whether a value is written inside the call that reads it: conv, norm, activation."""
    if isinstance(op, Conv | Linear):
        return isinstance(reader, BatchNorm | Activation)
    return isinstance(op, BatchNorm) and isinstance(reader, Activation)


def _variable(
    name: str,
    at: Sequence[str],
    k: int,
    reads: Mapping[str, Sequence[int]],
    holder: Mapping[str, str],
) -> str:
    """A variable of what is read for the last time, or a new one named after the operation."""
    live = {v for value, v in holder.items() if any(r > k for r in reads.get(value, []))}
    for value in at:
        if value in holder and holder[value] not in live:
            return holder[value]
    parts = name.split(".")
    wanted = re.sub(r"\W", "_", "_".join(parts[:2] if len(parts) > 1 and not plain(parts[1])
                                         else parts[:1]))  # fmt: skip
    wanted = "y" if not plain(wanted) or wanted.startswith(("conv", "act", "bn")) else wanted
    fresh, number = wanted, 2
    while fresh in live or fresh == "self":
        fresh, number = f"{wanted}{number}", number + 1
    return fresh
