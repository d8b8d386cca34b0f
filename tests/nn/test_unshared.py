"""One activation per reader: the same function and weights, more calls."""

from __future__ import annotations

import torch

from netwright.nn.build import build
from netwright.nn.unshared import unshared
from netwright.proxies.naswot import naswot
from netwright.spaces.nasbench201 import NASBench201Space

SPACE = NASBench201Space(resolution=8, cells=1, width=4)
IMAGES = torch.linspace(-1, 1, 6 * 3 * 8 * 8).reshape(6, 3, 8, 8).cos()
BATCHES = [(IMAGES, torch.arange(6))]


def calls(module: torch.fx.GraphModule) -> int:
    modules = dict(module.named_modules())
    nodes = [n for n in module.graph.nodes if n.op == "call_module"]
    return sum(isinstance(modules[str(n.target)], torch.nn.ReLU) for n in nodes)


def test_a_relu_per_convolution_as_in_the_benchmark() -> None:
    shared = build(SPACE.decode((3, 3, 3, 3, 3, 3)), seed=0)
    apart = unshared(build(SPACE.decode((3, 3, 3, 3, 3, 3)), seed=0))
    # Three nodes are read by six convolutions in each of three cells; two residual blocks of two
    # convolutions and the end add five.
    assert (calls(shared), calls(apart)) == (3 * 3 + 5, 6 * 3 + 5)
    grads = []
    for module in (shared, apart):
        out = module(IMAGES)
        out.square().sum().backward()
        grads.append({name: p.grad for name, p in module.named_parameters()})
        assert torch.equal(out, shared(IMAGES))
    assert grads[0].keys() == grads[1].keys()
    for name, mine in grads[0].items():
        torch.testing.assert_close(mine, grads[1][name], rtol=1e-4, atol=1e-5)
    assert naswot(apart, BATCHES) > naswot(shared, BATCHES)


def test_nothing_shared_nothing_changed() -> None:
    module = build(SPACE.decode((0, 0, 0, 3, 0, 0)), seed=0)
    apart = unshared(module)
    assert len(apart.graph.nodes) == len(module.graph.nodes)
    assert naswot(apart, BATCHES) == naswot(module, BATCHES)
