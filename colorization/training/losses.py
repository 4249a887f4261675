"""Losses of colors, a paper each: predictions and targets in CIE units, a scalar returned."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from ..model.ab_bins import soft_encode


def huber(
    predicted: torch.Tensor,
    target: torch.Tensor,
    delta: float,
    chroma_weight: float,
    picture_weight: torch.Tensor | None = None,
) -> torch.Tensor:
    """Huber loss (Huber 1964; used for ab by Zhang et al. 2017, arXiv:1705.02999), in units of ``delta``.

    Args:
        predicted: ab [B, 2, h, w], CIE units.
        target: ab [B, 2, h, w], CIE units.
        delta: CIE units at which the square turns into a line.
        chroma_weight: a pixel of true chroma C counts 1 + chroma_weight * C / 100. Most of a landscape is nearly grey,
            and an average over it is won by answering grey; 0 counts all pixels alike.
        picture_weight: [B], how much each picture counts, of mean 1; None for all alike.

    Returns:
        The mean over pixels of the weighted loss, the weights normalized to mean 1 over the batch.
    """
    loss = F.huber_loss(predicted, target, reduction="none", delta=delta).sum(dim=1, keepdim=True) / delta**2
    weight = 1 + chroma_weight * target.norm(dim=1, keepdim=True) / 100
    if picture_weight is not None:
        weight = weight * picture_weight[:, None, None, None]
    return (loss * weight).mean() / weight.mean()


def relative_weight(whole: torch.Tensor, floor: float) -> torch.Tensor:
    """Weigh pictures by how little color they have: an error counts relative to what grey would miss.

    Decibels over grey and the share of CIEDE2000 that is left are relative too: too much color in a pale picture of
    rocks costs more of them than too little in a sunset.

    Args:
        whole: true ab [B, 2, h, w] of each picture, CIE units.
        floor: squared CIE units added to the mean square of each, so that grey pictures stay in bounds.

    Returns:
        [B], of mean 1.
    """
    weight = 1 / (whole.square().sum(dim=1).mean(dim=(1, 2)) + floor)
    return weight / weight.mean()


def soft_cross_entropy(logits: torch.Tensor, target: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Cross-entropy with soft targets, rare colors counting more (Zhang et al. 2016, arXiv:1603.08511, equation 2).

    Args:
        logits: [B, Q, h, w].
        target: ab [B, 2, h, w], CIE units.
        weights: [Q], of each bin; a pixel has that of the bin nearest to its color.

    Returns:
        The weighted mean over pixels, in nats.
    """
    bins, shares = soft_encode(target)
    log_share = torch.log_softmax(logits.float(), dim=1).gather(1, bins)
    weight = weights.to(logits.device)[bins[:, 0]]
    return -(shares * log_share).sum(dim=1).mul(weight).mean() / weight.mean()


def mean_chroma(log_chroma: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Absolute error of the predicted logarithm of each picture's mean chroma.

    Args:
        log_chroma: [B].
        target: ab [B, 2, h, w], CIE units.
    """
    truth = target.norm(dim=1).mean(dim=(1, 2)).clamp(min=0.5).log()
    return (log_chroma - truth).abs().mean()


def chroma_likelihood(log_chroma: torch.Tensor, log_variance: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Negative log-likelihood of each picture's mean chroma under a predicted log-normal distribution.

    Args:
        log_chroma: [B], mean of the logarithm.
        log_variance: [B], logarithm of its variance.
        target: ab [B, 2, h, w] of the whole picture, CIE units.
    """
    truth = target.norm(dim=1).mean(dim=(1, 2)).clamp(min=0.5).log()
    log_variance = log_variance.clamp(-4, 2)
    return 0.5 * ((log_chroma - truth) ** 2 * (-log_variance).exp() + log_variance).mean()


def second_moments(predicted: torch.Tensor, target: torch.Tensor, unit: float) -> torch.Tensor:
    """Distance of the square roots of the covariances of ab over each picture: one tint over all has none.

    The square root of a 2 x 2 matrix C is (C + sqrt(det C) I) / sqrt(tr C + 2 sqrt(det C)) (Cayley-Hamilton).

    Args:
        predicted: ab [B, 2, h, w], CIE units.
        target: ab [B, 2, h, w], CIE units.
        unit: CIE units that stand for 1.
    """
    return (_root_covariance(predicted) - _root_covariance(target)).abs().mean() / unit


def _root_covariance(ab: torch.Tensor) -> torch.Tensor:
    """[B, 2, h, w] to [B, 2, 2]."""
    flat = ab.flatten(2) - ab.mean(dim=(2, 3))[:, :, None]
    covariance = flat @ flat.transpose(1, 2) / flat.shape[2]
    trace = covariance.diagonal(dim1=1, dim2=2).sum(1)
    root = (covariance[:, 0, 0] * covariance[:, 1, 1] - covariance[:, 0, 1] ** 2).clamp(min=1e-2).sqrt()
    identity = torch.eye(2, device=ab.device)
    return (covariance + root[:, None, None] * identity) / (trace + 2 * root + 1e-2).sqrt()[:, None, None]


def l1(predicted: torch.Tensor, target: torch.Tensor, unit: float) -> torch.Tensor:
    """Mean absolute error in units of ``unit``."""
    return (predicted - target).abs().mean() / unit


def mse(predicted: torch.Tensor, target: torch.Tensor, unit: float) -> torch.Tensor:
    """Mean squared error in units of ``unit``."""
    return F.mse_loss(predicted, target) / unit**2


def discriminator_loss(real: torch.Tensor, fake: torch.Tensor, kind: str) -> torch.Tensor:
    """What the discriminator minimizes, from its scores of true and of made colors.

    "vanilla": binary cross-entropy (Goodfellow et al. 2014, arXiv:1406.2661), halved as pix2pix does. "hinge": scores
    beyond a margin of 1 do not count (Lim and Ye 2017, arXiv:1705.02894).
    """
    if kind == "hinge":
        return (F.relu(1 - real).mean() + F.relu(1 + fake).mean()) / 2
    return (F.softplus(-real).mean() + F.softplus(fake).mean()) / 2


def generator_loss(fake: torch.Tensor, kind: str) -> torch.Tensor:
    """What the generator minimizes, from the discriminator's scores of its colors: they should pass for true."""
    return -fake.mean() if kind == "hinge" else F.softplus(-fake).mean()
