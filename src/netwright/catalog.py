"""Every built-in name, as ``"module:attribute"`` strings; nothing is imported before it is used.

Python users pass objects.  Only the command line and the run file use these names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.arch.graph import Architecture
from netwright.contracts import Space, Strategy
from netwright.errors import UnknownNameError, UsageError
from netwright.proxies.ensembles import ENSEMBLES, Ensemble
from netwright.proxies.listing import ALL, Proxy
from netwright.records import Objective
from netwright.run_folder import RunFolder, read_architecture
from netwright.spaces.limited import limited
from netwright.spaces.within import Within

if TYPE_CHECKING:
    from netwright.judge import Judge
    from netwright.training.reference import DataRef
    from netwright.training.support import Support
    from netwright.training.survey import DataFacts

SPACES: Mapping[str, str] = {
    "accel": "netwright.spaces.accel:AccelSpace",
    "efficientnet": "netwright.spaces.efficientnet:EfficientNetSpace",
    "mnasnet": "netwright.spaces.mnasnet:MnasNetSpace",
    "mobile": "netwright.spaces.mobile:MobileSpace",
    "nasbench201": "netwright.spaces.nasbench201:NASBench201Space",
    "nasnet": "netwright.spaces.nasnet:NASNetSpace",
    "zico": "netwright.spaces.zico:ZiCoSpace",
}

STRATEGIES: Mapping[str, str] = {
    "evolution": "netwright.strategies.evolution:Evolution",
    "nsga2": "netwright.strategies.nsga2:NSGA2",
    "optuna": "netwright.strategies.optuna:Optuna",
    "ppo": "netwright.strategies.ppo:PPO",
    "ppo-pareto": "netwright.strategies.ppo_pareto:ParetoPPO",
    "predictor": "netwright.strategies.predictor:FewShot",
    "reinforce": "netwright.strategies.reinforce:Reinforce",
    "uniform": "netwright.strategies.uniform:Uniform",
}

PROXIES: Mapping[str, Proxy] = {proxy.name: proxy for proxy in ALL}

# Proxies put together by rank in a reference sample of the space.
TOGETHER: Mapping[str, Ensemble] = {ensemble.name: ensemble for ensemble in ENSEMBLES}

# What a search by short trainings may go by.
TRAINED: tuple[str, ...] = ("val_loss", "val_accuracy")

# Modules with a mapping PUBLISHED of names and a function published(name, classes=, ...).
PUBLISHED_IN: tuple[str, ...] = (
    "netwright.spaces.efficientnet",
    "netwright.spaces.mnasnet",
    "netwright.spaces.nasnet",
    "netwright.spaces.zico",
)


def load(kind: str, name: str, names: Mapping[str, str]) -> Any:
    """The object of a name.

    Raises:
        UnknownNameError: With the nearest name there is.
    """
    if name not in names:
        raise UnknownNameError(kind, name, names)
    module, attribute = names[name].split(":")
    return getattr(import_module(module), attribute)


def space(
    name: str, *, classes: int | None = None, resolution: int | None = None, channels: int = 3
) -> Space:
    """A search space by name.

    Args:
        name: One of ``netwright list spaces``; behind it limits of a deployment, as in
            ``mobile+lite+c16`` (:mod:`netwright.spaces.limited`).
        classes: Length of the logits; the paper's where None.
        resolution: Side of the images in pixels; the paper's where None.
        channels: 3 for colour, 1 for grey.

    Raises:
        UnknownNameError: With the nearest name there is.
    """
    plain, *limits = name.split("+")
    make = load("space", plain, SPACES)
    options = {"classes": classes, "resolution": resolution}
    given = {key: value for key, value in options.items() if value is not None}
    made: Space = make(channels=channels, **given)
    return limited(made, limits) if limits else made


def strategy(name: str) -> Callable[[Within, Objective, int], Strategy]:
    """How to make a strategy by name: ``strategy("evolution")(within, objective, seed)``.

    Raises:
        UnknownNameError: With the nearest name there is.
    """
    make = load("strategy", name, STRATEGIES)

    def start(within: Within, objective: Objective, seed: int) -> Strategy:
        goes_by = {"objective": objective} if "objective" in signature(make).parameters else {}
        made: Strategy = make(within, seed=seed, **goes_by)  # uniform draws go by nothing
        return made

    return start


def costs(name: str) -> tuple[str, ...]:
    """What a strategy keeps small beside the objective; nothing for most, and for unknown names.

    Args:
        name: Of the strategy, as a run has it; one of the user's own is not known here.
    """
    if name not in STRATEGIES:
        return ()
    parameters = signature(load("strategy", name, STRATEGIES)).parameters
    found: tuple[str, ...] = parameters["costs"].default if "costs" in parameters else ()
    return found


def batch(name: str, usual: int) -> int:
    """How many candidates at a time suit a strategy: its ``batch``, where it has one.

    Args:
        name: Of the strategy, as a run has it; one of the user's own is not known here.
        usual: For all others.
    """
    if name not in STRATEGIES:
        return usual
    return int(getattr(load("strategy", name, STRATEGIES), "batch", usual))


def proxy(name: str) -> Proxy:
    """A proxy by name.

    Raises:
        UnknownNameError: With the nearest name there is.
    """
    if name not in PROXIES:
        raise UnknownNameError("proxy", name, PROXIES)
    return PROXIES[name]


def objective(name: str) -> Proxy | Ensemble | None:
    """The proxy or ensemble that a search goes by; None where it goes by short trainings.

    Raises:
        UnknownNameError: With the nearest name there is.
    """
    if name not in PROXIES and name not in TRAINED and name not in TOGETHER:
        raise UnknownNameError("objective", name, (*TRAINED, *TOGETHER, *PROXIES))
    return PROXIES.get(name) or TOGETHER.get(name)


def judge(
    name: str,
    data: DataRef,
    facts: DataFacts,
    *,
    steps: int,
    device: str,
    within: Within | None = None,
    seed: int = 0,
    support: Support | None = None,
) -> Judge:
    """What a search goes by, by the name of its objective.

    Args:
        name: ``val_loss``, ``val_accuracy``, a proxy or an ensemble.
        data: The images.
        facts: What is known of them.
        steps: Length of the short trainings, where there are any.
        device: Where networks are scored or trained.
        within: The space and the budget, a sample of which an ensemble ranks in.
        seed: Of that sample.
        support: Of the search; short trainings have that of it which is for them.

    Raises:
        UnknownNameError: With the nearest name there is.
        UsageError: For an ensemble without a space.
    """
    found = objective(name)

    from netwright.judge import Judge
    from netwright.training.support import ALONE

    if isinstance(found, Ensemble):
        if within is None:
            raise UsageError(f"{name} ranks in a sample of a space; pass within=.")
        return Judge.by_ensemble(found, data, facts, within=within, seed=seed, device=device)
    if found is not None:
        return Judge.by_proxy(found, data, facts, device=device)
    return Judge.by_training(
        name, data, facts, steps=steps, device=device, support=support or ALONE
    )


def published() -> dict[str, str]:
    """Where each network of the literature is made, by its name."""
    found: dict[str, str] = {}
    for module in PUBLISHED_IN:
        for name in import_module(module).PUBLISHED:
            if name in found:
                raise ValueError(f"Two networks are called {name!r}: {found[name]} and {module}.")
            found[name] = module
    return found


def architecture(
    name: str, *, classes: int | None = None, resolution: int | None = None, channels: int = 3
) -> Architecture:
    """A network by catalogue name, from an architecture file, or the best of a run.

    Args:
        name: A name of ``netwright list architectures``, a path of a ``.json`` file or of a RUN.
        classes: Length of the logits, for catalogue names; as published where None.
        resolution: Side of the images in pixels, for catalogue names; as published where None.
        channels: 3 for colour, 1 for grey, for catalogue names.

    Raises:
        UsageError: If there is no such network, with what to type instead.
    """
    path = Path(name)
    if path.is_dir():
        return RunFolder(path).read_best()
    if path.suffix == ".json":
        if not path.is_file():
            raise UsageError(f"There is no architecture file at {name}.")
        return read_architecture(path)
    known = published()
    for module in PUBLISHED_IN:  # a name that the papers use, though its network is not public
        if name in getattr(import_module(module), "NEVER_RELEASED", ()):
            known[name] = module
    if name not in known:
        raise UnknownNameError("architecture, file or run", name, known)
    options = {"classes": classes, "resolution": resolution}
    given = {key: value for key, value in options.items() if value is not None}
    made: Architecture = import_module(known[name]).published(name, channels=channels, **given)
    return made
