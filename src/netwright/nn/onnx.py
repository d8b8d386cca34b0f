"""The same network as an ONNX model, written operation by operation; how ONNX Runtime runs it.

No tracing: an architecture's fifteen operations have their counterparts in ONNX, so a model is
written in milliseconds, with the architecture's names, a free batch and paddings that are exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

import netwright
from netwright.arch import ops
from netwright.arch.graph import INPUT, Architecture, FlatNode
from netwright.arch.ops import Shape
from netwright.arch.window import pair, window
from netwright.nn.build import needed
from netwright.nn.extras import extra

OPSET = 17  # read by ONNX Runtime since 1.12, OpenVINO since 2022.3, TensorRT since 8.5
_IR = 8  # the file format that came with that opset
IMAGES, LOGITS = "images", "logits"
_PLAIN = {
    "relu": ("Relu", {}),
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "hard_swish": ("HardSwish", {}),
    "hard_sigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
}

Floats = npt.NDArray[np.float32]
Session = Callable[[Floats], list[Floats]]


def onnx_model(
    arch: Architecture,
    state: Mapping[str, Tensor],
    *,
    ends: Mapping[str, str] | None = None,
    about: Mapping[str, str] | None = None,
) -> Any:
    """The network in inference mode, in float32, as an ``onnx.ModelProto`` that was checked.

    Its input ``images`` is (batch, C, H, W); the batch may be of any size.

    Args:
        arch: The network.
        state: Its weights and statistics, under the names that ``build`` gives them.
        ends: Names of nodes and what their outputs are to be called; ``logits`` alone where None.
        about: Short facts to keep in the file, beside the opset and the architecture's id.

    Raises:
        UsageError: If ONNX is not installed.
        KeyError: If the state lacks a tensor.
    """
    onnx = extra("onnx", install="onnx")
    called = dict(ends or {arch.outputs[0]: LOGITS})
    writer = _Writer(onnx, state)
    shapes = {INPUT: arch.input_shape}
    for node in needed(arch, tuple(called)):
        writer.write(node, [shapes[i] for i in node.inputs])
        shapes[node.name] = node.shape
    for name, output in called.items():
        writer.node("Identity", [writer.values[name]], output)
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        writer.nodes,
        arch.name or "network",
        [helper.make_tensor_value_info(IMAGES, kind, ["batch", *arch.input_shape])],
        [
            helper.make_tensor_value_info(output, kind, ["batch", *shapes[name]])
            for name, output in called.items()
        ],
        writer.constants,
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=_IR,
        producer_name="netwright",
        producer_version=netwright.__version__,
    )
    facts = {"architecture": arch.id, "opset": str(OPSET), **(about or {})}
    helper.set_model_props(model, facts)
    onnx.checker.check_model(model, full_check=True)
    return model


class _Writer:
    """Nodes and constants of a model; ``values`` holds what each operation's output is called."""

    def __init__(self, onnx: Any, state: Mapping[str, Tensor]) -> None:
        self.onnx, self.state = onnx, state
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.values = {INPUT: IMAGES}

    def node(self, kind: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """Append a node; its output has its name."""
        made = self.onnx.helper.make_node(kind, list(inputs), [name], name, **attributes)
        self.nodes.append(made)
        return name

    def constant(self, name: str, value: npt.NDArray[Any]) -> str:
        """Keep an array in the model."""
        self.constants.append(self.onnx.numpy_helper.from_array(value, name))
        return name

    def weight(self, name: str) -> str:
        """Keep a tensor of the network."""
        value = self.state[name].detach().float().cpu().numpy()
        return self.constant(name, np.ascontiguousarray(value))

    def whole(self, name: str, *numbers: int) -> str:
        """Keep whole numbers."""
        return self.constant(name, np.array(numbers, np.int64))

    def number(self, name: str, value: float) -> str:
        """Keep one number."""
        return self.constant(name, np.array(value, np.float32))

    def write(self, node: FlatNode, inputs: list[Shape]) -> None:
        """One operation of the network, as one ONNX node or a few."""
        at = [self.values[i] for i in node.inputs]
        self.values[node.name] = self._output(node.op, node.name, at, inputs)

    def _output(self, op: ops.Op, name: str, at: list[str], inputs: list[Shape]) -> str:
        match op:
            case ops.Conv():
                terms = [*at, self.weight(f"{name}.weight")]
                terms += [self.weight(f"{name}.bias")] if op.bias else []
                slide = _slide(op, inputs[0], op.dilation)
                slide |= {"dilations": [op.dilation] * 2, "group": op.groups}
                return self.node("Conv", terms, name, **slide)
            case ops.Linear():
                terms = [*at, self.weight(f"{name}.weight")]
                terms += [self.weight(f"{name}.bias")] if op.bias else []
                return self.node("Gemm", terms, name, transB=1)
            case ops.BatchNorm():
                return self._norm(op, name, at[0], inputs[0][0])
            case ops.Activation():
                return self._activation(op.name, name, at[0])
            case ops.Pool(mode="max"):
                return self.node("MaxPool", at, name, **_slide(op, inputs[0], 1))
            case ops.Pool():
                counts = int(op.count_include_pad)
                slide = _slide(op, inputs[0], 1)
                return self.node("AveragePool", at, name, **slide, count_include_pad=counts)
            case ops.GlobalPool():
                if op.keep:
                    return self.node("GlobalAveragePool", at, name)
                mean = self.node("GlobalAveragePool", at, f"{name}/mean")
                return self.node("Flatten", [mean], name)
            case ops.Add():
                return at[0] if len(at) == 1 else self.node("Sum", at, name)
            case ops.Multiply():
                return self.node("Mul", at, name)
            case ops.Concat():
                return self.node("Concat", at, name, axis=1)
            case ops.Slice():
                return self._slice(name, at[0], (op.start,), (op.stop,), (1,))
            case ops.Shift():
                edge = self.whole(f"{name}/edge", 0, 0, 0, 0, 0, 0, 1, 1)
                wide = self.node("Pad", [at[0], edge], f"{name}/wide")
                _, height, width = inputs[0]
                return self._slice(name, wide, (1, 1), (height + 1, width + 1), (2, 3))
            case ops.Zero():
                return self._zero(name, at[0], op.shape(inputs))
            case ops.Dropout() | ops.DropPath() | ops.Identity():
                return at[0]
        raise TypeError(f"{op.kind} cannot be written as ONNX.")

    def _norm(self, op: ops.BatchNorm, name: str, x: str, channels: int) -> str:
        if op.affine:
            scale, shift = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        else:
            scale = self.constant(f"{name}/scale", np.ones(channels, np.float32))
            shift = self.constant(f"{name}/shift", np.zeros(channels, np.float32))
        statistics = [self.weight(f"{name}.running_{what}") for what in ("mean", "var")]
        return self.node(
            "BatchNormalization", [x, scale, shift, *statistics], name, epsilon=op.eps
        )

    def _activation(self, kind: str, name: str, x: str) -> str:
        if kind in _PLAIN:
            called, attributes = _PLAIN[kind]
            return self.node(called, [x], name, **attributes)
        if kind == "relu6":
            ends = [self.number(f"{name}/{what}", v) for what, v in (("least", 0), ("most", 6))]
            return self.node("Clip", [x, *ends], name)
        if kind == "silu":
            return self.node("Mul", [x, self.node("Sigmoid", [x], f"{name}/gate")], name)
        if kind == "gelu":  # 0.5 x (1 + erf(x / sqrt 2)); opset 17 has no Gelu
            root, one = self.number(f"{name}/root", math.sqrt(2)), self.number(f"{name}/one", 1)
            inner = self.node("Erf", [self.node("Div", [x, root], f"{name}/in")], f"{name}/erf")
            gate = self.node("Add", [inner, one], f"{name}/gate")
            half = self.node("Mul", [x, self.number(f"{name}/half", 0.5)], f"{name}/halved")
            return self.node("Mul", [half, gate], name)
        raise TypeError(f"The activation {kind!r} cannot be written as ONNX.")

    def _slice(
        self, name: str, x: str, starts: tuple[int, ...], stops: tuple[int, ...],
        axes: tuple[int, ...],
    ) -> str:  # fmt: skip
        given = {"starts": starts, "stops": stops, "axes": axes}
        terms = [self.whole(f"{name}/{what}", *numbers) for what, numbers in given.items()]
        return self.node("Slice", [x, *terms], name)

    def _zero(self, name: str, x: str, shape: Shape) -> str:
        batch = self.node("Shape", [x], f"{name}/batch", end=1)
        terms = [batch, self.whole(f"{name}/image", *shape)]
        size = self.node("Concat", terms, f"{name}/size", axis=0)
        return self.node("ConstantOfShape", [size], name)


def _slide(op: ops.Conv | ops.Pool, shape: Shape, dilation: int) -> dict[str, Any]:
    """Kernel, stride and padding, the latter as (top, left, bottom, right)."""
    kernel, stride = pair(op.kernel), pair(op.stride)
    sides = [
        window(length, k, s, op.padding, dilation)[1:]
        for length, k, s in zip(shape[1:], kernel, stride, strict=True)
    ]
    pads = [before for before, _ in sides] + [after for _, after in sides]
    return {"kernel_shape": [*kernel], "strides": [*stride], "pads": pads}


def onnx_session(model: Path | bytes, *, threads: int = 1) -> Session:
    """A function that runs a model in ONNX Runtime on the CPU: images to outputs, in order.

    Args:
        model: A file, or its bytes.
        threads: Within an operation; operations run one after another.

    Raises:
        UsageError: If ONNX Runtime is not installed.
    """
    runtime = extra("onnxruntime", install="onnx")
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3  # errors alone
    source = model if isinstance(model, bytes) else str(model)
    made = runtime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    name = made.get_inputs()[0].name

    def run(images: Floats) -> list[Floats]:
        outputs: list[Floats] = made.run(None, {name: images})
        return outputs

    return run
