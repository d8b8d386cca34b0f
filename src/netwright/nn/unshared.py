"""Every reader of an activation gets a call of its own, as networks written by hand have it.

An architecture applies a ReLU once for all that read it.  The cells of NAS-Bench-201, as trained,
hold one ReLU per convolution.  What a network computes is the same; what counts units, such as
NASWOT, counts those of a node that three convolutions read three times.
"""

from __future__ import annotations

from torch import fx, nn

_IN_PLACE = (nn.ReLU, nn.ReLU6, nn.SiLU, nn.Hardswish, nn.Hardsigmoid)
_ACTIVATIONS = (*_IN_PLACE, nn.GELU, nn.Sigmoid, nn.Tanh)


def unshared(module: fx.GraphModule) -> fx.GraphModule:
    """The same layers and weights, each activation called once per reader.

    Args:
        module: What ``build`` made; its activations that had several readers are no longer in
            place, all else of it is left as it was.
    """
    graph = fx.Graph()
    copied: dict[fx.Node, fx.Node] = {}
    result = graph.graph_copy(module.graph, copied)
    graph.output(result)
    for node in list(graph.nodes):
        readers = list(node.users)
        if node.op != "call_module" or len(readers) < 2:
            continue
        layer = module.get_submodule(str(node.target))
        if not isinstance(layer, _ACTIVATIONS):
            continue
        if isinstance(layer, _IN_PLACE):
            layer.inplace = False
        for reader in readers[1:]:
            with graph.inserting_before(reader):
                again = graph.call_module(str(node.target), node.args)
            reader.replace_input_with(node, again)
    return fx.GraphModule(module, graph, type(module).__name__)
