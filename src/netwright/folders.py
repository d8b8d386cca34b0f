"""A folder to write results into, made or refused in one sentence."""

from __future__ import annotations

from pathlib import Path

from netwright.errors import UsageError


def make_folder(path: Path, *, called: str = "folder") -> None:
    """Make a folder, with those above it, and see that files can be written into it.

    Args:
        path: May be there already.
        called: What the message calls it.

    Raises:
        UsageError: If it cannot be made or written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as err:
        raise UsageError(
            f"The {called} {path} cannot be written ({err.strerror}); choose another with --out."
        ) from err
