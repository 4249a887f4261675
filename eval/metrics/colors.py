"""Measures of color: one value a picture, [B].

All take CIE Lab [B, 3, H, W] (``color.rgb_to_lab``, converted once for all of them); only colorfulness is
defined on sRGB. One truth [1, 3, H, W] may stand against several results.
"""

from __future__ import annotations

import math

import numpy as np
import torch

_AUC_THRESHOLDS = 150  # CIE units
_AB_BIN = 10  # CIE units
_AB_REACH = 110  # a* and b* of sRGB lie within
HUE_BINS = 36
COLLAPSED, OVERSATURATED = 0.5, 1.5
"""Chroma ratios below and above which a picture has lost its color, or has too much of it."""


def mean_chroma(lab: torch.Tensor) -> torch.Tensor:
    """Mean chroma, CIE units."""
    return chroma(lab).mean(dim=(1, 2))


def chroma(lab: torch.Tensor) -> torch.Tensor:
    """Chroma of each pixel, CIE units: [B, H, W]."""
    return torch.hypot(lab[:, 1], lab[:, 2])  # a norm over two channels takes ten times as long


def chroma_ratio(predicted: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Mean chroma of the prediction over that of the truth; 1 is right, 0 is grey."""
    return mean_chroma(predicted) / mean_chroma(truth)


def ab_rmse(predicted: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Root mean square error of a* and b* per channel, CIE units (lower is better)."""
    difference = predicted[:, 1:] - truth[:, 1:]
    return difference.square().mean(dim=(1, 2, 3)).sqrt()


def ciede2000(lab: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """CIEDE2000 color difference with kL = kC = kH = 1 (CIE 142-2001), as implemented by Sharma, Wu and Dalal
    (Color Research and Application 30, 2005).

    Args:
        lab: CIE Lab [..., 3, H, W].
        reference: likewise.

    Returns:
        [..., H, W], 0 for equal colors; 1 is about a just noticeable difference.
    """
    light1, a1, b1 = lab.unbind(-3)
    light2, a2, b2 = reference.unbind(-3)
    mean7 = ((torch.hypot(a1, b1) + torch.hypot(a2, b2)) / 2) ** 7
    g = 0.5 * (1 - (mean7 / (mean7 + 25**7)).sqrt())
    a1, a2 = a1 * (1 + g), a2 * (1 + g)
    c1, c2 = torch.hypot(a1, b1), torch.hypot(a2, b2)
    turn = 2 * math.pi
    h1, h2 = torch.atan2(b1, a1) % turn, torch.atan2(b2, a2) % turn
    grey = c1 * c2 == 0

    dh = h2 - h1
    dh = torch.where(dh > math.pi, dh - turn, torch.where(dh < -math.pi, dh + turn, dh)).masked_fill(grey, 0)
    d_light, d_chroma = light2 - light1, c2 - c1
    d_hue = 2 * (c1 * c2).sqrt() * (dh / 2).sin()

    light, chroma, hue = (light1 + light2) / 2, (c1 + c2) / 2, h1 + h2
    apart = (h1 - h2).abs() > math.pi
    hue = torch.where(apart, torch.where(hue < turn, hue + turn, hue - turn), hue) / 2
    hue = torch.where(grey, h1 + h2, hue)
    t = (
        1
        - 0.17 * (hue - math.radians(30)).cos()
        + 0.24 * (2 * hue).cos()
        + 0.32 * (3 * hue + math.radians(6)).cos()
        - 0.20 * (4 * hue - math.radians(63)).cos()
    )
    theta = math.radians(30) * (-(((hue.rad2deg() - 275) / 25) ** 2)).exp()
    chroma7 = chroma**7
    rotation = -2 * (chroma7 / (chroma7 + 25**7)).sqrt() * (2 * theta).sin()
    off = (light - 50) ** 2
    d_light = d_light / (1 + 0.015 * off / (20 + off).sqrt())
    d_chroma = d_chroma / (1 + 0.045 * chroma)
    d_hue = d_hue / (1 + 0.015 * chroma * t)
    return (d_light**2 + d_chroma**2 + d_hue**2 + rotation * d_chroma * d_hue).clamp(min=0).sqrt()


def delta_e(predicted: torch.Tensor, truth: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and 95th percentile over pixels of :func:`ciede2000`, lower is better."""
    difference = ciede2000(predicted, truth).flatten(1)
    return difference.mean(dim=1), percentile95(difference)


def percentile95(values: torch.Tensor) -> torch.Tensor:
    """95th percentile of [B, N] over N; torch.quantile refuses more than 16 million values."""
    return torch.from_numpy(np.quantile(values.cpu().numpy(), 0.95, axis=1)).to(values)


def colorfulness_signed(rgb: torch.Tensor) -> torch.Tensor:
    """Colorfulness M3 of Hasler and Süsstrunk (2003), of sRGB in [0, 1].

    Of the opponents rg = R - G and yb = (R + G) / 2 - B on a scale of 0 to 255:
    sqrt(var rg + var yb) + 0.3 sqrt(mean² rg + mean² yb), as published: with their signs.
    """
    return _colorfulness(*_opponents(rgb))


def colorfulness_absolute(rgb: torch.Tensor) -> torch.Tensor:
    """The variant in most colorization papers (CT2, DDColor, UniColor): opponents without their signs.

    Blue over yellow counts as less colorful than it is: on landscapes up to 40 points below
    :func:`colorfulness_signed`. Never compare values of the two.
    """
    return _colorfulness(*(opponent.abs() for opponent in _opponents(rgb)))


def _opponents(rgb: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    red, green, blue = (255 * rgb).unbind(1)
    return red - green, (red + green) / 2 - blue


def _colorfulness(rg: torch.Tensor, yb: torch.Tensor) -> torch.Tensor:
    rg, yb = rg.flatten(1), yb.flatten(1)
    spread = (rg.var(dim=1, correction=0) + yb.var(dim=1, correction=0)).sqrt()
    return spread + 0.3 * (rg.mean(dim=1) ** 2 + yb.mean(dim=1) ** 2).sqrt()


def hue_histogram(lab: torch.Tensor) -> torch.Tensor:
    """Chroma in each of 36 sectors of hue, as shares: [B, 36]; NaN for a picture of less than 0.5 units of chroma."""
    _, a, b = lab.flatten(2).unbind(1)
    chroma = torch.hypot(a, b)
    sector = (torch.atan2(b, a) / (2 * math.pi) % 1 * HUE_BINS).long().clamp(max=HUE_BINS - 1)
    histogram = torch.zeros(len(lab), HUE_BINS, dtype=chroma.dtype, device=lab.device).scatter_add(1, sector, chroma)
    total = histogram.sum(dim=1, keepdim=True)
    return torch.where(total < 0.5 * chroma.shape[1], torch.nan, histogram / total)


def hue_distance(predicted: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Earth mover's distance around the circle between the two :func:`hue_histogram`, in degrees of hue, 0 to 180.

    On a circle it is the L1 distance of the cumulative histograms less their median (Rabin, Delon and Gousseau 2008).
    Says how far colors have to be turned, wherever they are in the picture. NaN where one picture is grey.
    """
    apart = (hue_histogram(predicted) - hue_histogram(truth)).cumsum(dim=1)
    # Of an even number of values torch takes the lower median: any value between the two middle ones is as good.
    return (apart - apart.median(dim=1, keepdim=True).values).abs().sum(dim=1) * 360 / HUE_BINS


def ab_bins(lab: torch.Tensor) -> torch.Tensor:
    """Number of the square of 10 × 10 CIE units of ab that each pixel lies in: int64 [B, H·W] in [0, 484)."""
    side = 2 * _AB_REACH // _AB_BIN
    squares = ((lab[:, 1:] + _AB_REACH) / _AB_BIN).floor().long().clamp(0, side - 1)
    return (squares[:, 0] * side + squares[:, 1]).flatten(1)


AB_BINS = (2 * _AB_REACH // _AB_BIN) ** 2


def auc(predicted: torch.Tensor, truth: torch.Tensor, weights: torch.Tensor | None = None) -> torch.Tensor:
    """Area under the cumulative curve of ab errors (Zhang et al. 2016, 4.1), in [0, 1], higher is better.

    The share of pixels within an ab distance t of the truth, mean over t = 0, 1, ..., 150. Raw it is dominated by
    greys; "rebalanced" each pixel weighs one over the probability of its true color.

    Args:
        predicted: Lab.
        truth: Lab.
        weights: of the :func:`ab_bins` of the truth, [484]; None for the raw measure.
    """
    distance = chroma(predicted - truth).flatten(1)
    within = (_AUC_THRESHOLDS + 1 - distance.ceil()).clamp(min=0) / (_AUC_THRESHOLDS + 1)
    if weights is None:
        return within.mean(dim=1)
    of_pixel = weights.to(within)[ab_bins(truth)]
    return (within * of_pixel).sum(dim=1) / of_pixel.sum(dim=1)
