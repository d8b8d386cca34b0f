"""The end of a search as people read it: the honest table, the verdict, what to type next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from netwright.cli.output import command, table
from netwright.config import SearchConfig, read_toml, search_config
from netwright.run_folder import RunFolder
from netwright.spending import in_words
from netwright.units import format_count, format_seconds

_PHOTO_PIXELS = 64  # of the side, from which pretrained weights know what they see


def train_options(config: SearchConfig) -> tuple[str, ...]:
    """What `netwright train` must be told to train as the search did.

    The same split, above all; also what its networks began from and learned from.

    Args:
        config: The settings of the run.
    """
    words: list[str] = []
    if config.seed:
        words += ["--seed", str(config.seed)]
    if config.flip is not None:
        words.append("--flip" if config.flip else "--no-flip")
    if config.device != "cpu":
        words += ["--device", config.device]
    if config.inherit is not None:
        words += ["--inherit", config.inherit]
    if config.teacher is not None:
        words += ["--teacher", config.teacher]
    return tuple(words)


def print_summary(out: Console, folder: RunFolder, result: Mapping[str, Any]) -> None:
    """Print what ``result.json`` says.

    Args:
        out: Where to.
        folder: Of the run, for the commands at the end.
        result: What ``result.json`` holds.
    """
    search, seconds = result["search"], result["seconds"]
    in_all = seconds["total"] + seconds.get("earlier sittings", 0.0)
    out.print()
    out.print(
        f"{search['trials']} candidates in {format_seconds(search['seconds'])} "
        f"({search['duplicates']} duplicates, {search['failed']} failed), objective "
        f"{result['objective']}; {format_seconds(in_all)} in all."
    )
    out.print()
    best, latency = result["best"], result.get("latency")
    timed = latency is not None
    rows = [
        (
            f"{row['role']} *" if row["role"] == best["role"] else row["role"],
            _accuracy(row, result["recipe"]["steps"]),
            format_count(row["params"]),
            format_count(row["macs"]),
            *((_milliseconds(row),) if timed else ()),
            format_seconds(row["train_seconds"]),
        )
        for row in result["finals"]
    ]
    head = ("network", "val accuracy", "params", "MACs")
    columns = (*head, *(("latency",) if timed else ()), "trained in")
    out.print(table("", columns, rows))
    out.print()
    out.print("* returned. All were trained by one recipe and seed.")
    for line in _support_lines(result):
        out.print(line, soft_wrap=True)
    if latency is not None:
        out.print(latency_line(latency), soft_wrap=True)
    for name, why in result.get("left_out", {}).items():
        out.print(f"Without {name}: {why}")
    if str(result["objective"]).startswith("val_"):
        out.print("The search chose its candidates on the same validation images.")
    out.print(result["verdict"])
    test = result["test"]
    if test is not None:
        out.print(
            f"Test accuracy of the returned network: {100 * test['accuracy']:.1f}% "
            f"(95% interval {100 * test['low']:.1f} to {100 * test['high']:.1f}, "
            f"{test['images']:,} images that the search never saw)."
        )
    if "spending" in result:
        out.print(in_words(result["spending"]))
    out.print()
    out.print(f"The network: {folder.best}; its weights: {folder.weights}", soft_wrap=True)
    settings = read_toml(folder.config) if folder.config.is_file() else {}
    options = train_options(search_config({**settings, "data": result["data"]["source"]}))
    if _photos(result["data"]) and "inherit" not in result.get("support", {}):
        out.print(
            "The images look like everyday photos: weights that were pretrained on millions of "
            "such may well do better than training from scratch. To see:"
        )
        words = ("train", result["data"]["source"], folder.path, "--inherit", "lite0", *options)
        out.print(f"  {command(*words)}", soft_wrap=True)
    out.print("Next:")
    for words in (
        ("show", folder.path),
        ("cost", folder.path),
        ("train", result["data"]["source"], folder.path, "--epochs", "100", *options),
    ):
        out.print(f"  {command(*words)}", soft_wrap=True)


def _support_lines(result: Mapping[str, Any]) -> list[str]:
    """What the trainings had besides images."""
    support = result.get("support", {})
    lines = []
    if "inherit" in support:
        shares = [
            f"{row['role']} {row['inherited']:.0%}"
            for row in result["finals"]
            if "inherited" in row
        ]
        lines.append(
            f"Shares of their parameters that began with weights of {support['inherit']}: "
            f"{', '.join(shares)}."
        )
    if "teacher" in support:
        lines.append(f"They learned from {support['teacher']}.")
    return lines


def _milliseconds(row: Mapping[str, Any]) -> str:
    return f"{row['latency_ms']:.3g}ms" if "latency_ms" in row else "not measured"


def latency_line(latency: Mapping[str, Any]) -> str:
    """How latencies were measured, and how far off the predictor was."""
    setting = latency["setting"]
    limit = "" if latency["limit_ms"] is None else f" of at most {latency['limit_ms']:.3g}ms"
    threads = f"{setting['threads']} thread{'s' if setting['threads'] > 1 else ''}"
    off = 100 * (latency["correction"] - 1)
    return (
        f"Latencies{limit} are measured, not predicted: {setting['runtime']} "
        f"{setting['version']}, {threads}, batch {setting['batch']}, {setting['dtype']}, "
        f"{setting['processor']}. "
        f"The predictor was corrected by {off:+.0f}%."
    )


def _accuracy(row: Mapping[str, Any], steps: int) -> str:
    """``61.2%``, ``failed``, or ``43.1% at 25%`` of the recipe for one that was left behind."""
    if row["val_accuracy"] is not None:
        return f"{100 * row['val_accuracy']:.1f}%"
    if row.get("stopped") is None:
        return "failed"
    return f"{100 * row['reached']:.1f}% at {row['stopped'] / steps:.0%}"


def _photos(data: Mapping[str, Any]) -> bool:
    """Whether images are in colour, large, and were kept with room around the crop."""
    size = data.get("resolution", 0)
    return data.get("channels") == 3 and size >= _PHOTO_PIXELS and data.get("stored", 0) > size
