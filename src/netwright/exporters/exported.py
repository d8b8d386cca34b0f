"""What an export came to: files, how near torch they are, and what else is to be said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Exported:
    """One format, written and checked.

    Args:
        format: Such as ``onnx``.
        files: What was written, the one to use first.
        file_bytes: Of all files together.
        max_relative_difference: The largest difference from torch's outputs, relative to the
            largest of them; None where nothing was run.
        facts: What else is known, such as the opset or the accuracy before and after.
    """

    format: str
    files: tuple[str, ...]
    file_bytes: int
    max_relative_difference: float | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def of(
        name: str, *files: Path, gap: float | None = None, facts: Mapping[str, Any] | None = None
    ) -> Exported:
        """The record of files that are there."""
        return Exported(
            format=name,
            files=tuple(map(str, files)),
            file_bytes=sum(path.stat().st_size for path in files),
            max_relative_difference=gap,
            facts=dict(facts or {}),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {**asdict(self), "files": list(self.files), "facts": dict(self.facts)}


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let a function write a file elsewhere, and put it in its place; no reader sees half of it.

    Args:
        path: Where the file is to be; the draft beside it keeps its suffix.
        write: Told where to write.
    """
    draft = path.with_name(f".part-{path.name}")
    try:
        write(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
