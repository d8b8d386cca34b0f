"""Named random streams: the same seed and path give the same numbers, in any order and process.

A stream is counter-based (Philox) and its key is a hash of the whole path, so asking for
``stream(0, "ask", 7)`` needs no state from step 6.  This is what makes a killed search resumable
by replay alone.
"""

from __future__ import annotations

import hashlib
import operator

import numpy as np


def derive(seed: int, *path: str | int) -> int:
    """A 63-bit integer that depends on the seed and on every element of the path.

    Args:
        seed: The user's seed.
        path: Where in the program the numbers are used: ``derive(seed, "init", "conv_stem")``.

    Raises:
        TypeError: For a seed or step that is not a whole number.
    """
    plain = [str(p) if isinstance(p, str) else operator.index(p) for p in path]
    key = repr((operator.index(seed), *plain))  # a NumPy integer counts as the integer it is
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def stream(seed: int, *path: str | int) -> np.random.Generator:
    """A NumPy generator of its own for this seed and path."""
    return np.random.Generator(np.random.Philox(key=derive(seed, *path)))
