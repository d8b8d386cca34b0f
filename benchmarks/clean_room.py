"""A Python that has torch and timm but no netwright: where an exported file has to run alone."""

from __future__ import annotations

import json
import re
import site
import subprocess
import venv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor

_SERVER = """
import importlib.util, json, runpy, sys
import torch
from safetensors.torch import load_file, save_file

if importlib.util.find_spec("netwright") is not None:
    raise SystemExit("netwright can be imported here")
torch.set_num_threads(1)
print("ready", flush=True)
for line in sys.stdin:
    job = json.loads(line)
    model = runpy.run_path(job["file"])[job["make"]](job["weights"])
    with torch.no_grad():
        images = load_file(job["images"])
        found = {key: model(batch).contiguous() for key, batch in images.items()}
    save_file(found, job["out"])
    print("done", flush=True)
"""


def distributions(names: Iterable[str]) -> list[metadata.Distribution]:
    """Installed distributions with all that they need; what is not installed is left out."""
    found: dict[str, metadata.Distribution] = {}
    waiting = list(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        for need in found[name].requires or ():
            if "extra ==" not in need:
                waiting.append(re.split(r"[^\w.-]", need, maxsplit=1)[0])
    return list(found.values())


def make_clean(folder: Path, packages: Sequence[str] = ("torch", "timm", "safetensors")) -> Path:
    """A virtual environment that holds these packages, linked, and nothing else.

    Args:
        folder: Where it is made.
        packages: Their requirements come with them.

    Returns:
        Its Python.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    inside = next(folder.glob("lib/python*/site-packages"))
    roots = [Path(p) for p in site.getsitepackages()]
    for dist in distributions(packages):
        for top in {Path(str(file)).parts[0] for file in dist.files or ()}:
            source = next((r / top for r in roots if (r / top).exists()), None)
            if source is not None and not (inside / top).exists():
                (inside / top).symlink_to(source)
    return folder / "bin" / "python"


class CleanRoom:
    """A running interpreter without netwright that runs exported files.

    Args:
        python: Of the environment.
        folder: For images and outputs.
    """

    def __init__(self, python: Path, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [str(python), "-I", "-c", _SERVER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder,
        )  # fmt: skip
        self._answer("ready")

    def run(self, file: Path, make: str, weights: Path, images: Sequence[Tensor]) -> list[Tensor]:
        """What the network of a file gives for each batch.

        Args:
            file: Exported Python.
            make: The function in it that takes a weights file.
            weights: A ``.safetensors`` file.
            images: Batches (B, C, H, W).

        Raises:
            RuntimeError: If the file does not run there.
        """
        given, out = self._folder / "images.safetensors", self._folder / "logits.safetensors"
        save_file({str(i): batch.contiguous() for i, batch in enumerate(images)}, given)
        job = {
            "file": str(file), "make": make, "weights": str(weights),
            "images": str(given), "out": str(out),
        }  # fmt: skip
        print(json.dumps(job), file=self._process.stdin, flush=True)
        self._answer("done")
        found = load_file(out)
        return [found[str(i)] for i in range(len(images))]

    def _answer(self, expected: str) -> None:
        stdout = self._process.stdout
        came = stdout.readline().strip() if stdout is not None else ""
        if came != expected:
            raise RuntimeError(f"The clean interpreter ended with code {self._process.wait()}.")

    def close(self) -> None:
        """End the interpreter."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process.wait()


@contextmanager
def clean_room(folder: Path) -> Iterator[CleanRoom]:
    """A clean interpreter for as long as the block lasts."""
    room = CleanRoom(make_clean(folder / "environment"), folder)
    try:
        yield room
    finally:
        room.close()
