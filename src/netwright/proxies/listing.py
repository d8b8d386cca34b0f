"""The proxies there are, described without torch: what each needs, says and cites."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from netwright.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """A training-free score: where its function is and what it needs to run."""

    name: str
    function: str | Callable[..., float]
    """``(module, batches) -> float``, or where it is as ``"module:attribute"``."""
    summary: str
    citation: str = ""
    batches: int = 1
    """Fewest batches it takes; one is always needed, if only for the shape of its images."""
    data: bool = True
    """Whether the pixels matter; without, only their shape does."""
    labels: bool = False
    gradients: bool = False
    seeded: bool = False
    """Whether the function takes ``seed=``: it draws noise or weights of its own."""
    higher_is_better: bool = True
    control: bool = False
    """Whether it is a plain count that every other proxy has to beat."""
    reader: str = ""
    """Where the function is that makes its reader, if it shares a pass (``sharing.py``)."""
    reads: tuple[str, ...] = ()
    """What it reads of that pass, by the names of ``plan.py``."""
    own: str = ""
    """What it runs by itself, in words, if it shares no pass."""

    def to_json(self) -> dict[str, Any]:
        """What ``netwright list proxies --json`` prints."""
        where = self.function if isinstance(self.function, str) else repr(self.function)
        return {**self.__dict__, "function": where}


CONTROLS = ("params", "macs", "sum_log_n")
"""What stands beside every score."""

USUAL = ("zico", "naswot", "grad_norm")
"""What is scored where nobody says which."""

_LARGEST_BATCH = 32


def batch_size(images: int, asked: int | None = None, *, of: str = "the data") -> int:
    """Images per batch where two batches are drawn: as asked, or 32, or half of the images.

    Args:
        images: That may be drawn.
        asked: By the user.
        of: What the images are called.

    Raises:
        UsageError: If two such batches cannot be drawn.
    """
    size = min(_LARGEST_BATCH, images // 2) if asked is None else asked
    if size < 2 or 2 * size > images:
        raise UsageError(
            f"Two batches of {size} images cannot be drawn from the {images} training images of "
            f"{of}; a batch has 2 images or more: give another --batch-size, or more images."
        )
    return size


ALL: tuple[Proxy, ...] = (
    Proxy(
        name="params",
        function="netwright.proxies.params:params",
        summary="Number of parameters.",
        data=False,
        control=True,
        own="nothing; it counts",
    ),
    Proxy(
        name="macs",
        function="netwright.proxies.macs:macs",
        summary="Multiply-adds of one image in convolutions and linear layers.",
        data=False,
        control=True,
        reader="netwright.proxies.macs:reader",
        reads=("sketch",),
    ),
    Proxy(
        name="sum_log_n",
        function="netwright.proxies.sum_log_n:sum_log_n",
        summary="Sum over live layers of the log of their weight counts.",
        data=False,
        control=True,
        reader="netwright.proxies.sum_log_n:reader",
        reads=("sketch",),
    ),
    Proxy(
        name="zico",
        function="netwright.proxies.zico:zico",
        summary="How far gradients agree across batches, summed in logs over layers.",
        citation="Li et al., ICLR 2023, arXiv 2301.11300",
        batches=2,
        labels=True,
        gradients=True,
        reader="netwright.proxies.zico:reader",
        reads=("weights", "more batches"),
    ),
    Proxy(
        name="naswot",
        function="netwright.proxies.naswot:naswot",
        summary="How well on/off codes of activations tell images apart.",
        citation="Mellor et al., ICML 2021, arXiv 2006.04647",
        reader="netwright.proxies.naswot:reader",
        reads=("forward",),
    ),
    Proxy(
        name="grad_norm",
        function="netwright.proxies.grad_norm:grad_norm",
        summary="Sum over layers of the norm of the loss's gradient.",
        citation="Abdelfattah et al., ICLR 2021, arXiv 2101.08134",
        labels=True,
        gradients=True,
        reader="netwright.proxies.grad_norm:reader",
        reads=("weights",),
    ),
    Proxy(
        name="grad_norm_zen",
        function="netwright.proxies.grad_norm:grad_norm_zen",
        summary="Norm of the whole gradient on noise, random labels and N(0, 1) weights.",
        citation="Lin et al., ICCV 2021, arXiv 2102.01063",
        data=False,
        gradients=True,
        seeded=True,
        reader="netwright.proxies.grad_norm:zen_reader",
        reads=("noise weights",),
    ),
    Proxy(
        name="depth",
        function="netwright.proxies.depth:depth",
        summary="Most convolutions and linear layers on one path.",
        data=False,
        reader="netwright.proxies.depth:depth_reader",
        reads=("sketch",),
    ),
    Proxy(
        name="layer_count",
        function="netwright.proxies.depth:layer_count",
        summary="Number of convolutions and linear layers that the output depends on.",
        data=False,
        reader="netwright.proxies.depth:count_reader",
        reads=("sketch",),
    ),
    Proxy(
        name="madnas",
        function="netwright.proxies.madnas:madnas",
        summary="Entropy that widths, kernels and depth allow, by stage.",
        citation="Sun et al., ICML 2022, arXiv 2111.13336",
        data=False,
        reader="netwright.proxies.madnas:reader",
        reads=("sketch",),
    ),
    Proxy(
        name="deepmad",
        function="netwright.proxies.deepmad:deepmad",
        summary="That entropy times the log of the stage's size.",
        citation="Shen et al., CVPR 2023, arXiv 2303.02165",
        data=False,
        reader="netwright.proxies.deepmad:reader",
        reads=("sketch",),
    ),
    Proxy(
        name="l2_norm",
        function="netwright.proxies.l2_norm:l2_norm",
        summary="Sum over layers of the norm of the weight.",
        citation="Abdelfattah et al., ICLR 2021, arXiv 2101.08134",
        data=False,
        own="nothing; it reads the weights",
    ),
    Proxy(
        name="snip",
        function="netwright.proxies.snip:snip",
        summary="Sum of weight times gradient, by magnitude.",
        citation="Lee et al., ICLR 2019, arXiv 1810.02340",
        labels=True,
        gradients=True,
        reader="netwright.proxies.snip:reader",
        reads=("weights",),
    ),
    Proxy(
        name="plain",
        function="netwright.proxies.plain:plain",
        summary="Sum of weight times gradient, signed.",
        citation="Abdelfattah et al., ICLR 2021, arXiv 2101.08134",
        labels=True,
        gradients=True,
        reader="netwright.proxies.plain:reader",
        reads=("weights",),
    ),
    Proxy(
        name="grasp",
        function="netwright.proxies.grasp:grasp",
        summary="Gradient flow that a weight's removal would keep.",
        citation="Wang et al., ICLR 2020, arXiv 2002.07376",
        labels=True,
        gradients=True,
        reader="netwright.proxies.grasp:reader",
        reads=("weights", "again"),
    ),
    Proxy(
        name="fisher",
        function="netwright.proxies.fisher:fisher",
        summary="Squared saliency of channels.",
        citation="Theis et al., 2018, arXiv 1801.05787",
        labels=True,
        gradients=True,
        reader="netwright.proxies.fisher:reader",
        reads=("weights",),
    ),
    Proxy(
        name="synflow",
        function="netwright.proxies.synflow:synflow",
        summary="Log of the flow through all paths.",
        citation="Tanaka et al., NeurIPS 2020, arXiv 2006.05467",
        data=False,
        gradients=True,
        own="forward and backward of one image of ones, weights by magnitude, float64",
    ),
    Proxy(
        name="jacob_cov",
        function="netwright.proxies.jacob_cov:jacob_cov",
        summary="How little the input gradients of images correlate.",
        citation="Mellor et al., 2020, arXiv 2006.04647v1",
        gradients=True,
        reader="netwright.proxies.jacob_cov:reader",
        reads=("images",),
    ),
    Proxy(
        name="epe_nas",
        function="netwright.proxies.epe_nas:epe_nas",
        summary="Correlation of input gradients within classes.",
        citation="Lopes et al., ICANN 2021, arXiv 2102.08099",
        labels=True,
        gradients=True,
        reader="netwright.proxies.epe_nas:reader",
        reads=("images",),
    ),
    Proxy(
        name="zen",
        function="netwright.proxies.zen:zen",
        summary="How far a small change of the image moves the features.",
        citation="Lin et al., ICCV 2021, arXiv 2102.01063",
        data=False,
        seeded=True,
        reader="netwright.proxies.zen:reader",
        reads=("noise", "moved noise"),
    ),
    Proxy(
        name="gradsign",
        function="netwright.proxies.gradsign:gradsign",
        summary="How far the images' gradients agree in sign.",
        citation="Zhang and Jia, ICLR 2022, arXiv 2110.08616",
        labels=True,
        gradients=True,
        reader="netwright.proxies.gradsign:reader",
        reads=("loss per image",),
    ),
    Proxy(
        name="zico_bc",
        function="netwright.proxies.zico_bc:zico_bc",
        summary="ZiCo, corrected for the size of feature maps.",
        citation="Bhardwaj et al., ICCV Workshops 2023, arXiv 2309.14666",
        batches=2,
        labels=True,
        gradients=True,
        reader="netwright.proxies.zico_bc:reader",
        reads=("weights", "more batches", "sketch"),
    ),
    Proxy(
        name="ntk_condition",
        function="netwright.proxies.te_nas:ntk_condition",
        summary="Condition number of the neural tangent kernel.",
        citation="Chen et al., ICLR 2021, arXiv 2102.11535",
        gradients=True,
        higher_is_better=False,
        reader="netwright.proxies.te_nas:ntk_reader",
        reads=("logits per image",),
    ),
    Proxy(
        name="linear_regions",
        function="netwright.proxies.te_nas:linear_regions",
        summary="Number of linear regions that noise images fall into.",
        citation="Chen et al., ICLR 2021, arXiv 2102.11535",
        data=False,
        seeded=True,
        own="forward of 128 noise images, stored statistics",
    ),
    Proxy(
        name="swap",
        function="netwright.proxies.swap:swap",
        summary="Number of different activation patterns of units.",
        citation="Peng et al., ICLR 2024, arXiv 2403.04161",
        reader="netwright.proxies.swap:reader",
        reads=("forward",),
    ),
    Proxy(
        name="meco",
        function="netwright.proxies.meco:meco",
        summary="Smallest eigenvalue of the channels' correlation, summed over maps.",
        citation="Jiang et al., NeurIPS 2023",
        reader="netwright.proxies.meco:reader",
        reads=("forward",),
    ),
    Proxy(
        name="meco_opt",
        function="netwright.proxies.meco:meco_opt",
        summary="MeCo on eight random channels per map.",
        citation="Jiang et al., NeurIPS 2023",
        seeded=True,
        reader="netwright.proxies.meco:opt_reader",
        reads=("forward",),
    ),
    Proxy(
        name="az_expressivity",
        function="netwright.proxies.az_nas:expressivity",
        summary="Entropy of the blocks' principal components.",
        citation="Lee and Ham, CVPR 2024, arXiv 2403.19232",
        data=False,
        seeded=True,
        reader="netwright.proxies.az_nas:expressivity_reader",
        reads=("blocks",),
    ),
    Proxy(
        name="az_progressivity",
        function="netwright.proxies.az_nas:progressivity",
        summary="Smallest growth of that entropy from block to block.",
        citation="Lee and Ham, CVPR 2024, arXiv 2403.19232",
        data=False,
        seeded=True,
        reader="netwright.proxies.az_nas:progressivity_reader",
        reads=("blocks",),
    ),
    Proxy(
        name="az_trainability",
        function="netwright.proxies.az_nas:trainability",
        summary="How well blocks keep the size of gradients.",
        citation="Lee and Ham, CVPR 2024, arXiv 2403.19232",
        data=False,
        gradients=True,
        seeded=True,
        reader="netwright.proxies.az_nas:trainability_reader",
        reads=("signs",),
    ),
)
