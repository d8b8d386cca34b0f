"""One network in a runtime, ready to be timed: as a whole, and part by part within a pass.

Weights are constants: how long a pass takes does not depend on them, and drawing millions of
numbers would take longer than the measurement.  Parts are timed where they stand, between their
neighbours, so that caches, memory layouts and fusions are those of the whole network: torch runs
part after part; ONNX Runtime and OpenVINO say how long each of their kernels took, and a kernel
belongs to the part whose operation it ends with.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, fx

from netwright.arch.graph import INPUT, Architecture
from netwright.errors import UsageError
from netwright.nn.build import assemble, build, needed
from netwright.nn.extras import extra
from netwright.nn.int8 import quantise
from netwright.nn.measured import Setting
from netwright.nn.onnx import IMAGES, onnx_model
from netwright.nn.timing import Run, processor, torch_run

RuntimeName = Literal["torch", "torch.compile", "onnxruntime", "openvino"]
RUNTIMES: tuple[RuntimeName, ...] = ("torch", "torch.compile", "onnxruntime", "openvino")
DTYPES = ("float32", "bfloat16", "float16", "int8")

Names = Sequence[Sequence[str]]
"""Of each part of a network, in order, the names of its nodes."""

Floats = npt.NDArray[np.float64]
Kernels = Sequence[tuple[Sequence[str], float]]
"""Of each kernel that ran, in order: what it may be called, and the seconds it took."""

_WEIGHT = 0.01  # what every weight is; the images are zeros, so nothing overflows or is denormal
_ENDING = re.compile(r"(_kernel_time|_nchwc|_token_\d+|_(Quantize|Dequantize)Linear|/\w+)$")


@dataclass(frozen=True, kw_only=True)
class Where:
    """Where and how networks are run.

    Args:
        runtime: A name of ``RUNTIMES``.
        threads: Threads of the runtime.
        batch: Images per pass.
        device: Torch's name of the device; the runtimes of exported files know ``cpu`` alone.
        dtype: Of images and weights; those runtimes know ``float32`` alone, but for ONNX Runtime,
            which knows ``int8`` as well: the network quantised as ``netwright export`` does it.
    """

    runtime: RuntimeName = "torch"
    threads: int = 1
    batch: int = 1
    device: str = "cpu"
    dtype: str = "float32"

    def __post_init__(self) -> None:
        if self.runtime not in RUNTIMES:
            raise UsageError(f"No runtime is called {self.runtime!r}: {', '.join(RUNTIMES)}.")
        if self.dtype not in DTYPES:
            raise UsageError(f"No network is timed in {self.dtype!r}: {', '.join(DTYPES)}.")
        for name, value in (("threads", self.threads), ("batch", self.batch)):
            if value < 1:
                raise UsageError(f"{name} {value} runs nothing; give at least 1.")
        if self.dtype == "int8" and self.runtime != "onnxruntime":
            raise UsageError(
                f"Networks in int8 are timed in onnxruntime, not in {self.runtime}; choose it as "
                "the runtime."
            )
        if not self.runtime.startswith("torch") and (
            self.device != "cpu" or self.dtype not in ("float32", "int8")
        ):
            raise UsageError(
                f"{self.runtime} is timed on the CPU in float32 here; {self.device} in "
                f"{self.dtype} needs the runtime torch."
            )


@dataclass(frozen=True, kw_only=True)
class Ready:
    """A network that can be timed.

    Args:
        run: One pass.
        setting: Under what conditions.
        parts: From a number of passes to the seconds of each part in each pass (passes, parts);
            None where the runtime cannot tell, or nobody asked.
    """

    run: Run
    setting: Setting
    parts: Callable[[int], Floats] | None = None


def ready(arch: Architecture, where: Where, *, parts: Names = ()) -> Ready:
    """Prepare a network for timing; run it under :func:`netwright.nn.timing.torch_threads`.

    Args:
        arch: The network; an auxiliary classifier is left out.
        where: The runtime.
        parts: What is to be timed within a pass, if anything.

    Raises:
        UsageError: If the runtime is not installed.
    """
    module = blank(arch, device=where.device)
    if where.runtime.startswith("torch"):
        return _in_torch(arch, module, where, parts)
    model = onnx_model(arch, module.state_dict()).SerializeToString()
    images = np.zeros((where.batch, *arch.input_shape), np.float32)
    if where.dtype == "int8":
        model = _quantised(model, images)
    make = _in_onnxruntime if where.runtime == "onnxruntime" else _in_openvino
    run, kernels, version = make(model, images, where.threads)
    part_of = {name: k for k, names in enumerate(parts) for name in names}

    def by_part(passes: int) -> Floats:
        return np.array([shared_out(p, part_of, len(parts)) for p in kernels(passes)])

    setting = Setting(
        runtime=where.runtime, version=version, device="cpu", processor=processor(),
        threads=where.threads, batch=where.batch, shape=_image(arch), dtype=where.dtype,
    )  # fmt: skip
    return Ready(run=run, setting=setting, parts=by_part if parts else None)


def blank(arch: Architecture, *, device: str = "cpu") -> fx.GraphModule:
    """The network with constants for weights, in eval mode: made in a tenth of the time."""
    module = build(arch, seed=0, device="meta", aux=False).to_empty(device=device)
    _fill(module)
    return module.to(memory_format=torch.channels_last).eval()


def _fill(module: fx.GraphModule) -> None:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(_WEIGHT)
        for name, buffer in module.named_buffers():
            buffer.fill_(1 if name.endswith("running_var") else 0)


def _quantised(model: bytes, images: npt.NDArray[np.float32]) -> bytes:
    """The model in int8; with which ranges does not matter to how long a pass takes."""
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        before.write_bytes(model)
        quantise(before, after, [images + 1])
        return after.read_bytes()


def _image(arch: Architecture) -> tuple[int, int, int]:
    channels, height, width = arch.input_shape
    return channels, height, width


def _in_torch(arch: Architecture, module: fx.GraphModule, where: Where, parts: Names) -> Ready:
    dtype = getattr(torch, where.dtype)
    compiled = where.runtime == "torch.compile"
    run, setting = torch_run(
        module, _image(arch), batch=where.batch, device=where.device, dtype=dtype,
        compiled=compiled, threads=where.threads,
    )  # fmt: skip
    if compiled or not parts or torch.device(where.device).type != "cpu":
        return Ready(run=run, setting=setting)
    pieces = _pieces(arch, module, parts)
    images = torch.zeros(where.batch, *arch.input_shape, dtype=dtype)
    images = images.contiguous(memory_format=torch.channels_last)

    def by_part(passes: int) -> Floats:
        return np.array([_stamped(pieces, images) for _ in range(passes)])

    return Ready(run=run, setting=setting, parts=by_part)


def _pieces(arch: Architecture, module: fx.GraphModule, parts: Names) -> list[fx.GraphModule]:
    """A module for each part, of the same weights; each reads what the one before it gives."""
    logits = arch.outputs[:1]
    nodes = {n.name: n for n in needed(arch, logits)}
    shapes = {INPUT: arch.input_shape} | {n.name: n.shape for n in nodes.values()}
    state = module.state_dict(keep_vars=True)
    pieces, before = [], INPUT
    for k, names in enumerate(parts):
        inside = {name for name in names if name in nodes}
        last = logits[0] if k == len(parts) - 1 else names[-1]
        own = [
            nodes[n]._replace(inputs=tuple(i if i in inside else INPUT for i in nodes[n].inputs))
            for n in names
            if n in inside
        ]
        piece = assemble(own, [last], input_shape=shapes[before], name="part")
        piece.load_state_dict({k: state[k] for k in piece.state_dict()}, assign=True)
        pieces.append(piece.eval())
        before = last
    return pieces


def _stamped(pieces: Sequence[fx.GraphModule], images: Tensor) -> list[float]:
    stamps = [time.perf_counter()]
    with torch.inference_mode():
        x = images
        for piece in pieces:
            x = piece(x)
            stamps.append(time.perf_counter())
    return [b - a for a, b in zip(stamps[:-1], stamps[1:], strict=True)]


Made = tuple[Run, Callable[[int], Sequence[Kernels]], str]


def _in_onnxruntime(model: bytes, images: npt.NDArray[np.float32], threads: int) -> Made:
    runtime = extra("onnxruntime", install="onnx")

    def session(*, profile: str = "") -> tuple[Any, Run]:
        options = runtime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3  # errors alone
        if profile:
            options.enable_profiling, options.profile_file_prefix = True, profile
        made = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        binding = made.io_binding()
        binding.bind_ortvalue_input(IMAGES, runtime.OrtValue.ortvalue_from_numpy(images))
        binding.bind_output(made.get_outputs()[0].name, "cpu")
        return made, lambda: made.run_with_iobinding(binding)

    def kernels(passes: int) -> Sequence[Kernels]:
        with tempfile.TemporaryDirectory() as folder:
            made, run = session(profile=str(Path(folder) / "passes"))
            for _ in range(passes + 1):  # the first one allocates
                run()
            events = json.loads(Path(made.end_profiling()).read_text())
        found: list[list[tuple[Sequence[str], float]]] = []
        for event in sorted(events, key=lambda e: e["ts"]):
            if event.get("name") == "model_run":
                found.append([])
            elif event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
                if not found:
                    continue
                found[-1].append(((event["name"],), event["dur"] * 1e-6))
        return found[1:]

    return session()[1], kernels, str(runtime.__version__)


def _in_openvino(model: bytes, images: npt.NDArray[np.float32], threads: int) -> Made:
    openvino = extra("openvino", install="openvino")
    core = openvino.Core()
    read = core.read_model(model)
    read.reshape(list(images.shape))

    def request(*, count: bool = False) -> Any:
        settings = {
            "INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads,
            "PERF_COUNT": count,
        }  # fmt: skip
        made = core.compile_model(read, "CPU", settings).create_infer_request()
        made.set_input_tensor(openvino.Tensor(images))
        return made

    def kernels(passes: int) -> Sequence[Kernels]:
        counted = request(count=True)
        names = _original_names(counted.get_compiled_model().get_runtime_model())
        found: list[Kernels] = []
        for _ in range(passes + 1):
            counted.infer()
            found.append([
                (names.get(k.node_name, (k.node_name,)), k.real_time.total_seconds())
                for k in counted.profiling_info
            ])  # fmt: skip
        return found[1:]

    plain = request()
    return plain.infer, kernels, str(openvino.__version__).split("-")[0]


def _original_names(graph: Any) -> dict[str, list[str]]:
    """What OpenVINO calls a kernel → the operations of the model that were fused into it."""
    found = {}
    for kernel in graph.get_ordered_ops():
        facts = kernel.get_rt_info()
        if "originalLayersNames" in facts:
            text = str(facts["originalLayersNames"].astype(str))
            found[kernel.get_friendly_name()] = text.split(",")
    return found


def shared_out(kernels: Kernels, part_of: Mapping[str, int], parts: int) -> list[float]:
    """Seconds of each part: a kernel belongs to the part of the last operation in it.

    A kernel that none of the names is known for (a change of layout) belongs to the part that ran
    before it, the first ones to the first part.

    Args:
        kernels: In the order in which they ran.
        part_of: From the name of a node to the number of its part.
        parts: How many there are.
    """
    spent, now = [0.0] * parts, 0
    for names, seconds in kernels:
        known = [k for name in names if (k := _known(name, part_of)) is not None]
        now = known[-1] if known else now
        spent[now] += seconds
    return spent


def _known(name: str, part_of: Mapping[str, int]) -> int | None:
    while name not in part_of:
        shorter = _ENDING.sub("", name)
        if shorter == name:
            return None
        name = shorter
    return part_of[name]
