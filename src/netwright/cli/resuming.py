"""What a search cannot change when it goes on, and where one may begin."""

from __future__ import annotations

from pathlib import Path

from netwright.config import SearchConfig
from netwright.errors import UsageError
from netwright.run_folder import RunFolder

# Images and place are checked by the store.
SAME = (
    "space", "strategy", "objective", "probes", "inherit", "teacher", "max_macs", "max_params",
    "max_memory_bytes", "max_latency_ms", "target_latency_ms", "latency_reward",
    "latency_runtime", "latency_dtype", "latency_threads", "latency_command", "seed",
    "flip", "batch",
)  # fmt: skip


def refuse_another(before: SearchConfig, now: SearchConfig, *, folder: Path | None) -> None:
    """Refuse settings that would make another search of a run.

    Raises:
        UsageError: With the first setting that differs.
    """
    for name in SAME:
        old, new = getattr(before, name), getattr(now, name)
        if old != new:
            raise UsageError(
                f"{folder} holds a search with {name} {_word(old)}, not {_word(new)}; resume it "
                "with the same settings, or choose another folder with --out."
            )


def _word(value: object) -> str:
    return "not set" if value is None else str(value)


def refuse_second(folder: RunFolder, *, resume: bool) -> None:
    """Refuse to begin a search where there is one.

    Raises:
        UsageError: With what to type.
    """
    if folder.is_run() and not resume:
        raise UsageError(
            f"{folder.path} already holds a search; add --resume to go on with it, or choose "
            "another folder with --out."
        )
