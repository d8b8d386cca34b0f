"""A search described in TOML: one frozen record, unknown keys refused."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from netwright.errors import UsageError
from netwright.records import Budget


class SearchConfig(BaseModel):
    """Everything that decides what a search does; written into its folder as ``run.toml``."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    data: str
    """Image folder, Parquet file, torchvision name, or ``digits``."""
    space: str = "mobile"
    """Name of the search space."""
    strategy: str = "auto"
    """Name of the strategy; ``auto``: ``predictor`` for short trainings, else ``evolution``."""
    objective: str = "auto"
    """``val_loss`` or ``val_accuracy`` of short trainings, or a proxy's name; ``auto``: by the
    time there is."""
    probe_steps: int | None = Field(default=None, ge=1)
    """Length of the short trainings in optimiser steps; from budget and minutes where absent."""
    probes: str | None = None
    """Folder of a ``netwright check``, whose short trainings are the first candidates."""
    inherit: str | None = None
    """A pretrained relative whose weights all trainings begin from, as far as they are alike."""
    teacher: str | None = None
    """Folder of a trained network that final trainings learn from."""
    max_macs: int | None = Field(default=None, gt=0)
    """Most multiply-adds for one image."""
    max_params: int | None = Field(default=None, gt=0)
    """Most parameters."""
    max_memory_bytes: int | None = Field(default=None, gt=0)
    """Most activation memory live at once, for one image in float32."""
    max_latency_ms: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Most milliseconds of a pass, measured for the finalists."""
    target_latency_ms: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """What a reward aims at, as MnasNet's does; candidates above it stay candidates."""
    latency_reward: Literal["soft", "hard"] = "soft"
    """How much latency counts in that reward."""
    latency_runtime: Literal["torch", "torch.compile", "onnxruntime", "openvino"] = "torch"
    """What runs the networks whose latency is meant."""
    latency_dtype: Literal["float32", "bfloat16", "float16", "int8"] = "float32"
    """Of what; int8 in ONNX Runtime alone."""
    latency_threads: int = Field(default=1, ge=1)
    """On how many threads."""
    latency_table: str | None = None
    """A table of ``netwright latency``; a short profile of the space is made where absent."""
    latency_command: str | None = None
    """The user's command that measures in place of a runtime."""
    minutes: float = Field(default=10.0, gt=0, allow_inf_nan=False)
    """Wall clock for all: search, final trainings, report."""
    trials: int | None = Field(default=None, ge=1)
    """Most candidates; the search ends sooner where its time does."""
    seed: int = Field(default=0, ge=0)
    """The same seed asks for the same candidates in the same order."""
    workers: int = Field(default=2, ge=1)
    """Processes that evaluate; they do not change what is asked for."""
    resolution: int | None = Field(default=None, ge=8)
    """Side of the images in pixels; chosen from the images where absent."""
    flip: bool | None = None
    """Whether mirror images keep their class; judged from the data where absent."""
    batch: int | None = Field(default=None, ge=1)
    """Candidates asked for at a time; as suits the strategy where absent."""
    device: Literal["cpu", "cuda", "mps"] = "cpu"
    """Where networks are scored and trained."""
    store: str | None = None
    """A database URL for the trials, in place of the run's own SQLite file; its password is not
    written down."""

    def where(self) -> dict[str, Any]:
        """What runs the networks whose latency is meant, as ``nn.runtimes.Where`` takes it."""
        return {
            "runtime": self.latency_runtime,
            "threads": self.latency_threads,
            "dtype": self.latency_dtype,
        }

    def budget(self) -> Budget:
        """The limits on what a network may cost."""
        return Budget(
            macs=self.max_macs,
            params=self.max_params,
            peak_activation_bytes=self.max_memory_bytes,
            latency_ms=self.max_latency_ms,
        )

    @property
    def minds_latency(self) -> bool:
        """Whether latency is limited or weighed."""
        return self.max_latency_ms is not None or self.target_latency_ms is not None

    def to_toml(self) -> str:
        """The text of ``run.toml``; what is not set stays out, and so does a password."""
        values = self.model_dump()
        if self.store is not None:
            from netwright.database import without_password  # SQLAlchemy, for whom it concerns

            values["store"] = without_password(self.store)
        lines = [
            f"{key} = {json.dumps(value, ensure_ascii=False)}"
            for key, value in values.items()
            if value is not None
        ]
        return "\n".join(lines) + "\n"


def read_toml(path: Path) -> dict[str, Any]:
    """The keys of a run file, not yet checked.

    Raises:
        UsageError: If the file is missing or no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise UsageError(f"The run file {path} cannot be read ({err.strerror}).") from err
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise UsageError(f"The run file {path} is not TOML: {err}.") from err


def search_config(values: dict[str, Any]) -> SearchConfig:
    """The checked configuration.

    Raises:
        UsageError: With every key that is unknown or out of range.
    """
    try:
        return SearchConfig(**values)
    except ValidationError as err:
        wrong = "; ".join(_phrase(e["loc"], e["msg"], e["type"]) for e in err.errors())
        raise UsageError(f"This search cannot be run: {wrong}.") from err


def _phrase(place: tuple[int | str, ...], message: str, kind: str) -> str:
    name = ".".join(str(part) for part in place)
    if kind == "extra_forbidden":
        return f"there is no setting {name!r} (there are {', '.join(SearchConfig.model_fields)})"
    if kind == "missing":
        return f"{name!r} is not given"
    return f"{name!r}: {message[0].lower()}{message[1:]}"
