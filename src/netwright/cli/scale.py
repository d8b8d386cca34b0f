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
from netwright.scaling import scale as scaled
from netwright.units import format_bytes, format_count, parse_count


def scale(
    arch: str,
    *,
    phi: float | None = None,
    to_macs: str | None = None,
    to_params: str | None = None,
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

    Say how far in one way: --phi, or --to-macs and --to-params, or factors of your own. The
    defaults are EfficientNet's coefficients, with which one phi doubles the MACs.

    Args:
        arch: A name of `netwright list architectures`, a .json file or a RUN folder.
        phi: Steps of about twice the MACs; below 0 it shrinks.
        to_macs: The largest network with at most so many MACs, such as 1G.
        to_params: The largest network with at most so many parameters, such as 5M.
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
    made = scaled(
        base,
        phi=phi,
        to_macs=None if to_macs is None else parse_count(to_macs),
        to_params=None if to_params is None else parse_count(to_params),
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
        print_json({"file": str(path), "base": _facts(base), "scaled": _facts(made)})
        return
    columns = ("network", "images", "layers", "params", "MACs", "peak activations")
    rows = [_row("base", base), _row("scaled", made)]
    screen = console()
    screen.print(table("", columns, rows))
    screen.print(f"The architecture: {path}", soft_wrap=True)


def _layers(arch: Architecture) -> int:
    return sum(1 for place in arch.placed if place.prefix)


def _row(name: str, arch: Architecture) -> tuple[str, ...]:
    costs: Cost = cost_of(arch)
    return (
        name,
        "x".join(str(n) for n in arch.input_shape),
        str(_layers(arch)),
        format_count(costs.params),
        format_count(costs.macs),
        format_bytes(costs.peak_activation_bytes),
    )


def _facts(arch: Architecture) -> dict[str, Any]:
    costs = cost_of(arch)
    return {
        "id": arch.id,
        "input_shape": list(arch.input_shape),
        "layers": _layers(arch),
        "params": costs.params,
        "macs": costs.macs,
        "peak_activation_bytes": costs.peak_activation_bytes,
    }
