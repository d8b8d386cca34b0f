"""``netwright scale``: grow or shrink a network the way EfficientNet grew B1 to B7."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from netwright import catalog
from netwright.arch.cost import Cost
from netwright.arch.cost import cost as cost_of
from netwright.arch.graph import Architecture
from netwright.cli.output import Flag, console, print_json, table
from netwright.errors import UsageError
from netwright.scaling import Target
from netwright.scaling import scale as scaled
from netwright.units import format_bytes, format_count, parse_count, parse_seconds


def scale(
    arch: str,
    *,
    phi: float | None = None,
    to_macs: str | None = None,
    to_params: str | None = None,
    to_latency: str | None = None,
    latency_table: Path | None = None,
    latency_runtime: str = "torch",
    latency_dtype: str = "float32",
    latency_threads: int = 1,
    depth: float | None = None,
    width: float | None = None,
    resolution: int | None = None,
    only: Literal["depth", "width", "resolution"] | None = None,
    alpha: float = 1.2,
    beta: float = 1.1,
    gamma: float = 1.15,
    out: Path | None = None,
    force: Flag = False,
    json: Flag = False,
) -> None:
    """Scale any staged network: depth alpha^phi, width beta^phi, resolution gamma^phi.

    Say how far in one way: --phi, or targets (--to-macs, --to-params, --to-latency; all must
    hold), or factors of your own. The defaults are EfficientNet's coefficients, with which one
    phi doubles the MACs.

    Args:
        arch: A name of `netwright list architectures`, a .json file or a RUN folder.
        phi: Steps of about twice the MACs; below 0 it shrinks.
        to_macs: The largest network with at most so many MACs, such as 1G.
        to_params: The largest network with at most so many parameters, such as 5M.
        to_latency: The largest network of at most so long a pass, such as 5ms; each network on
            the way is measured on this machine, unless there is a table.
        latency_table: A table of `netwright latency`, to predict by instead of measuring.
        latency_runtime: torch, torch.compile, onnxruntime or openvino.
        latency_dtype: float32, or int8 in onnxruntime.
        latency_threads: Threads of the runtime.
        depth: Factor on the layers of every stage.
        width: Factor on all channels.
        resolution: Side of the images in pixels.
        only: Scale this dimension alone, at as many MACs per phi as all together.
        alpha: Depth per phi.
        beta: Width per phi.
        gamma: Resolution per phi.
        out: File for the new architecture; NAME-scaled.json without it.
        force: Overwrite that file where it exists.
        json: Print one JSON object instead of a table.
    """
    path = out or Path(f"{Path(arch).stem}-scaled.json")
    if path.exists() and not force:
        raise UsageError(f"{path} exists; add --force to overwrite it, or choose another --out.")
    base = catalog.architecture(arch)
    timed = None
    if to_latency is not None:
        timed = _latency(
            to_latency, latency_table, latency_runtime, latency_threads, latency_dtype
        )
    made = scaled(
        base,
        phi=phi,
        to_macs=None if to_macs is None else parse_count(to_macs),
        to_params=None if to_params is None else parse_count(to_params),
        to=() if timed is None else (timed,),
        depth=depth,
        width=width,
        resolution=resolution,
        only=only,
        alpha=alpha,
        beta=beta,
        gamma=gamma,
    )
    try:
        path.write_text(made.to_json())
    except OSError as err:
        raise UsageError(f"{path} cannot be written ({err.strerror}); choose --out.") from err
    if json:
        print_json({"file": str(path), "base": _facts(base, timed), "scaled": _facts(made, timed)})
        return
    timing = () if timed is None else (timed.name,)
    columns = ("network", "images", "layers", "params", "MACs", "peak activations", *timing)
    rows = [_row("base", base, timed), _row("scaled", made, timed)]
    screen = console()
    screen.print(table("", columns, rows))
    screen.print(f"The architecture: {path}", soft_wrap=True)


def _latency(text: str, table: Path | None, runtime: str, threads: int, dtype: str) -> Target:
    """A latency as a target: predicted by a table, or measured, every network once."""
    limit_ms = 1000 * parse_seconds(text)
    if table is not None:
        from netwright.latency.predictor import LatencyPredictor
        from netwright.latency.table import read_table

        predictor = LatencyPredictor.of(read_table(table))
        return Target(
            name="predicted latency", measure=lambda arch: predictor(arch).ms, limit=limit_ms,
            text=_milliseconds,
        )  # fmt: skip

    from netwright.latency.prepare import LatencyPlan, meter
    from netwright.nn.runtimes import Where

    where = Where(runtime=runtime, threads=threads, dtype=dtype)  # type: ignore[arg-type]  # checked there
    measured = meter(LatencyPlan(limit_ms=limit_ms, where=where))
    known: dict[str, float] = {}

    def measure(arch: Architecture) -> float:
        if arch.id not in known:
            known[arch.id] = measured(arch).median_ms
            line = f"{cost_of(arch)}: {_milliseconds(known[arch.id])}"
            console(stderr=True).print(line, soft_wrap=True)
        return known[arch.id]

    return Target(name="measured latency", measure=measure, limit=limit_ms, text=_milliseconds)


def _milliseconds(value: float) -> str:
    return f"{value:.3g}ms"


def _layers(arch: Architecture) -> int:
    return sum(1 for place in arch.placed if place.prefix)


def _row(name: str, arch: Architecture, timed: Target | None) -> tuple[str, ...]:
    costs: Cost = cost_of(arch)
    row = (
        name,
        "x".join(str(n) for n in arch.input_shape),
        str(_layers(arch)),
        format_count(costs.params),
        format_count(costs.macs),
        format_bytes(costs.peak_activation_bytes),
    )
    return row if timed is None else (*row, timed.text(timed.measure(arch)))


def _facts(arch: Architecture, timed: Target | None) -> dict[str, Any]:
    costs = cost_of(arch)
    found: dict[str, Any] = {
        "id": arch.id,
        "input_shape": list(arch.input_shape),
        "layers": _layers(arch),
        "params": costs.params,
        "macs": costs.macs,
        "peak_activation_bytes": costs.peak_activation_bytes,
    }
    return found if timed is None else {**found, "latency_ms": timed.measure(arch)}
