"""``netwright score``: training-free scores, never without their controls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netwright import catalog
from netwright.cli.networks import module_for
from netwright.cli.output import Flag, Words, console, print_json
from netwright.cli.scored import failures, plan_lines, print_csv, tables
from netwright.errors import UsageError
from netwright.proxies.listing import CONTROLS, USUAL
from netwright.proxies.listing import batch_size as size_of_batch
from netwright.proxies.plan import explain as explain_passes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from netwright.proxies.listing import Proxy
    from netwright.proxies.scoring import Score


def score(
    data: str,
    arch: str,
    *more: str,
    proxy: Words = None,
    batch_size: int | None = None,
    resolution: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    space: str = "mobile",
    explain: Flag = False,
    csv: Flag = False,
    json: Flag = False,
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
        explain: Print which passes are run and which proxies read each, and stop.
        csv: Print CSV instead of a table: a line per network and proxy.
        json: Print one JSON object instead of a table.
    """
    if csv and json:
        raise UsageError("Output is either --csv or --json; give one of them.")
    asked = proxy or [*USUAL]
    wanted = [name for name in asked if name not in ("all", *catalog.TOGETHER)]
    wanted += catalog.PROXIES if "all" in asked else ()
    ensembles = [catalog.TOGETHER[name] for name in asked if name in catalog.TOGETHER]
    members = [name for ensemble in ensembles for name in ensemble.members]
    proxies = [catalog.proxy(n) for n in dict.fromkeys((*CONTROLS, *wanted, *members))]
    if explain:
        _print_plan(proxies, json=json)
        return

    from netwright.nn.device import require_device
    from netwright.proxies.scoring import score as score_module
    from netwright.training.data import batches
    from netwright.training.reference import DataRef

    require_device(device)
    images = DataRef(source=data, resolution=resolution, seed=seed).open_lazily()
    size = size_of_batch(len(images.train), batch_size, of=images.name)
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
    if csv:
        print_csv(rows)
        return
    out = console()
    out.print(f"{images.name}, {images.resolution} px, 2 batches of {size}, seed {seed}")
    for made in tables(rows, width=out.width):
        out.print(made)
    for sentence in failures(rows):
        out.print(sentence)


def _print_plan(proxies: Sequence[Proxy], *, json: bool) -> None:
    steps = explain_passes(proxies)
    if json:
        print_json({"plan": [step.to_json() for step in steps]})
        return
    out = console()
    out.print(f"Run on each network, for {len(proxies)} proxies, with 2 batches:")
    for line in plan_lines(steps, width=out.width):
        out.print(line)


def _facts(name: str, scores: Mapping[str, Score]) -> dict[str, Any]:
    return {
        "name": name,
        "scores": {
            key: {"value": s.value, "reason": s.reason, "seconds": s.seconds}
            for key, s in scores.items()
        },
    }
