"""``int8``: an ONNX model quantised on the user's images, and what that costs in accuracy."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from netwright.errors import UsageError
from netwright.exporters.check import Run, probe
from netwright.exporters.exported import Exported
from netwright.exporters.network import Network
from netwright.exporters.onnx import onnx_run
from netwright.nn.int8 import quantise
from netwright.nn.timing import Latency, measure
from netwright.stats import wilson
from netwright.training.data import ImageData, batches
from netwright.training.evaluate import evaluate

_CALIBRATION = 256  # images; more change the ranges little
_BATCH = 16
_SECONDS = 0.3  # of warm-up at most, and of samples at least, for each of the two models


class _Running(nn.Module):
    """An exported network where a module is expected."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run = run

    def forward(self, images: Tensor) -> Tensor:
        return self.run(images)[0]


def export_int8(
    network: Network, source: Path, path: Path, *, data: ImageData, seed: int, threads: int = 1
) -> Exported:
    """Quantise an exported ONNX model to int8, and evaluate both on validation images.

    Weights get a scale per channel and 7 of the 8 bits, so that products do not overflow on CPUs
    without VNNI; ranges of activations are the extremes seen on training images.

    Args:
        network: What the model was exported from.
        source: The float32 model.
        path: Where the int8 model goes.
        data: Images of the network's kind and classes.
        seed: Of the choice of training images.
        threads: Of ONNX Runtime in the evaluation.

    Raises:
        UsageError: If ONNX Runtime is not installed, or the images are not the network's.
    """
    _fits(network, data)
    count = max(1, min(_CALIBRATION, len(data.train)) // _BATCH)
    size = min(_BATCH, len(data.train))
    drawn = batches(data, size=size, count=count, seed=seed)
    quantise(source, path, [images.numpy() for images, _ in drawn])
    found = {
        name: evaluate(_Running(onnx_run(model, threads=threads)), data, split="val")
        for name, model in (("float32", source), ("int8", path))
    }
    before, after = found["float32"], found["int8"]
    times = _latencies(network, source, path, threads=threads)
    interval = wilson(round(after.accuracy * after.count), after.count)
    sizes = source.stat().st_size, path.stat().st_size
    facts: dict[str, Any] = {
        "calibration_images": size * count,
        "val_images": after.count,
        "val_accuracy_float32": before.accuracy,
        "val_accuracy_int8": after.accuracy,
        "val_accuracy_int8_low": interval.low,
        "val_accuracy_int8_high": interval.high,
        "accuracy_drop": before.accuracy - after.accuracy,
        "float32_bytes": sizes[0],
        "size_ratio": sizes[1] / sizes[0],
        "latency_ms_float32": times[0].median_ms,
        "latency_ms_int8": times[1].median_ms,
        "latency_tie": times[0].tie(times[1]),
        "threads": threads,
    }
    return Exported.of("int8", path, facts=facts)


def _latencies(
    network: Network, source: Path, path: Path, *, threads: int
) -> tuple[Latency, Latency]:
    """What an image takes in ONNX Runtime before and after, measured in turns."""
    images = probe(network.arch, 1)
    runs = {
        name: partial(onnx_run(model, threads=threads), images)
        for name, model in (("float32", source), ("int8", path))
    }
    found = measure(runs, seconds=_SECONDS, warmup_seconds=_SECONDS)
    return found["float32"], found["int8"]


def _fits(network: Network, data: ImageData) -> None:
    arch = network.arch
    if data.input_shape != arch.input_shape or len(data.classes) != arch.classes:
        raise UsageError(
            f"{network.name} takes images {arch.input_shape} and has {arch.classes} classes; "
            f"{data.name} has images {data.input_shape} and {len(data.classes)} classes. Give "
            "--int8 the images it was trained on."
        )
    if network.classes is not None and tuple(data.classes) != network.classes:
        raise UsageError(
            f"{network.name} was trained on other classes than those of {data.name}, or in "
            "another order. Give --int8 the images it was trained on."
        )
