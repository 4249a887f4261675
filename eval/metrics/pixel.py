"""Measures of pixels."""

from __future__ import annotations

import torch


def psnr_rgb(predicted: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Peak signal-to-noise ratio of sRGB per picture, in dB (higher is better): 10 log10(1 / mean squared error).

    Args:
        predicted: [B, 3, H, W] in [0, 1], values of 8-bit pictures.
        truth: likewise.

    Returns:
        [B]; at most 100, which identical pictures get.
    """
    return (-10 * (predicted - truth).square().mean(dim=(1, 2, 3)).log10()).clamp(max=100)
