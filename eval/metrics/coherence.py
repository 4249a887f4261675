"""Seas half blue and half orange: does a result invent differences of color where the truth has none?"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

_CELLS = 24  # along the long side: regions, not texture
_SAME = 4.0  # CIE units of ab between neighbors that are of one region
_SMALLEST = 0.05  # share of the picture


def incoherence(predicted: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Standard deviation of ab inside regions of one true color, beyond the truth's own, CIE units, [B]; 0 is right.

    Both pictures are averaged over cells, 24 along the long side. Neighboring cells whose true ab differ by less than
    4 CIE units are of one region; those of at least 5 % of the picture count, by their area. Of each region the
    variance of the truth (a sunset runs from blue to orange) is taken from the variance of the result, down to 0. NaN
    where the truth has no such region.

    Args:
        predicted: CIE Lab [B, 3, H, W].
        truth: CIE Lab [1, 3, H, W] for all of them, or [B, 3, H, W].
    """
    if len(truth) > 1:
        return torch.cat([incoherence(a[None], b[None]) for a, b in zip(predicted, truth, strict=True)])
    height, width = truth.shape[-2:]
    rows, columns = (max(1, min(side, round(_CELLS * side / max(height, width)))) for side in (height, width))
    cells, true_cells = (F.adaptive_avg_pool2d(lab[:, 1:], (rows, columns)) for lab in (predicted, truth))
    excess, area = torch.zeros(len(predicted), device=predicted.device), 0
    for region in _regions(true_cells[0].cpu().numpy()):
        inside = torch.from_numpy(region).to(predicted.device)
        spread = cells.flatten(2)[..., inside].var(dim=2, correction=0).sum(dim=1)
        own = true_cells.flatten(2)[..., inside].var(dim=2, correction=0).sum(dim=1)
        excess, area = excess + len(region) * (spread - own).clamp(min=0), area + len(region)
    return (excess / area).sqrt() if area else torch.full_like(excess, torch.nan)


def _regions(ab: np.ndarray) -> list[np.ndarray]:
    """Numbers of the cells of each connected region of nearly constant color, from ab [2, h, w]."""
    height, width = ab.shape[1:]
    numbers = np.arange(height * width).reshape(height, width)
    across = np.linalg.norm(np.diff(ab, axis=2), axis=0) < _SAME
    down = np.linalg.norm(np.diff(ab, axis=1), axis=0) < _SAME
    labels = numbers.copy()
    while True:  # the smallest number of a region spreads over it
        before = labels.copy()
        for same, first, second in ((across, np.s_[:, :-1], np.s_[:, 1:]), (down, np.s_[:-1], np.s_[1:])):
            least = np.where(same, np.minimum(labels[first], labels[second]), height * width)
            np.minimum(labels[first], least, out=labels[first])
            np.minimum(labels[second], least, out=labels[second])
        labels = labels.ravel()[labels]
        if np.array_equal(before, labels):
            break
    kinds, counts = np.unique(labels, return_counts=True)
    return [np.flatnonzero(labels == kind) for kind in kinds[counts >= max(2, _SMALLEST * labels.size)]]
