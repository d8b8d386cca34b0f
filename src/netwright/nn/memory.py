"""Measured peak memory: the network is run, and the bytes that tensors hold are counted.

A runtime made for inference, as the prediction of :mod:`netwright.arch.memory` assumes one, frees
a tensor after its last use and lets an elementwise operation write where it reads.  So does
:func:`run_frugally`, in torch, on real tensors; what it computes is the network's output, so
nothing was overwritten that was still needed.  Plain torch holds more.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from netwright.arch.ops import Shape

_OVERWRITE: dict[type[nn.Module], Callable[[Tensor], Tensor]] = {
    nn.ReLU: torch.relu_,
    nn.ReLU6: lambda x: F.hardtanh_(x, 0.0, 6.0),
    nn.SiLU: lambda x: F.silu(x, inplace=True),
    nn.Hardswish: lambda x: F.hardswish(x, inplace=True),
    nn.Hardsigmoid: lambda x: F.hardsigmoid(x, inplace=True),
    nn.Sigmoid: torch.sigmoid_,
    nn.Tanh: torch.tanh_,
}
_COMBINE: dict[Any, Callable[[Tensor, Tensor], Tensor]] = {
    torch.add: Tensor.add_,
    torch.mul: Tensor.mul_,
}


class _Counting(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own
    """Bytes of all storages that were made while it was on, now and at most.

    A storage lives as long as a tensor that shows it does.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = self.peak = 0
        self._shown: Counter[int] = Counter()  # address of a storage → tensors that show it
        self._known: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        foreign = {_address(x) for x in tree_leaves((args, kwargs)) if _is_tensor(x)}
        foreign -= self._shown.keys()
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if _is_tensor(tensor) and id(tensor) not in self._known:
                if (address := _address(tensor)) not in foreign:
                    self._hold(tensor, address)
        return result

    def _hold(self, tensor: Tensor, address: int) -> None:
        size = tensor.untyped_storage().nbytes()
        if address not in self._shown:
            self.live += size
            self.peak = max(self.peak, self.live)
        self._shown[address] += 1
        self._known.add(id(tensor))
        weakref.finalize(tensor, self._drop, id(tensor), address, size)

    def _drop(self, key: int, address: int, size: int) -> None:
        self._known.discard(key)
        self._shown[address] -= 1
        if not self._shown[address]:
            del self._shown[address]
            self.live -= size


def _address(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _is_tensor(value: object) -> bool:
    return isinstance(value, Tensor)


class _Frugal(fx.Interpreter):
    """Runs a network node by node, frees what is read no more, and writes where it may."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.images: list[Tensor] = []
        self.place = {node: i for i, node in enumerate(module.graph.nodes)}
        self.last = {n: max(map(self.place.__getitem__, n.users), default=-1) for n in self.place}
        self.affine = {
            name: _affine(layer)
            for name, layer in module.named_modules()
            if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d)
        }

    def __call__(self, images: list[Tensor]) -> Tensor:
        self.images = images
        with torch.inference_mode():
            found: Tensor = self.run()
        return found

    def placeholder(self, target: Any, args: Any, kwargs: Any) -> Any:
        return self.images.pop()

    def run_node(self, n: fx.Node) -> Any:
        if n.op == "call_function" and n.target in _COMBINE:
            return self._combine(n)
        if n.op == "call_module":
            name, source = str(n.target), n.args[0]
            if isinstance(source, fx.Node):
                if name in self.affine:
                    return self._normalise(n, source, *self.affine[name])
                change = _OVERWRITE.get(type(self.module.get_submodule(name)))
                if change is not None and self._free(n, source):
                    return change(self.env[source])
        return super().run_node(n)

    def _combine(self, node: fx.Node) -> Tensor:
        one, two = (a for a in node.args if isinstance(a, fx.Node))
        a, b = self.env[one], self.env[two]
        change = _COMBINE[node.target]
        if a.numel() >= b.numel() and self._free(node, one):
            return change(a, b)
        if b.numel() >= a.numel() and self._free(node, two):
            return change(b, a)
        made: Tensor = node.target(a, b)  # type: ignore[operator]  # torch.add or torch.mul
        return made

    def _normalise(self, node: fx.Node, source: fx.Node, scale: Tensor, shift: Tensor) -> Tensor:
        x = self.env[source]
        shape = (-1, *[1] * (x.ndim - 2))
        scaled = Tensor.mul_ if self._free(node, source) else torch.mul
        return scaled(x, scale.reshape(shape)).add_(shift.reshape(shape))

    def _free(self, node: fx.Node, source: fx.Node) -> bool:
        """Whether a value is all of its storage, and nothing in it is read after this node."""
        here, value = self.place[node], self.env[source]
        storage = value.untyped_storage()
        if value.numel() * value.element_size() != storage.nbytes():
            return False
        return all(
            self.last[other] <= here
            for other, held in self.env.items()
            if isinstance(held, Tensor) and held.untyped_storage().data_ptr() == storage.data_ptr()
        )


def _affine(norm: nn.BatchNorm2d | nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """A batch norm of the eval mode as scale and shift by channel."""
    with torch.no_grad():
        mean, spread = norm.running_mean, norm.running_var
        if mean is None or spread is None:
            raise TypeError("A norm without running statistics is not fixed in eval mode.")
        scale = (spread + norm.eps).rsqrt()
        scale = scale if norm.weight is None else scale * norm.weight
        shift = -mean * scale if norm.bias is None else norm.bias - mean * scale
        return scale, shift


def run_frugally(module: fx.GraphModule, images: list[Tensor]) -> Tensor:
    """The network's output, computed with as little memory as an inference runtime needs.

    Args:
        module: In eval mode; what ``build`` made, or any traced module.
        images: A list of one tensor (B, C, H, W), which is taken out of it and freed when read.
    """
    return _Frugal(module)(images)


def measured_peak_bytes(
    module: nn.Module,
    shape: Shape,
    *,
    batch: int = 1,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    frugal: bool = True,
) -> int:
    """The most bytes that the image and all that is computed from it hold at once.

    On CUDA torch's allocator is asked, which sees the scratch memory of kernels too; elsewhere the
    storages of all tensors are counted as they come and go.  Weights do not count.

    Args:
        module: Put in eval mode and moved.
        shape: Channels, height and width.
        batch: Images at a time.
        device: Where to run.
        dtype: Of images and weights.
        frugal: Whether to run as an inference runtime does; else as plain torch does, where the
            image is held to the end.  It needs a traced module.
    """
    where = torch.device(device)
    ready = module.eval().to(device=where, dtype=dtype)
    run = _Frugal(ready) if frugal and isinstance(ready, fx.GraphModule) else None
    with _peak(where) as read:
        images = [torch.zeros(batch, *shape, device=where, dtype=dtype)]
        if run is not None:
            run(images)
        else:
            with torch.inference_mode():
                ready(images[0])
    return read()


@contextmanager
def _peak(device: torch.device) -> Iterator[Callable[[], int]]:
    """Watch memory in the block; afterwards what was yielded tells the most bytes."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        yield lambda: torch.cuda.max_memory_allocated(device) - before
        return
    counting = _Counting()
    with counting:
        yield lambda: counting.peak
