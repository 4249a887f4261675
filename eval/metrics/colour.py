"""Measures of colour, in CIE Lab."""

from __future__ import annotations

import torch

from colorization.color import rgb_to_lab


def mean_chroma(rgb: torch.Tensor) -> torch.Tensor:
    """Mean chroma of pictures [B, 3, H, W] in [0, 1]: [B], CIE units."""
    return rgb_to_lab(rgb)[:, 1:].norm(dim=1).mean(dim=(1, 2))


def chroma_ratio(predicted: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Mean chroma of the prediction over that of the truth, [B]; 1 is right, 0 is grey."""
    return mean_chroma(predicted) / mean_chroma(truth)


def ab_rmse(predicted: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Root mean square error of a* and b* per channel, [B], CIE units (lower is better)."""
    difference = rgb_to_lab(predicted)[:, 1:] - rgb_to_lab(truth)[:, 1:]
    return difference.square().mean(dim=(1, 2, 3)).sqrt()
