"""``netwright export``: a network leaves as ONNX, plain PyTorch, timm, pt2, OpenVINO or a card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from netwright import catalog
from netwright.cli.networks import short_name
from netwright.cli.output import Flag, console, print_json, table
from netwright.errors import UsageError
from netwright.run_folder import RunFolder
from netwright.units import format_bytes


def export(
    arch: str,
    *,
    to: Annotated[list[str], Parameter(negative="")],
    weights: Path | None = None,
    out: Path | None = None,
    int8: str | None = None,
    features: Flag = False,
    licence: str = "unknown",
    classes: int | None = None,
    resolution: int | None = None,
    seed: int = 0,
    json: Flag = False,
) -> None:
    """Export a network; every file is run and compared with torch before it is named.

    Args:
        arch: A RUN (its best, trained), a .json file or a catalogue name.
        to: Any of onnx, code, timm, pt2, safetensors, openvino, card; again, or with commas.
        weights: A .safetensors file; of a RUN, its own without it.
        out: Folder for the files; export/ in the RUN, or exported/NAME, without it.
        int8: Images to quantise the ONNX model on: folder, Parquet file, name, or digits.
        features: Give feature maps by stride instead of logits (onnx, pt2, openvino).
        licence: For the card, such as apache-2.0.
        classes: For catalogue names: length of the logits.
        resolution: For catalogue names: side of the images in pixels.
        seed: Of fresh weights, and of the choice of images for int8.
        json: Print one JSON object on stdout.
    """
    from netwright.exporters.export import export as write
    from netwright.exporters.export import require
    from netwright.exporters.network import load_network
    from netwright.training.reference import DataRef

    formats = [name.strip() for words in to for name in words.split(",")]
    require(formats)
    network_of, own, place, result = _source(arch, classes=classes, resolution=resolution)
    network = load_network(network_of, weights or own, seed=seed)
    size = network_of.input_shape[1]
    split_seed = int((result or {}).get("seed", seed))
    images = DataRef(source=int8, resolution=size, seed=split_seed).open_lazily() if int8 else None
    folder = out or place
    found = write(
        network, formats, out=folder, features=features, int8=images, result=result,
        licence=licence, seed=seed,
    )  # fmt: skip
    if json:
        files = [made.to_dict() for made in found]
        facts = {"arch_id": network_of.id, "trained": network.trained, "folder": str(folder)}
        print_json({**facts, "exports": files})
        return
    rows = [
        [
            made.format,
            Path(made.files[0]).name,
            format_bytes(made.file_bytes),
            _gap(made.max_relative_difference),
        ]
        for made in found
    ]
    screen = console()
    columns = ("format", "file", "size", "largest difference from torch")
    screen.print(table(f"{short_name(arch)} → {folder}", columns, rows, right=2))
    for made in found:
        if made.format == "int8":
            screen.print(_int8(made.facts), soft_wrap=True)
    if not network.trained:
        screen.print("The weights are not trained; give --weights FILE, or a RUN.")


def _source(
    name: str, *, classes: int | None, resolution: int | None
) -> tuple[Any, Path | None, Path, dict[str, Any] | None]:
    """The network, its weights, where its exports go, and what its search came to."""
    arch = catalog.architecture(name, classes=classes, resolution=resolution)
    if not Path(name).is_dir():
        return arch, None, Path("exported") / Path(name).stem, None
    folder = RunFolder(Path(name))
    if not folder.weights.is_file():
        raise UsageError(f"{name} holds no trained weights; give --weights, or finish the run.")
    result = folder.read_json(folder.result, ()) if folder.result.is_file() else None
    return arch, folder.weights, folder.path / "export", result


def _gap(value: float | None) -> str:
    return "" if value is None else f"{value:.1e}" if value else "0"


def _int8(facts: Any) -> str:
    before, after = facts["val_accuracy_float32"], facts["val_accuracy_int8"]
    slow, fast = facts["latency_ms_float32"], facts["latency_ms_int8"]
    return (
        f"int8: {facts['size_ratio']:.2f} of the size; validation accuracy {100 * before:.1f}% → "
        f"{100 * after:.1f}% ({facts['val_images']:,} images; 95% interval of the latter "
        f"{100 * facts['val_accuracy_int8_low']:.1f} to "
        f"{100 * facts['val_accuracy_int8_high']:.1f}); {slow:.3g} ms → {fast:.3g} ms an image on "
        f"this machine, {facts['threads']} thread{'s' if facts['threads'] > 1 else ''}"
        f"{', which is a tie' if facts['latency_tie'] else ''}."
    )
