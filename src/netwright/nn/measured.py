"""What a measured latency says: its conditions, median and spread, and when two are a tie."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Under what conditions a latency holds.

    Args:
        runtime: Such as ``torch``, ``torch.compile``, ``onnxruntime`` or ``openvino``.
        version: Version of the runtime.
        device: Torch's name of the device, such as ``cpu`` or ``cuda:0``.
        processor: Name of the processor or of the GPU.
        threads: Threads of the runtime on the CPU.
        batch: Images per pass.
        shape: Channels, height and width of an image.
        dtype: Of images and weights, such as ``float32``.
    """

    runtime: str
    version: str
    device: str
    processor: str
    threads: int
    batch: int
    shape: tuple[int, int, int]
    dtype: str

    def __str__(self) -> str:
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        same = self.processor == self.device
        where = self.processor if same else f"{self.processor} ({self.device})"
        return (
            f"{self.runtime} {self.version}, {threads}, batch {self.batch}, {self.dtype}, {where}"
        )


@dataclass(frozen=True, kw_only=True)
class Latency:
    """How long one forward pass takes.

    Args:
        median_ms: Milliseconds of a pass, the median of the samples.
        low_ms: First quartile.
        high_ms: Third quartile.
        samples: How many samples that is from.
        settled: Whether the warm-up came to rest in the time given to it; if not, the machine was
            busy or the clock rate moved, and the figure should be taken again.
    """

    median_ms: float
    low_ms: float
    high_ms: float
    samples: int
    settled: bool = True

    @property
    def noise_ms(self) -> float:
        """Half the width of the median's 95 % interval, from the quartiles.

        ``1.57 · IQR / √n`` (McGill, Tukey & Larsen, The American Statistician 1978).
        """
        return 1.57 * (self.high_ms - self.low_ms) / math.sqrt(self.samples)

    def tie(self, other: Latency) -> bool:
        """Whether the difference to another one lies within the noise of the two."""
        noise = math.hypot(self.noise_ms, other.noise_ms)
        return abs(self.median_ms - other.median_ms) <= noise

    def __str__(self) -> str:
        return f"{self.median_ms:.3g} ms ({self.low_ms:.3g} to {self.high_ms:.3g})"
