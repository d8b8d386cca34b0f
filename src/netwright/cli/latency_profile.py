"""``netwright latency profile``: a table of a space's parts for one device and runtime."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from netwright import catalog
from netwright.cli.output import Flag, command, console, print_json
from netwright.errors import UsageError
from netwright.units import format_seconds

if TYPE_CHECKING:
    from netwright.latency.profile import Step


def profile(
    *,
    out: Path,
    space: str = "mobile",
    resolution: int = 224,
    classes: int = 1000,
    channels: int = 3,
    runtime: str = "torch",
    threads: int = 1,
    batch: int = 1,
    device: str = "cpu",
    dtype: str = "float32",
    minutes: float = 5.0,
    seed: int = 0,
    latency_command: str | None = None,
    json: Flag = False,
) -> None:
    """Measure a latency table: networks of a space, whole and part by part, in turn.

    The same command goes on with a table that was begun: with more minutes it becomes better.

    Args:
        out: The table's file, such as table.json.
        space: A name of `netwright list spaces`.
        resolution: Side of the images in pixels.
        classes: Length of the logits.
        channels: Of the images.
        runtime: torch, torch.compile, onnxruntime or openvino.
        threads: Threads of the runtime.
        batch: Images per pass.
        device: Where torch runs: cpu, cuda or mps.
        dtype: float32; int8 in onnxruntime; in torch also bfloat16 or float16.
        minutes: How long to measure, in this sitting.
        seed: Of the networks that are drawn.
        latency_command: Your own command in place of a runtime, with {model} where the path of an
            ONNX file belongs; whole networks alone are measured.
        json: Print one JSON object on stdout; progress still goes to stderr.
    """
    if not 0 < minutes < 10_000:
        raise UsageError(f"--minutes {minutes:g} measures nothing; give something like 5.")
    made = catalog.space(space, classes=classes, resolution=resolution, channels=channels)

    from netwright.latency.gauges import CommandGauge, Gauge, RuntimeGauge, reference
    from netwright.latency.predictor import LatencyPredictor
    from netwright.latency.profile import profile as measured
    from netwright.latency.table import TableFile
    from netwright.nn.device import require_device
    from netwright.nn.runtimes import Where

    gauge: Gauge
    if latency_command is not None:
        gauge = CommandGauge(latency_command, (channels, resolution, resolution))
    else:
        where = Where(runtime=runtime, threads=threads, batch=batch, device=device, dtype=dtype)  # type: ignore[arg-type]  # checked there
        require_device(device)
        gauge = RuntimeGauge(where, reference(made))
    about = {"space": space, "classes": classes, "resolution": resolution}
    file = TableFile(out, gauge.setting, about)
    screen = console(stderr=True)
    screen.print(f"{space} at {resolution} px, {gauge.setting}", soft_wrap=True)

    def say(step: Step) -> None:
        if step.networks % 10 == 0:
            screen.print(
                f"{step.networks} networks, {step.parts} parts, {format_seconds(step.seconds)} "
                f"of {format_seconds(step.of_seconds)}"
            )

    try:
        measured(made, file, gauge=gauge, seconds=60 * minutes, seed=seed, on_step=say)
    except KeyboardInterrupt:
        screen.print(f"Nothing that was measured is lost: {out} goes on with the same command.")
        raise
    found = file.table
    spread = LatencyPredictor.of(found).spread
    facts = {
        "table": str(out), "setting": asdict(found.setting), "networks": len(found.networks),
        "parts": len(found.parts), "spread": round(spread, 4), "drift": round(found.drift, 3),
        "busy": found.busy,
    }  # fmt: skip
    if json:
        print_json(facts)
        return
    console().print(
        f"{out}: {len(found.networks)} networks, {len(found.parts)} parts; held-out networks are "
        f"predicted within {100 * spread:.1f}% (one deviation)",
        soft_wrap=True,
    )
    if found.busy:
        console().print(
            f"The machine was busy: its speed changed by {100 * (found.drift - 1):.0f}% "
            "meanwhile. Measure again when it is quiet.",
            soft_wrap=True,
        )
    console().print(f"Next: {command('latency', 'predict', 'mnasnet_a1', '--table', out)}")
