"""``netwright score``: training-free scores, never without their controls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from netwright import catalog
from netwright.cli.networks import module_for, short_name
from netwright.cli.output import console, print_json, table
from netwright.errors import UsageError
from netwright.units import format_count, format_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from netwright.proxies.scoring import Score

CONTROLS = ("params", "macs", "sum_log_n")


def score(
    data: str,
    arch: str,
    *more: str,
    proxy: Annotated[list[str] | None, Parameter(negative="")] = None,
    batch_size: int | None = None,
    resolution: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    space: str = "mobile",
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Training-free scores of freshly initialised networks on your images.

    Params, MACs and sum_log_n stand beside every proxy: it has to beat them to be worth its time.

    Args:
        data: Image folder, Parquet file, torchvision name, or digits.
        arch: A catalogue name, timm:NAME, file.py:make_model, a .json file or a RUN folder.
        more: Further networks.
        proxy: A proxy, an ensemble such as consensus, or "all" proxies; may be repeated. Without
            it: zico, naswot and grad_norm.
        batch_size: Images per batch; two batches are used. Without it 32, or half of the
            training images where there are fewer than 64.
        resolution: Side of the images in pixels; chosen from the images without it.
        seed: Of weights and images.
        device: Where to score: cpu, cuda or mps.
        space: Where the 64 networks come from that an ensemble ranks in.
        json: Print one JSON object instead of a table.
    """
    asked = proxy or ["zico", "naswot", "grad_norm"]
    wanted = [name for name in asked if name not in ("all", *catalog.TOGETHER)]
    wanted += catalog.PROXIES if "all" in asked else ()
    ensembles = [catalog.TOGETHER[name] for name in asked if name in catalog.TOGETHER]
    members = [name for ensemble in ensembles for name in ensemble.members]
    proxies = [catalog.proxy(n) for n in dict.fromkeys((*CONTROLS, *wanted, *members))]

    from netwright.nn.device import require_device
    from netwright.proxies.scoring import score as score_module
    from netwright.training.data import batches
    from netwright.training.reference import DataRef

    require_device(device)
    images = DataRef(source=data, resolution=resolution, seed=seed).open_lazily()
    size = batch_size or min(32, len(images.train) // 2)
    if size < 2 or 2 * size > len(images.train) or batch_size == 0:
        raise UsageError(
            f"Two batches of {size if batch_size is None else batch_size} images cannot be drawn "
            f"from the {len(images.train)} training images of {images.name}; a batch has 2 images "
            "or more: give --batch-size, or more images."
        )
    drawn = batches(images, size=size, count=2, seed=seed, device=device)
    ranked = []
    if ensembles:
        from netwright.cli.together import panels, together

        ranked = panels(ensembles, space, images, drawn, seed=seed, device=device)
    rows = []
    for name in (arch, *more):
        shape, classes = images.input_shape, len(images.classes)
        module, _ = module_for(name, shape=shape, classes=classes, seed=seed, device=device)
        alone = score_module(module, drawn, proxies=proxies, seed=seed)
        more_scores = {panel.ensemble.name: together(panel, alone) for panel in ranked}
        rows.append((name, {**alone, **more_scores}))
    if json:
        print_json({"data": data, "seed": seed, "networks": [_facts(*row) for row in rows]})
        return
    columns = ("network", *rows[0][1], "time")
    cells = [(short_name(n), *_cells(s), format_seconds(_seconds(s))) for n, s in rows]
    out = console()
    out.print(f"{images.name}, {images.resolution} px, 2 batches of {size}, seed {seed}")
    out.print(table("", columns, cells))
    for name, scores in rows:
        for key, found in scores.items():
            if found.value is None:
                out.print(f"{short_name(name)}: {key} has no value: {found.reason}.")


def _seconds(scores: Mapping[str, Score]) -> float:
    return sum(s.seconds for s in scores.values())


def _cells(scores: Mapping[str, Score]) -> list[str]:
    def cell(name: str, value: float | None) -> str:
        if value is None:
            return "failed"
        return format_count(value) if name in ("params", "macs") else f"{value:.4g}"

    return [cell(name, found.value) for name, found in scores.items()]


def _facts(name: str, scores: Mapping[str, Score]) -> dict[str, Any]:
    return {
        "name": name,
        "scores": {
            key: {"value": s.value, "reason": s.reason, "seconds": s.seconds}
            for key, s in scores.items()
        },
    }
