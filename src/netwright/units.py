"""Quantities as people write them: ``400M``, ``5MB``, ``12ms``, parsed and printed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from netwright.errors import UsageError

_COUNT = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9, "t": 10**12}
_BYTES = {
    "": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
_ELEMENT_BYTES = {"int8": 1, "float16": 2, "bfloat16": 2, "float32": 4}
_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0}
_NUMBER = r"[0-9]*\.?[0-9]+(?:e[+-]?[0-9]+)?|[0-9]{1,3}(?:[,_][0-9]{3})+(?:\.[0-9]+)?"
_PATTERN = re.compile(rf"\s*({_NUMBER})\s*([a-zµμ]*)\s*", re.IGNORECASE)


def _parse(text: str, table: Mapping[str, float], what: str, example: str) -> float:
    match = _PATTERN.fullmatch(text)
    unit = match.group(2).lower().replace("µ", "u").replace("μ", "u") if match else ""
    if match is None or unit not in table:
        raise UsageError(f"{text!r} is not {what}; write it like {example}.")
    value = float(match.group(1).replace("_", "").replace(",", "")) * table[unit]
    if value <= 0 or math.isinf(value):
        raise UsageError(f"{text!r} is not {what} above zero; write it like {example}.")
    return value


def _parse_whole(text: str, table: Mapping[str, float], what: str, example: str) -> int:
    value = round(_parse(text, table, what, example))
    if value < 1:
        raise UsageError(f"{text!r} is less than 1; write it like {example}.")
    return value


def parse_count(text: str) -> int:
    """``"20M"`` → 20,000,000: a number of MACs or parameters (k, M, G or B, T)."""
    return _parse_whole(text, _COUNT, "a count", "20M, 1.5G or 100k")


def parse_bytes(text: str) -> int:
    """``"4MB"`` → 4,000,000 bytes; ``"4MiB"`` → 4,194,304."""
    return _parse_whole(text, _BYTES, "an amount of memory", "4MB, 512kB or 2MiB")


def parse_activations(text: str) -> int:
    """``"4MB"`` → 4,000,000 bytes of float32; ``"256kB:int8"`` → 1,024,000, as many numbers.

    Raises:
        UsageError: If it is no amount of memory, or the type is none of int8, float16, bfloat16
            and float32.
    """
    amount, colon, dtype = text.partition(":")
    if colon and dtype not in _ELEMENT_BYTES:
        raise UsageError(
            f"{dtype!r} is not a type that activations have; write {amount}:int8, "
            f"{amount}:float16 or {amount}."
        )
    return parse_bytes(amount) * 4 // _ELEMENT_BYTES.get(dtype, 4)


def parse_seconds(text: str) -> float:
    """``"5ms"`` → 0.005 seconds; ``"10min"`` → 600."""
    return _parse(text, _SECONDS, "a duration", "5ms, 30s, 10min or 2h")


def format_count(value: float) -> str:
    """20,000,000 → ``"20.0M"``: three digits that a person can compare."""
    for limit, suffix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit * 0.9995:
            return f"{_three_digits(value / limit)}{suffix}"
    return f"{value:.0f}" if float(value).is_integer() else _three_digits(value)


def format_bytes(value: float) -> str:
    """4,000,000 → ``"4.00MB"``."""
    return f"{format_count(value)}B"


def format_seconds(value: float) -> str:
    """Seconds as ``"340ms"``, ``"12.0s"``, ``"4m 05s"`` or ``"2h 10m"``."""
    if value < 0.9995:
        return f"{value * 1e3:.3g}ms"
    if value < 59.95:
        return f"{value:.1f}s"
    minutes, seconds = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes}m {seconds:02d}s"
    return f"{minutes // 60}h {minutes % 60:02d}m"


def _three_digits(value: float) -> str:
    decimals = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
    return f"{value:.{decimals}f}"
