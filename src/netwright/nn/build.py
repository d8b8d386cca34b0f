"""From an architecture to a ``torch.fx.GraphModule``: readable code, timm's names, seeds."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, fx, nn

from netwright.arch import ops
from netwright.arch.graph import INPUT, Architecture, FlatNode
from netwright.arch.ops import Shape
from netwright.nn.layers import function_node, module_of
from netwright.rng import derive


def build(
    arch: Architecture,
    *,
    seed: int,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    channels_last: bool = True,
    aux: bool = True,
) -> fx.GraphModule:
    """The network in torch, freshly initialised, in train mode.

    Weights are drawn on the CPU from one stream per tensor, named by the seed and the tensor, so
    that they are the same on every device and whatever else the network contains.  Torch's global
    generators are not touched.

    Args:
        arch: The network.
        seed: Seed of the weights.
        device: Where the module lives; ``"meta"`` allocates nothing.
        dtype: Of weights and buffers.
        channels_last: Whether to lay out the weights for channels-last images, which most CPUs
            and GPUs prefer for convolutions.
        aux: Whether an auxiliary classifier, where the architecture has one, is built; the module
            then returns ``(logits, auxiliary logits)``.

    Returns:
        A module from images (B, C, H, W) to logits (B, classes).  Its ``.code`` can be read.
    """
    ends = arch.outputs if aux else arch.outputs[:1]
    nodes = arch.nodes if aux else _without_aux(arch)
    module = assemble(nodes, ends, input_shape=arch.input_shape, name=arch.name)
    if torch.device(device).type == "meta":
        return module.to(dtype=dtype)
    for path, layer in module.named_modules():
        _initialise(layer, path, seed)
    module = module.to(device=device, dtype=dtype)
    return module.to(memory_format=torch.channels_last) if channels_last else module


def assemble(
    nodes: Sequence[FlatNode], ends: Sequence[str], *, input_shape: Shape, name: str
) -> fx.GraphModule:
    """Operations put together in torch, their weights on the meta device.

    Args:
        nodes: In an order in which they can run.
        ends: Names of the nodes whose outputs the module gives: one tensor, or a tuple.
        input_shape: ``(C, H, W)`` of one image.
        name: What a person calls the network.
    """
    shapes = {INPUT: input_shape} | {n.name: n.shape for n in nodes}
    single = _read_once(nodes, ends)
    graph = fx.Graph()
    values = {INPUT: graph.placeholder("x")}
    modules: dict[str, nn.Module] = {}
    for node in nodes:
        inputs = tuple([shapes[i] for i in node.inputs])
        layer = module_of(node.op, inputs, inplace=node.inputs[0] in single)
        if layer is None:
            values[node.name] = function_node(graph, node.op, [values[i] for i in node.inputs])
        else:
            modules[node.name] = layer
            values[node.name] = graph.call_module(node.name, (values[node.inputs[0]],))
    graph.output(values[ends[0]] if len(ends) == 1 else tuple(values[e] for e in ends))
    return fx.GraphModule(modules, graph, re.sub(r"\W", "_", name) or "Network")


def needed(arch: Architecture, ends: Iterable[str]) -> tuple[FlatNode, ...]:
    """The nodes that these ones depend on, themselves among them."""
    alive = set(ends)
    for node in reversed(arch.nodes):
        if node.name in alive:
            alive.update(node.inputs)
    return tuple(n for n in arch.nodes if n.name in alive)


def _without_aux(arch: Architecture) -> tuple[FlatNode, ...]:
    """The nodes but those that only the auxiliary logits need, and what reads them."""
    if arch.aux is None:
        return arch.nodes
    logits, gone = ({n.name for n in needed(arch, (end,))} for end in arch.outputs)
    gone -= logits
    for node in arch.nodes:
        if not gone.isdisjoint(node.inputs):
            gone.add(node.name)
    return tuple(n for n in arch.nodes if n.name not in gone)


def _read_once(nodes: Sequence[FlatNode], ends: Sequence[str]) -> set[str]:
    """Outputs of batch norms that exactly one node reads: an activation may overwrite them."""
    reads = Counter([*ends, *(name for node in nodes for name in node.inputs)])
    return {n.name for n in nodes if isinstance(n.op, ops.BatchNorm) and reads[n.name] == 1}


def _initialise(layer: nn.Module, name: str, seed: int) -> None:
    """Weights as EfficientNet draws them: normal by fan-out in convolutions, uniform in linear."""
    for key, tensor in list(layer.named_parameters(recurse=False)):
        value = torch.empty(tensor.shape, dtype=torch.float32, device="cpu")
        if isinstance(layer, nn.Conv2d) and key == "weight":
            fan_out = math.prod(layer.kernel_size) * layer.out_channels // layer.groups
            value.normal_(0, math.sqrt(2 / fan_out), generator=_generator(seed, name))
        elif isinstance(layer, nn.Linear) and key == "weight":
            reach = 1 / math.sqrt(layer.out_features)
            value.uniform_(-reach, reach, generator=_generator(seed, name))
        else:
            value.fill_(1.0 if key == "weight" else 0.0)
        setattr(layer, key, nn.Parameter(value))
    for key, buffer in list(layer.named_buffers(recurse=False)):
        fresh: Tensor = torch.zeros(buffer.shape, dtype=buffer.dtype, device="cpu")
        setattr(layer, key, fresh.fill_(1) if key == "running_var" else fresh)


def _generator(seed: int, name: str) -> torch.Generator:
    return torch.Generator("cpu").manual_seed(derive(seed, "init", name))
