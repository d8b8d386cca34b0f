"""The command line; one file per verb, imported when the verb is used."""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from cyclopts import App, CycloptsError, UnusedCliTokensError

from netwright.cli.output import complain
from netwright.errors import NetwrightError

_VERBS = {
    "demo": "Search, train and compare on 8x8 digits; no download, about two minutes.",
    "search": "Search for a network that fits a budget, on your images.",
    "show": "Show a finished or running search.",
    "cost": "Parameters, MACs and peak memory of a network, by stage.",
    "latency": "How long networks take: measured, tabled for a device, predicted.",
    "score": "Training-free scores of networks on your images, controls beside them.",
    "check": "How far each training-free score may be trusted on your images.",
    "scale": "Grow or shrink a network: depth, width and resolution together.",
    "train": "Train a network on your images.",
    "export": "Export a network: ONNX, plain PyTorch, timm, pt2, OpenVINO, a model card.",
    "list": "List spaces, strategies, proxies or architectures.",
    "bench": "Compare proxies or strategies on a table of networks that others trained.",
}
_GROUPS = ("latency", "bench")  # verbs with verbs of their own
_FULL_OR_FORBIDDEN = (
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM,
)  # fmt: skip


def app() -> App:
    """The command line, its verbs not yet imported.

    A verb's own help flows its docstring to the width of the terminal; the list of verbs, which
    has nothing to flow, does not pay for that.
    """
    made = App(
        name="netwright",
        help="Neural architecture search that fits a budget, a laptop and an afternoon.",
        version=_version,
        help_format="plaintext",
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
        result_action="return_none",
    )
    for verb, summary in _VERBS.items():
        target = "list_names" if verb == "list" else verb  # a list is a list
        flowing = {} if verb in _GROUPS else {"help_format": "markdown"}
        made.command(f"netwright.cli.{verb}:{target}", name=verb, help=summary, **flowing)
    return made


def _version() -> str:
    from importlib.metadata import version

    return version("netwright")


def _help(words: Sequence[str]) -> str:
    verb = [word for word in words[:1] if word in _VERBS]
    sub = [w for w in words[1:2] if verb and _is_sub_verb(verb[0], w)]
    return " ".join(("`netwright", *verb, *sub, "--help`"))


def _is_sub_verb(verb: str, word: str) -> bool:
    return word.isidentifier() and find_spec(f"{__name__}.{verb}_{word}") is not None


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; a user's mistake is one sentence and exit code 2.

    Args:
        arguments: Words after ``netwright``; those of the process where None.
    """
    words = sys.argv[1:] if arguments is None else arguments
    try:
        app()([*words])  # not list(words): `list` is a module of this folder
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except UnusedCliTokensError as err:
        extra = " ".join(err.unused_tokens or ())
        complain(f"{extra!r} is more than was expected; see {_help(words)}.")
        sys.exit(2)
    except CycloptsError as err:
        complain(f"{err} See {_help(words)}.")
        sys.exit(2)
    except NetwrightError as err:
        complain(str(err))
        sys.exit(2)
    except OSError as err:
        if err.errno not in _FULL_OR_FORBIDDEN:
            raise
        complain(f"{err.filename or 'A file'} cannot be written or read: {err.strerror}.")
        sys.exit(2)
    except KeyboardInterrupt:
        complain("Interrupted.")
        sys.exit(130)
