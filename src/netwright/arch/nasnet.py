"""A NASNet around two cells: the stem, three stages, reduction cells between, auxiliary head.

What the paper (Zoph et al., CVPR 2018) leaves open follows the released TF-slim code.
"""

from __future__ import annotations

from dataclasses import dataclass

from netwright.arch.blocks import Style
from netwright.arch.cells import Cell, CellWriter, cell_block
from netwright.arch.graph import Architecture, Block, Placed
from netwright.arch.ops import Conv, Dropout, GlobalPool, Linear, Pool, Shape

_PLAIN = Style(padding="same")


@dataclass(frozen=True, kw_only=True)
class Genotype:
    """Both cells of a network."""

    normal: Cell
    reduction: Cell


@dataclass(frozen=True, kw_only=True)
class Macro:
    """What surrounds the cells: three stages of normal cells, a reduction cell between them.

    Args:
        cells: Normal cells per stage (N).
        filters: Channels of every state in the first stage (F); they double at a reduction.
        stem: Channels of the 3x3 convolution in front.
        imagenet: Whether that convolution has stride 2 and two reduction cells, with F/4 and F/2
            channels, follow it.
        skip_reduction_input: Whether the cell after a reduction takes as its previous input what
            the reduction took, as the large ImageNet network does.
        count_padding: Whether strided average pools count padded pixels, as timm's port does;
            TensorFlow leaves them out.
        resolution: Height and width of the images it was published for.
        dropout: Rate before the classifier in the published training.
        drop_path: Rate at the last cell in the published training.
        style: Padding, activation, batch norm.  The momentum is torch's usual 0.1; the published
            ImageNet trainings used .0003, which needs some ten thousand steps to settle.
    """

    cells: int
    filters: int
    stem: int
    imagenet: bool = False
    skip_reduction_input: bool = False
    count_padding: bool = False
    resolution: int = 32
    dropout: float = 0.0
    drop_path: float = 0.0
    style: Style = _PLAIN


class _Stack:
    """Cells put one after another, each reading the two before it."""

    def __init__(self, image: Shape, macro: Macro, drop_path: float) -> None:
        self.macro, self.drop_path = macro, drop_path
        self.placed: list[Placed] = []
        self.shapes = [image]
        self.total = 3 * macro.cells + (4 if macro.imagenet else 2)
        self.done = 0

    def put(self, prefix: str, block: Block, *reads: int) -> int:
        """Place a block; gives the number of its output."""
        self.placed.append(Placed(prefix, block, reads))
        self.shapes.append(block.out_shape)
        return len(self.placed)

    def cell(
        self, prefix: str, cell: Cell, filters: int, reads: tuple[int, ...], *, reduction: bool
    ) -> int:
        """Place a cell; its drop-path grows with its place (scheduled drop-path, by layer)."""
        self.done += 1
        current, previous = self.shapes[reads[0]], None
        if len(reads) > 1:
            previous = self.shapes[reads[1]]
        block = cell_block(
            cell,
            current,
            previous,
            filters,
            reduction=reduction,
            drop_path=self.drop_path * self.done / self.total,
            count_padding=self.macro.count_padding,
            style=self.macro.style,
        )
        return self.put(prefix, block, *reads)


def _auxiliary(shape: Shape, classes: int, *, style: Style) -> Block:
    """NASNet's second classifier in training: pool, 1x1 to 128, full-size conv to 768, linear."""
    w = CellWriter(f"auxiliary_{classes}", style, shape)
    y: str = w.add("pool", Pool(mode="avg", kernel=5, stride=3, padding="valid"), w.relu(0))
    y = w.conv_bn("proj", y, 128)
    full = w.shape(y)[1:]
    conv = Conv(out=768, kernel=(full[0], full[1]), padding="valid")
    y = w.add("full.bn", style.norm(), w.add("full.conv", conv, w.relu(y)))
    y = w.add("global_pool", GlobalPool(), w.relu(y))
    w.add("linear", Linear(out=classes), y)
    return w.block()


def _stem(shape: Shape, out: int, *, stride: int, valid: bool, style: Style) -> Block:
    """A 3x3 convolution and batch norm without activation, in front of the first cell."""
    w = CellWriter(f"stem_k3_s{stride}_c{out}", style, shape)
    padding = "valid" if valid else style.padding
    w.add("conv", Conv(out=out, kernel=3, stride=stride, padding=padding), 0)
    w.add("bn", style.norm(), "conv")
    return w.block()


def _head(shape: Shape, classes: int, dropout: float, style: Style) -> Block:
    w = CellWriter(f"classifier_{classes}", style, shape)
    y = w.add("global_pool", GlobalPool(), w.relu(0))
    if dropout:
        y = w.add("drop", Dropout(rate=dropout), y)
    w.add("last_linear", Linear(out=classes), y)
    return w.block()


def network(
    genotype: Genotype,
    macro: Macro,
    *,
    image: Shape,
    classes: int,
    dropout: float = 0.0,
    drop_path: float = 0.0,
    aux: bool = False,
    name: str = "nasnet",
) -> Architecture:
    """The network of two cells, with the module names of timm's ``nasnetalarge``.

    Args:
        genotype: The cells.
        macro: What surrounds them.
        image: ``(C, H, W)`` of one image.
        classes: Length of the logits.
        dropout: Rate before the classifier.
        drop_path: Rate at the last cell; at cell k of n it is k/n of that (1-based).
        aux: Whether a second classifier reads the last cell before the second reduction.
        name: What it is called.
    """
    stack = _Stack(image, macro, drop_path)
    stride = 2 if macro.imagenet else 1
    stem = _stem(image, macro.stem, stride=stride, valid=macro.imagenet, style=macro.style)
    outs = [stack.put("conv0", stem, 0)]
    if macro.imagenet:
        for i, filters in enumerate((macro.filters // 4, macro.filters // 2)):
            reads = tuple(outs[-1:-3:-1])
            at = f"cell_stem_{i}"
            outs.append(stack.cell(at, genotype.reduction, filters, reads, reduction=True))
    head = None
    for number in range(3 * macro.cells):
        stage, place = divmod(number, macro.cells)
        filters = macro.filters * 2**stage
        reads = tuple(outs[-1:-3:-1])
        if stage and not place:
            if aux and stage == 2:
                block = _auxiliary(stack.shapes[outs[-1]], classes, style=macro.style)
                head = stack.put("aux", block, outs[-1])
            at = f"reduction_cell_{stage - 1}"
            outs.append(stack.cell(at, genotype.reduction, filters, reads, reduction=True))
            reads = (outs[-1], reads[-1] if macro.skip_reduction_input else outs[-2])
        at = f"cell_{number}"
        outs.append(stack.cell(at, genotype.normal, filters, reads, reduction=False))
    stack.put("", _head(stack.shapes[outs[-1]], classes, dropout, macro.style), outs[-1])
    return Architecture(image, tuple(stack.placed), name, head)
