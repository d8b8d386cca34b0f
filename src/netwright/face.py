"""The Python face: search and score with objects in hand, as the command line does with names."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright import catalog
from netwright.arch.cost import LATENCY, cost
from netwright.arch.graph import Architecture
from netwright.check_folder import known
from netwright.config import SearchConfig, read_toml, search_config
from netwright.contracts import Space, Strategy
from netwright.effort import AUTO, plan_search
from netwright.events import Event
from netwright.loop import BATCH
from netwright.pareto import front
from netwright.proxies.listing import CONTROLS, USUAL
from netwright.proxies.listing import batch_size as size_of_batch
from netwright.records import Budget, Objective, Trial
from netwright.run_folder import RunFolder, next_run
from netwright.spaces.tokens import first_row
from netwright.spaces.within import Within
from netwright.store import read_store
from netwright.workers import at_once

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

    from netwright.exporters.exported import Exported
    from netwright.exporters.features import Features
    from netwright.latency.prepare import LatencyPlan
    from netwright.proxies.scoring import Score


FLAGS = {
    "macs": "max_macs", "params": "max_params", "peak_activation_bytes": "max_memory_bytes",
    "latency_ms": "max_latency_ms",
}  # fmt: skip


class Trials(list[Trial]):
    """The trials of a run, by number."""

    def to_pandas(self) -> pd.DataFrame:
        """One row per trial, one column per metric and cost; pandas must be installed."""
        import pandas as pd

        rows = []
        for trial in self:
            row = trial.to_dict()
            rows.append({**row.pop("cost"), **row.pop("metrics"), **row})
        return pd.DataFrame(rows)


class Run:
    """A search that has been, read from its folder.

    Args:
        folder: Of the run.
        space: What it searched.
        store: A database URL, where the trials are not in the folder.
    """

    def __init__(self, folder: str | Path, space: Space, *, store: str | None = None) -> None:
        self.folder, self.space, self._store = RunFolder(Path(folder)), space, store

    @property
    def best(self) -> Architecture:
        """The finalist with the highest validation accuracy."""
        return self.folder.read_best()

    @property
    def result(self) -> dict[str, Any]:
        """The comparison at the end, as in ``result.json``."""
        return self.folder.read_result()

    def trials(self) -> Trials:
        """Every candidate and what came of it."""
        with read_store(self._store or self.folder.trials) as store:
            return Trials(store)

    def export(
        self,
        *to: str,
        out: str | Path | None = None,
        features: bool = False,
        int8: str | None = None,
        licence: str = "unknown",
    ) -> list[Exported]:
        """Write the best network with its weights, each file checked against torch.

        Args:
            to: Any of ``onnx``, ``code``, ``timm``, ``pt2``, ``safetensors``, ``openvino``,
                ``card``.
            out: Folder for the files; ``export/`` in the run where None.
            features: Give feature maps by stride instead of logits (onnx, pt2, openvino).
            int8: Images to quantise the ONNX model on, such as the run's own.
            licence: For the card.

        Raises:
            UsageError: For a format that cannot hold the network, or is not installed.
            ExportError: If a file does not give torch's outputs.
        """
        from netwright.exporters.export import export, require
        from netwright.exporters.network import load_network
        from netwright.training.reference import DataRef

        require(to)
        best, result = self.best, self.result
        size, seed = best.input_shape[1], int(result["seed"])
        images = DataRef(source=int8, resolution=size, seed=seed) if int8 else None
        return export(
            load_network(best, self.folder.weights), to,
            out=Path(out) if out else self.folder.path / "export",
            features=features, int8=images.open_lazily() if images else None,
            result=result, licence=licence, seed=seed,
        )  # fmt: skip

    def features(self, *, strides: Collection[int] | None = None) -> Features:
        """The best network's feature maps as a torch module, for detection and segmentation.

        Args:
            strides: Which maps to give, such as ``(8, 16, 32)``; all where None.

        Raises:
            UsageError: If the network has no map of a stride.
        """
        from netwright.exporters.features import Features
        from netwright.exporters.network import load_network

        return Features(load_network(self.best, self.folder.weights), strides=strides)

    @property
    def front(self) -> list[Architecture]:
        """Candidates that none other beats in both the objective and MACs, cheapest first."""
        with read_store(self._store or self.folder.trials) as store:
            objective = store.run.objective
            ok = [t for t in store if t.ok and t.duplicate_of is None]
        points = [(t.value(objective), float(t.cost.macs)) for t in ok]
        best = [ok[i] for i in front(points, directions=("max", "min"))]
        ordered = sorted(best, key=lambda t: t.cost.macs)
        return [self.space.decode(t.tokens) for t in ordered]


def search(
    space: Space,
    data: str,
    *,
    budget: Budget,
    minutes: float = 10,
    trials: int | None = None,
    seed: int = 0,
    objective: str = AUTO,
    strategy: str | Callable[[Within, Objective, int], Strategy] = AUTO,
    workers: int | None = None,
    executor: Executor | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    probes: str | Path | None = None,
    inherit: str | None = None,
    teacher: str | None = None,
    device: str = "cpu",
    latency: LatencyPlan | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
) -> Run:
    """Search a space for a network that fits a budget; train it beside plain baselines.

    Args:
        space: Made for the images: same classes, resolution and channels.
        data: Image folder, Parquet file, torchvision name, or ``digits``.
        budget: What a network may cost.
        minutes: Wall clock for everything, final trainings included.
        trials: Most candidates; the search ends sooner where its share of the time does.
        seed: The same seed asks for the same candidates in the same order.
        objective: ``val_loss`` or ``val_accuracy`` of short trainings, or a proxy's name;
            ``auto``: ``val_loss`` where there is time for trainings.
        strategy: A name, or a function of (within, objective, seed) that makes a fresh one;
            ``auto``: ``predictor`` for short trainings, else ``evolution``.
        workers: Candidates evaluated at a time; as many as the executor says, or one per core
            and at most 8, where None.
        executor: Where (Dask, Ray, a pool of yours); processes of this machine where None.
        out: Folder of the run; a new one under ``runs/`` where None.
        resume: Go on with the run in the folder.
        probes: Folder of a check: its trainings are the first candidates, and as long as its are
            all others.
        inherit: A pretrained relative whose weights all trainings begin from, as far as they are
            alike: ``lite0``, a timm name, a file of weights or a folder of a run.
        teacher: Folder of a run or training on the same images, whose answers final trainings
            learn from.
        device: Where networks are scored and trained.
        latency: How latency is predicted and measured, where the budget limits it; in torch on
            one thread, after a short profile of the space, where None.
        on_event: Told of every stage and of progress within it.

    Raises:
        UsageError: For data, names or settings that cannot be used.
        BudgetError: If no network of the space fits.
    """
    started = time.monotonic()

    from netwright.pipeline import Clock
    from netwright.pipeline import search as search_within
    from netwright.training.reference import DataRef
    from netwright.training.support import Support
    from netwright.training.survey import peek_data, require_fitting

    first = space.decode(first_row(space))
    folder = RunFolder(Path(out) if out else next_run(Path("runs"), Path(data).stem or "run"))
    before = _stored(folder) if resume else None
    checked = known(Path(probes)) if probes and not before else None
    flip = before.flip if before else checked.settings.get("flip") if checked else None
    facts = peek_data(data, resolution=first.input_shape[1], seed=seed, flip=flip)
    require_fitting(space, facts)
    timed = _timed(budget.latency_ms, latency, before)
    limit = None
    if timed is not None:
        from netwright.latency.prepare import prepare

        folder.create()
        limit = prepare(timed, space, folder.latency, seconds=60 * minutes, seed=seed)
    costing = cost if limit is None else limit.costing
    within = Within.of(space, budget, seed=seed, costing=costing)
    images = DataRef(source=data, resolution=facts.resolution, seed=seed, flip=flip)
    steps = before.probe_steps if before else checked.steps if checked else None
    store = before.store if before else None
    workers = at_once(workers, executor)
    called = strategy if isinstance(strategy, str) else _name(strategy)
    if before:  # what was left open then was chosen then
        objective = before.objective if objective == AUTO else objective
        called = before.strategy if called == AUTO else called
        inherit, teacher = inherit or before.inherit, teacher or before.teacher
    plan = plan_search(
        facts, within, minutes=minutes, workers=workers, objective=objective, strategy=called,
        steps=steps,
    )  # fmt: skip
    objective, called, steps = plan.objective, plan.strategy, steps or plan.probe_steps
    start = catalog.strategy(called) if isinstance(strategy, str) else strategy
    batch = (before.batch if before else None) or catalog.batch(called, BATCH)
    kept = {
        "flip": flip, "trials": trials, "store": store, "inherit": inherit, "teacher": teacher,
        "probes": str(probes) if probes else before.probes if before else None,
    }  # fmt: skip
    settings = {
        "data": data, "space": space.name, "strategy": called, "objective": objective,
        "probe_steps": steps, "minutes": minutes, "seed": seed, "workers": workers,
        "resolution": facts.resolution, "device": device.split(":")[0], "batch": batch,
        **{key: value for key, value in kept.items() if value is not None},
        **(timed.settings() if timed else {}),
        **{
            FLAGS[name]: limit if name == LATENCY else int(limit)
            for name, limit in budget.limits().items()
        },
    }  # fmt: skip
    support = Support(inherit=inherit, teacher=teacher)
    judge = catalog.judge(
        objective, images, facts, within=within, steps=steps or 0, device=device, seed=seed,
        support=support,
    )  # fmt: skip
    search_within(
        within,
        images,
        facts,
        judge=judge,
        strategy=called,
        start=start,
        folder=folder,
        clock=Clock(seconds=60 * minutes, started=started),
        seed=seed,
        workers=workers,
        settings=search_config(settings).to_toml(),
        executor=executor,
        store=store,
        resume=resume,
        probes=checked,
        batch=batch,
        trials=trials,
        device=device,
        latency=limit,
        support=support,
        on_event=on_event,
    )
    return Run(folder.path, space, store=store)


def _timed(
    limit_ms: float | None, given: LatencyPlan | None, before: SearchConfig | None
) -> LatencyPlan | None:
    """How latency is predicted and measured; None where the budget does not limit it."""
    if limit_ms is None:
        return None
    from netwright.latency.prepare import LatencyPlan
    from netwright.nn.runtimes import Where

    if given is None and before is not None:
        where = Where(**before.where())
        return LatencyPlan(limit_ms=limit_ms, where=where, command=before.latency_command)
    return replace(given or LatencyPlan(limit_ms=limit_ms, where=Where()), limit_ms=limit_ms)


def _name(start: Callable[[Within, Objective, int], Strategy]) -> str:
    return getattr(start, "__qualname__", repr(start))


def _stored(folder: RunFolder) -> SearchConfig | None:
    """The settings that a run was started with; what has no argument here goes on from them."""
    return search_config(read_toml(folder.config)) if folder.config.is_file() else None


def score(
    network: nn.Module | Architecture,
    data: str,
    *,
    proxies: Sequence[str] = USUAL,
    seed: int = 0,
    batch_size: int | None = None,
    device: str = "cpu",
) -> dict[str, Score]:
    """Training-free scores of any network on your images, with params, MACs and sum_log_n.

    Args:
        network: A torch module from images (B, C, H, W) to logits, or an architecture.
        data: Image folder, Parquet file, torchvision name, or ``digits``.
        proxies: Names of ``netwright list proxies``.
        seed: Of fresh weights and of the choice of images.
        batch_size: Images per batch; two batches are used.  32 where None, or half of the images
            where there are fewer than 64.
        device: Where to score.
    """
    from netwright.nn.build import build
    from netwright.nn.device import require_device
    from netwright.proxies.scoring import score as score_module
    from netwright.training.data import batches
    from netwright.training.reference import DataRef

    require_device(device)
    size = network.input_shape[1] if isinstance(network, Architecture) else None
    images = DataRef(source=data, resolution=size, seed=seed).open_lazily()
    module = (
        build(network, seed=seed, device=device) if isinstance(network, Architecture) else network
    )
    names = dict.fromkeys((*CONTROLS, *proxies))
    taken = size_of_batch(len(images.train), batch_size, of=images.name)
    drawn = batches(images, size=taken, count=2, seed=seed, device=device)
    return score_module(module, drawn, proxies=[catalog.proxy(n) for n in names], seed=seed)
