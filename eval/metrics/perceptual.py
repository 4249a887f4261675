"""Perceptual distance, through torchmetrics."""

from __future__ import annotations

import logging

import torch

logger = logging.getLogger(__name__)


class Lpips:
    """LPIPS (Zhang et al. 2018, arXiv:1801.03924) with SqueezeNet features, one value a picture; lower is better.

    The features' weights are torchvision's, downloaded once, or found below ``TORCH_HOME``.
    """

    def __init__(self) -> None:
        from torchmetrics.functional.image.lpips import _LPIPS

        self.network = _LPIPS(pretrained=True, net="squeeze").eval()

    @torch.inference_mode()
    def __call__(self, predicted: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        """[B, 3, H, W] in [0, 1] to [B]."""
        return self.network(predicted * 2 - 1, truth * 2 - 1).flatten()
