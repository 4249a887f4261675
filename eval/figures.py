"""All figures of the results for one picture, from one truth."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from colorization.model.color import NEAR_GREY, rgb_to_lab, to_tensor
from colorization.sky import SkySegmenter

from .colorizers import Colorizer
from .metrics import coherence, colors, legacy, pixel, sepia
from .metrics.perceptual import Lpips


@dataclass
class Bench:
    """Everything that measuring a picture needs, made once a process."""

    colorizers: dict[str, Colorizer]
    size: int | None = None
    near_grey: float = NEAR_GREY
    input_kind: str = "lab-l"
    degradation: str | None = None
    legacy: bool = False
    device: str = "cpu"
    auc_weights: torch.Tensor | None = None
    lpips: dict[str, Lpips] = field(default_factory=dict)
    features: dict[str, Callable] = field(default_factory=dict)
    sky: SkySegmenter | None = None
    sky_dependence: bool = True
    thumbnails: Path | None = None
    large: threading.Lock = field(default_factory=threading.Lock, repr=False)


@dataclass(frozen=True)
class Truth:
    """A reference, computed once for all rows: sRGB in [0, 1] and CIE Lab, [1, 3, H, W] each."""

    rgb: torch.Tensor
    lab: torch.Tensor
    looks: dict[str, list[torch.Tensor]] = field(default_factory=dict, repr=False)
    """What each LPIPS sees in it, as soon as one has looked."""

    @classmethod
    def of(cls, rgb: torch.Tensor) -> Truth:
        return cls(rgb, rgb_to_lab(rgb))


def tensor_of(rgb: np.ndarray, device: str) -> torch.Tensor:
    """Turn uint8 [H, W, 3] into sRGB [1, 3, H, W] in [0, 1]."""
    return to_tensor(rgb).to(device)


def figures(
    predicted: torch.Tensor,
    truth: Truth,
    given_lab: torch.Tensor,
    bench: Bench,
    lab: torch.Tensor | None = None,
) -> list[dict[str, float | None]]:
    """All figures of several results for one picture; None where a figure has no meaning.

    Args:
        predicted: sRGB [K, 3, H, W] in [0, 1].
        truth: of [1, 3, H, W].
        given_lab: CIE Lab [1, 3, H, W] of the grey picture.
        bench: what to measure with.
        lab: CIE Lab of ``predicted`` where it is known.
    """
    lab = rgb_to_lab(predicted) if lab is None else lab
    error_mean, error_p95 = colors.delta_e(lab, truth.lab)
    hues = sepia.hue_statistics(lab)
    signed, absolute = colors.colorfulness_signed(predicted), colors.colorfulness_absolute(predicted)
    columns: dict[str, torch.Tensor | None] = {
        "psnr_rgb": pixel.psnr_rgb(predicted, truth.rgb),
        "psnr_colour": pixel.psnr_color(lab, truth.lab, truth.rgb),
        "mae_rgb": pixel.mae_rgb(predicted, truth.rgb),
        "ssim_rgb": pixel.ssim_rgb(predicted, truth.rgb),
        "ciede2000_mean": error_mean,
        "ciede2000_p95": error_p95,
        "ab_rmse": colors.ab_rmse(lab, truth.lab),
        "chroma_mean": hues["chroma_mean"],
        "chroma_p95": hues["chroma_p95"],
        "chroma_ratio": hues["chroma_mean"] / colors.mean_chroma(truth.lab),
        "hue": hues["hue"],
        "hue_concentration": hues["concentration"],
        "sepia_index": sepia.sepia_index(hues),
        "sepia": sepia.is_sepia(hues).float(),
        "one_hue": sepia.is_one_hue(hues).float(),
        "effective_hues": sepia.effective_hues(lab),
        "hue_distance": colors.hue_distance(lab, truth.lab),
        "auc": colors.auc(lab, truth.lab),
        "colorfulness_signed": signed,
        "colorfulness_absolute": absolute,
        "cf_signed_shift": signed - colors.colorfulness_signed(truth.rgb),
        "cf_absolute_shift": absolute - colors.colorfulness_absolute(truth.rgb),
        "l_shift": pixel.l_shift(lab, given_lab),
        "incoherence": coherence.incoherence(lab, truth.lab),
        "edge_alignment": pixel.edge_alignment(lab),
    }
    if bench.auc_weights is not None:
        columns["auc_rebalanced"] = colors.auc(lab, truth.lab, bench.auc_weights.to(bench.device))
        weight = bench.auc_weights[colors.ab_bins(truth.lab).cpu()].mean()
        columns["auc_weight"] = weight.expand(len(predicted))
    for net, distance in bench.lpips.items():
        # LPIPS halves a picture several times; below 32 px nothing is left to compare.
        columns[f"lpips_{net}"] = _lpips(net, distance, predicted, truth) if min(truth.rgb.shape[-2:]) >= 32 else None
    lists = {key: [None] * len(predicted) if value is None else value.tolist() for key, value in columns.items()}
    rows = [{key: values[place] for key, values in lists.items()} for place in range(len(predicted))]
    if bench.legacy:
        for place, row in enumerate(rows):
            row |= legacy.legacy(lab[place : place + 1], truth.lab)
    return [
        {key: None if value is None or not np.isfinite(value) else round(value, 6) for key, value in row.items()}
        for row in rows
    ]


def _lpips(net: str, distance: Lpips, predicted: torch.Tensor, truth: Truth) -> torch.Tensor:
    """LPIPS of several results; the truth's own features are computed once, and it is at no distance of itself."""
    if net not in truth.looks:
        truth.looks[net] = distance.look(truth.rgb)
    apart = (predicted != truth.rgb).flatten(1).any(dim=1)
    found = torch.zeros(len(predicted), device=predicted.device)
    if apart.any():
        found[apart] = distance.compare(predicted[apart], truth.looks[net])
    return found
