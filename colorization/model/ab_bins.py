"""Color as a choice among bins: the ab grid, soft targets, rarity weights, and the way back to one color.

Source: Zhang, Isola, Efros, "Colorful Image Colorization", ECCV 2016, arXiv:1603.08511, equations 2 to 5. Their grid
has 313 bins; the number here follows from this project's own gamut (``len(ab_centers())``) and is typed nowhere.
"""

from __future__ import annotations

import functools
import math

import torch

from .color import in_gamut

GRID = 10.0  # CIE units between neighboring centers
NEIGHBORS = 5  # bins that share one color in its soft target
SIGMA = 5.0  # CIE units; standard deviation of their weights
_REACH = 128  # the table of soft targets covers a* and b* from -128 to 128, in steps of one unit


@functools.lru_cache(maxsize=1)
def _centers() -> torch.Tensor:
    # A model is built on the device "meta" while its weights are read; this table must have values even then.
    with torch.device("cpu"):
        line = torch.arange(-_REACH // GRID, _REACH // GRID + 1, dtype=torch.float32) * GRID
        a, b = torch.meshgrid(line, line, indexing="ij")
        lightness = torch.linspace(0, 100, 201, dtype=torch.float32)[:, None, None].expand(-1, *a.shape)
        lab = torch.stack((lightness, a.expand_as(lightness), b.expand_as(lightness)), dim=1)
        shown = in_gamut(lab).any(dim=0)
        return torch.stack((a[shown], b[shown]), dim=1)


def ab_centers() -> torch.Tensor:
    """Centers [Q, 2] of the bins, CIE ab: the points of a grid of 10 units that sRGB can show at some L*."""
    return _centers().clone()


@functools.lru_cache(maxsize=1)
def _table() -> tuple[torch.Tensor, torch.Tensor]:
    """Soft targets of every whole ab in the square of the grid: bins [257, 257, 5] int64, weights float32."""
    with torch.device("cpu"):
        line = torch.arange(-_REACH, _REACH + 1, dtype=torch.float32)
        points = torch.cartesian_prod(line, line)
        bins, weights = _nearest(points)
        return bins.view(len(line), len(line), -1), weights.view(len(line), len(line), -1)


def _nearest(ab: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The five nearest bins of points [N, 2], and their normalized Gaussian weights, both [N, 5]."""
    squares = (ab[:, None] - _centers().to(ab)).square().sum(dim=2)
    squares, bins = squares.topk(NEIGHBORS, dim=1, largest=False)
    # Far outside the gamut all five weights would vanish: only differences of squares count.
    return bins, torch.softmax(-squares / (2 * SIGMA**2), dim=1)


@functools.lru_cache(maxsize=4)
def _table_on(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    bins, weights = (part.flatten(0, 1).to(device) for part in _table())
    return bins, weights


def soft_encode(ab: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Soft targets of colors: the five nearest bins, weighted by a Gaussian of 5 units (section 2.2 of the paper).

    Read from a table at the nearest whole ab, so that a picture costs one look-up and no search.

    Args:
        ab: [B, 2, h, w], CIE units.

    Returns:
        bins [B, 5, h, w] int64, nearest first, and their weights [B, 5, h, w] float32, which sum to one.
    """
    bins, weights = _table_on(ab.device)
    a, b = (ab.detach().float().round().clamp(-_REACH, _REACH).long() + _REACH).unbind(dim=1)
    place = a * (2 * _REACH + 1) + b
    return bins[place].permute(0, 3, 1, 2), weights[place].permute(0, 3, 1, 2)


def annealed_mean(logits: torch.Tensor, centers: torch.Tensor, temperature: float) -> torch.Tensor:
    """One color of a distribution over bins: the mean after sharpening (equation 5 of the paper).

    Args:
        logits: [B, Q, h, w], of any floating type.
        centers: [Q, 2], CIE ab.
        temperature: 1 for the mean, towards 0 for the most probable bin, 0 for exactly that.

    Returns:
        ab [B, 2, h, w] float32, CIE units.

    Raises:
        ValueError: if the temperature is below 0 or not a number.
    """
    if not (temperature >= 0 and math.isfinite(temperature)):
        raise ValueError(f"temperature is a number from 0 (most probable bin) to 1 (mean), not {temperature}.")
    centers = centers.to(device=logits.device, dtype=torch.float32)
    if temperature == 0:
        return centers[logits.argmax(dim=1)].permute(0, 3, 1, 2)
    share = torch.softmax(logits.float() / temperature, dim=1)
    return torch.einsum("bqhw,qc->bchw", share, centers)


def ab_histogram(ab: torch.Tensor) -> torch.Tensor:
    """Shares [B, Q] of the bins in the soft targets of each picture's ab [B, 2, h, w]; each row sums to one."""
    bins, weights = soft_encode(ab)
    total = weights.new_zeros(len(ab), len(_centers()))
    total.scatter_add_(1, bins.flatten(1), weights.flatten(1))
    return total / (ab.shape[2] * ab.shape[3])


def rarity_weights(prior: torch.Tensor, uniform_share: float) -> torch.Tensor:
    """How much a pixel of each color counts, so that rare colors are learned too (equation 4 of the paper).

    Args:
        prior: [Q], share of each bin in the training pictures.
        uniform_share: the paper's lambda in [0, 1]: 1 counts all pixels alike, 0 makes every bin weigh as much in sum.

    Returns:
        [Q] positive, of mean 1 under the prior: the size of the loss does not change.

    Raises:
        ValueError: if the prior does not fit the grid or is no distribution, or the share is outside [0, 1].
    """
    centers = _centers().to(prior.device)
    if prior.shape != (len(centers),) or not bool(torch.isfinite(prior).all()) or prior.min() < 0 or prior.sum() <= 0:
        raise ValueError(
            f"A prior has {len(centers)} shares, none below 0, not all 0; this one is {tuple(prior.shape)}."
        )
    if not 0 <= uniform_share <= 1:
        raise ValueError(f"The share of the uniform distribution is in [0, 1], not {uniform_share}.")
    prior = prior.double() / prior.double().sum()
    kernel = torch.exp(-torch.cdist(centers.double(), centers.double()).square() / (2 * SIGMA**2))
    smooth = (kernel / kernel.sum(dim=0)) @ prior
    # A bin that no picture has keeps a finite weight.
    weight = 1 / ((1 - uniform_share) * smooth + uniform_share / len(prior)).clamp(min=1e-7)
    return (weight / (weight * prior).sum()).float()


def spread(logits: torch.Tensor, centers: torch.Tensor, ab: torch.Tensor) -> torch.Tensor:
    """Root of the mean squared distance between the bins and one color, under the predicted distribution.

    Args:
        logits: [B, Q, h, w].
        centers: [Q, 2], CIE ab.
        ab: [B, 2, h, w], the color that was chosen.

    Returns:
        [B, 1, h, w] float32, CIE units: 0 where all the probability lies on that color.
    """
    centers = centers.to(device=logits.device, dtype=torch.float32)
    share = torch.softmax(logits.float(), dim=1)
    # E|c - ab|^2 = E|c|^2 - 2 E[c] ab + |ab|^2
    mean = torch.einsum("bqhw,qc->bchw", share, centers)
    square = torch.einsum("bqhw,q->bhw", share, centers.square().sum(dim=1))
    return (square - 2 * (mean * ab).sum(dim=1) + ab.square().sum(dim=1)).clamp(min=0).sqrt()[:, None]
