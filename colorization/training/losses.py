"""Losses between predicted and true ab [B, 2, h, w], CIE units. One paper each, one signature, a scalar returned."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def huber(predicted: torch.Tensor, target: torch.Tensor, delta: float, chroma_weight: float) -> torch.Tensor:
    """Huber loss (Huber 1964; used for ab by Zhang et al. 2017, arXiv:1705.02999), in units of ``delta``.

    Args:
        predicted: ab [B, 2, h, w], CIE units.
        target: ab [B, 2, h, w], CIE units.
        delta: CIE units at which the square turns into a line.
        chroma_weight: a pixel of true chroma C counts 1 + chroma_weight * C / 100. Most of a landscape is nearly grey,
            and an average over it is won by answering grey; 0 counts all pixels alike.

    Returns:
        The mean over pixels of the weighted loss, the weights normalised to mean 1 over the batch.
    """
    loss = F.huber_loss(predicted, target, reduction="none", delta=delta).sum(dim=1, keepdim=True) / delta**2
    weight = 1 + chroma_weight * target.norm(dim=1, keepdim=True) / 100
    return (loss * weight).mean() / weight.mean()
