"""The known failure as a number: one brown hue over the whole picture, and little of it."""

from __future__ import annotations

import math

import torch

from .colour import percentile95

HUES = (50.0, 105.0)
"""Degrees of CIE hue that sepia lies in: orange-brown to olive-yellow."""
MIN_CONCENTRATION = 0.96
MAX_CHROMA_P95 = 25.0
MIN_CHROMA = 1.0
"""Thresholds of :func:`is_sepia`, so that at most 1 % of real photographs are flagged: 0.97 % of 1133 validation
photographs (deserts, most of them; 0.95 would flag 1.15 %). ``python -m eval calibrate --data DIR`` counts again."""


def hue_statistics(lab: torch.Tensor) -> dict[str, torch.Tensor]:
    """Concentration of hue, mean hue and 95th percentile of chroma of pictures.

    Args:
        lab: CIE Lab [B, 3, H, W].

    Returns:
        ``concentration`` [B] in [0, 1]: the length of the sum of all ab vectors over the sum of their lengths, 1 when
        every pixel has the same hue (the mean resultant length of directional statistics, weighted by chroma);
        ``hue`` [B] in degrees, of that sum; ``chroma_mean`` and ``chroma_p95`` [B] in CIE units.
    """
    ab = lab[:, 1:].flatten(2)
    chroma = ab.norm(dim=1)
    total = ab.sum(dim=2)
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
    """Whether a picture is a tint, bool [B]: not grey, one hue (concentration above 0.96), chroma_p95 below 25.

    To be read where no sky is in sight: open water under a sky is of one blue in truth as well.
    """
    one = (statistics["concentration"] > MIN_CONCENTRATION) & (statistics["chroma_mean"] >= MIN_CHROMA)
    return one & (statistics["chroma_p95"] < MAX_CHROMA_P95)


def is_sepia(statistics: dict[str, torch.Tensor]) -> torch.Tensor:
    """Whether a picture is a desaturated sepia, bool [B]: a tint whose hue is brown."""
    return is_one_hue(statistics) & _is_brown(statistics)
