"""Every proxy on inputs that nobody would choose: a score, or a failure with its reason, always.

Run ``python benchmarks/proxy_fuzz.py --cases 10000``; what is done is kept in a file of lines, and
the same command goes on where it stopped.  ``--first`` and ``--cases`` split the work.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import record
from netwright.proxies.borrow import borrowed, output
from netwright.proxies.failure import ScoreFailed
from netwright.proxies.listing import ALL
from netwright.proxies.scoring import Score, score
from proxy_fuzz_cases import Case

BAD = ("case", "score", "trace", "silent")
"""Keys of what must not happen: no input, something raised, a network that came back changed,
numbers made of an output that is none."""


def reading(found: Score) -> str:
    """``score``, or the reason without its figures.

    Raises:
        ValueError: If it is neither, or both.
    """
    if (found.value is None) != bool(found.reason):
        raise ValueError(f"neither a score nor a reason: {found}")
    if found.value is None:
        return re.sub(r"'[^']*'|\d+", "*", found.reason)
    if not math.isfinite(found.value):
        raise ValueError(f"not finite: {found}")
    return "score"


def look(case: Case) -> dict[str, str]:
    """The outcome of every proxy on a case; anything that was raised is one too."""
    try:
        network, images = case.network(), case.batches()
    except Exception as err:  # noqa: BLE001 (the case is at fault, not a proxy)
        return {"case": f"not built: {type(err).__name__}: {err}"}
    before = _state(network)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            scores = score(network, images, proxies=ALL, seed=case.number)
        found = {name: reading(got) for name, got in scores.items()}
    except Exception as err:  # noqa: BLE001 (what is looked for)
        return {"score": f"raised: {type(err).__name__}: {str(err)[:200]}"}
    if changed := _changed(before, _state(network)):
        found["trace"] = f"left changed: {changed}"
    if "nan" in case.twist and (silent := _silent(network, images[0][0], found)):
        found["silent"] = f"scores of a network that puts out nan: {silent}"
    return found


def _silent(network: nn.Module, images: Tensor, found: dict[str, str]) -> str:
    """Proxies of the pixels with a score though the network's output holds a nan.

    MeCo reads maps alone, which may be sound before a classifier that is not.
    """
    with borrowed(network) as view, torch.no_grad():
        try:
            if not bool(output(view, images).isnan().any()):
                return ""
        except ScoreFailed:
            return ""
    wrong = [p.name for p in ALL if p.data and found[p.name] == "score"]
    return ", ".join(name for name in wrong if not name.startswith("meco"))


def _state(network: nn.Module) -> dict[str, Any]:
    """Everything about a network that a score might have touched."""
    state: dict[str, Any] = {f"value {k}": v.clone() for k, v in network.state_dict().items()}
    for name, parameter in network.named_parameters():
        state[f"gradient {name}"] = parameter.grad, parameter.requires_grad
    for name, sub in network.named_modules():
        state[f"module {name}"] = sub.training, len(sub._forward_hooks), len(sub._backward_hooks)
    return state


def _changed(before: dict[str, Any], after: dict[str, Any]) -> str:
    """The first thing that is not as it was, or nothing."""
    for name in {**before, **after}:
        old, new = before.get(name), after.get(name)
        if isinstance(old, Tensor) and isinstance(new, Tensor):
            if old.dtype != new.dtype or not torch.equal(old.nan_to_num(), new.nan_to_num()):
                return name
        elif old != new:
            return name
    return ""


def main() -> None:
    """Go on where the file ends, print, write."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--cases", type=int, default=10_000)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--lines", type=Path, default=Path("proxy_fuzz.jsonl"))
    options.add_argument("--as-is", action="store_true", help="look at no more")
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    torch.set_num_threads(1)
    done: dict[int, dict[str, str]] = {}
    if given.lines.is_file():
        rows = [json.loads(line) for line in given.lines.read_text().splitlines()]
        done = {row["case"]: row["outcomes"] for row in rows}
    numbers = list(range(given.first, given.first + given.cases))
    if given.as_is:
        numbers = [number for number in numbers if number in done]
    with given.lines.open("a", encoding="utf-8") as lines:
        for number in numbers:
            if number not in done:
                done[number] = look(Case.draw(number))
                lines.write(json.dumps({"case": number, "outcomes": done[number]}) + "\n")
                lines.flush()
    found = {number: done[number] for number in numbers}
    counts = Counter(what for outcomes in found.values() for what in outcomes.values())
    bad = {n: o for n, o in found.items() if set(BAD) & set(o)}
    facts: dict[str, Any] = {
        "outcomes": dict(counts.most_common()),
        "bad": {str(n): {key: o[key] for key in BAD if key in o} for n, o in bad.items()},
        "twists": dict(Counter(Case.draw(n).twist for n in numbers)),
        "sources": dict(Counter(Case.draw(n).source for n in numbers)),
        "dtypes": dict(Counter(Case.draw(n).dtype for n in numbers)),
        "of one image": sum(Case.draw(n).size == 1 for n in numbers),
        "of one class": sum(Case.draw(n).classes == 1 for n in numbers),
    }
    total = sum(counts.values())
    record.write(
        __file__,
        claim=f"{len(ALL)} proxies on {len(found):,} inputs that nobody would choose: no crash, "
        "no silent NaN",
        seeds=[0],
        results={
            "crashes": record.measured([len(bad)], "", headline=True),
            "inputs": record.measured([len(found)], ""),
            "scores": record.measured([counts["score"]], f"of {total:,}", headline=True),
            "failures with a reason": record.measured(
                [total - counts["score"] - len(bad)], f"of {total:,}", headline=True
            ),
        },
        arguments=f"--cases {given.cases}",
        facts=facts,
        out=given.out,
    )


if __name__ == "__main__":
    main()
