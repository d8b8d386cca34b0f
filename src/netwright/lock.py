"""One holder at a time: a lock file that the system frees when its holder dies."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


class FileLock:
    """An advisory lock between processes of one machine, held from creation to ``release``.

    The file holds the number of the process.  It is removed on release; a killed holder leaves
    the file behind but not the lock.

    Args:
        path: The lock file; made where it is missing.

    Raises:
        BlockingIOError: If another process holds it; the message is that process's number.
        OSError: If the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        while True:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                _lock(self._file)
            except OSError:
                holder = _holder(self._file)
                os.close(self._file)
                raise BlockingIOError(holder) from None
            if _same_file(self._file, path):
                break
            os.close(self._file)  # its holder removed it between our open and our lock
        os.truncate(self._file, 0)
        os.write(self._file, str(os.getpid()).encode())

    def release(self) -> None:
        """Let others in; releasing twice is harmless."""
        if self._file < 0:
            return
        if sys.platform == "win32":
            os.close(self._file)
        else:
            self.path.unlink(missing_ok=True)  # while still held, so that nobody else's is hit
            os.close(self._file)
        self._file = -1


def _lock(file: int) -> None:
    if sys.platform == "win32":
        os.lseek(file, 1 << 20, os.SEEK_SET)  # beyond the text, so that others can read it
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _holder(file: int) -> str:
    os.lseek(file, 0, os.SEEK_SET)
    return os.read(file, 32).decode(errors="replace").strip() or "unknown"


def _same_file(file: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(file)
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)


def holder(path: Path) -> str | None:
    """The number of the process that holds the lock file; None where nobody does.

    Looking takes nothing away: on POSIX a shared lock is tried and given back at once.

    Args:
        path: The lock file.
    """
    try:
        file = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    except OSError:
        return None
    try:
        _try(file)
    except OSError:
        return _holder(file)
    finally:
        os.close(file)
    return None


def _try(file: int) -> None:
    if sys.platform == "win32":
        _lock(file)
    else:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
