"""The known failures as numbers: one hue over the whole picture, and its pale brown kind, sepia."""

from __future__ import annotations

import math

import torch

from .colors import chroma as chroma_of
from .colors import hue_histogram, percentile95

HUES = (50.0, 105.0)
"""Degrees of CIE hue that sepia lies in: orange-brown to olive-yellow."""
MIN_CONCENTRATION = 0.96
MAX_CHROMA_P95 = 25.0
MIN_CHROMA = 1.0
"""Thresholds of :func:`is_sepia`, so that at most 1 % of real photographs are flagged: 0.97 % of 1133 validation
photographs (deserts, most of them; 0.95 would flag 1.15 %). ``python -m eval calibrate --data DIR`` counts again, for
:func:`is_one_hue` too; docs/evaluation.md has its evidence."""


def hue_statistics(lab: torch.Tensor) -> dict[str, torch.Tensor]:
    """Concentration of hue, mean hue and 95th percentile of chroma of pictures.

    Args:
        lab: CIE Lab [B, 3, H, W].

    Returns:
        ``concentration`` [B] in [0, 1]: the length of the sum of all ab vectors over the sum of their lengths, 1 when
        every pixel has the same hue (the mean resultant length of directional statistics, weighted by chroma);
        ``hue`` [B] in degrees, of that sum; ``chroma_mean`` and ``chroma_p95`` [B] in CIE units.
    """
    chroma = chroma_of(lab).flatten(1)
    total = lab[:, 1:].sum(dim=(2, 3))
    return {
        "concentration": total.norm(dim=1) / chroma.sum(dim=1).clamp(min=1e-6),
        "hue": torch.atan2(total[:, 1], total[:, 0]) * (180 / math.pi) % 360,
        "chroma_mean": chroma.mean(dim=1),
        "chroma_p95": percentile95(chroma),
    }


def _is_brown(statistics: dict[str, torch.Tensor]) -> torch.Tensor:
    return (statistics["hue"] >= HUES[0]) & (statistics["hue"] <= HUES[1])


def sepia_index(statistics: dict[str, torch.Tensor]) -> torch.Tensor:
    """How much like a sepia print, [B] in [0, 1]: the concentration of hue where its mean is brown, else 0.

    Grey pictures (mean chroma below one CIE unit) have no hue: 0; they are counted by the collapse rate.
    """
    return statistics["concentration"] * (_is_brown(statistics) & (statistics["chroma_mean"] >= MIN_CHROMA))


def is_one_hue(statistics: dict[str, torch.Tensor]) -> torch.Tensor:
    """Tell a tint, at any chroma, from colors: bool [B], concentration of hue above 0.96 and not grey.

    To be read where no sky is in sight, and beside the truth's own rate: open water under a sky is of one blue in
    truth, and some photographs are toned.
    """
    return (statistics["concentration"] > MIN_CONCENTRATION) & (statistics["chroma_mean"] >= MIN_CHROMA)


def is_sepia(statistics: dict[str, torch.Tensor]) -> torch.Tensor:
    """Tell a desaturated sepia, bool [B]: one hue, which is brown, and chroma_p95 below 25."""
    return is_one_hue(statistics) & _is_brown(statistics) & (statistics["chroma_p95"] < MAX_CHROMA_P95)


def effective_hues(lab: torch.Tensor) -> torch.Tensor:
    """Number of hues that a picture uses, [B] in [1, 36]: the exponential of the entropy of its hue histogram.

    A picture whose chroma lies in k sectors of 10 degrees in equal parts has k (Hill number of order 1; Jost 2006).
    It falls on the way to a tint, before :func:`is_one_hue` says so. NaN for a picture without hue.

    Args:
        lab: CIE Lab [B, 3, H, W].
    """
    return torch.special.entr(hue_histogram(lab)).sum(dim=1).exp()
