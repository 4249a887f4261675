"""Measures of pixels: how near the numbers of two pictures are.

Those named ``rgb`` take [B, 3, H, W] sRGB in [0, 1] with the values of 8-bit pictures, the others CIE Lab of the same
shape; all return one value a picture, [B]. One truth [1, 3, H, W] may stand against several results.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from colorization.model.color import join

_SSIM_WINDOW = 11


def psnr_rgb(predicted: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Peak signal-to-noise ratio of sRGB in dB, higher is better: 10 log10(1 / mean squared error).

    At most 100, which identical pictures get.
    """
    return (-10 * (predicted - truth).square().mean(dim=(1, 2, 3)).log10()).clamp(max=100)


def psnr_color(predicted: torch.Tensor, truth: torch.Tensor, truth_rgb: torch.Tensor) -> torch.Tensor:
    """RGB PSNR of the colors alone, in dB, higher is better: of the a* and b* of results on the truth's own luminance.

    A colorizer keeps the luminance it is given. Where that was aged, ``psnr_rgb`` counts the ageing as a fault of the
    colors, and even perfect ones fall by many dB; here the result's luminance is replaced by the truth's
    (``color.join``: 8 bits, chroma reduced at constant L* and hue where sRGB ends), as for a restored
    picture. Where luminance was kept, it is ``psnr_rgb`` but for rounding.

    Args:
        predicted: CIE Lab [B, 3, H, W].
        truth: CIE Lab [B, 3, H, W], or [1, 3, H, W] for all of them.
        truth_rgb: the same in sRGB, in [0, 1].
    """
    batch, _, height, width = predicted.shape
    light = truth[:, 0].float().cpu().expand(batch, height, width)
    ab = predicted[:, 1:].float().cpu().transpose(0, 1)
    # All of them below each other, as one high picture.
    joined = join(light.reshape(-1, width), ab.reshape(2, -1, width)).view(batch, height, width, 3)
    return psnr_rgb(joined.permute(0, 3, 1, 2).to(truth_rgb) / 255, truth_rgb)


def mae_rgb(predicted: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Mean absolute error of sRGB in [0, 1], lower is better."""
    return (predicted - truth).abs().mean(dim=(1, 2, 3))


def ssim_rgb(predicted: torch.Tensor, truth: torch.Tensor) -> torch.Tensor | None:
    """Structural similarity (Wang et al. 2004) of sRGB, higher is better, in [-1, 1]; None below 11 px.

    Gaussian window of 11 px with sigma 1.5, ``data_range`` 1, mean over channels and the pixels whose window lies
    inside. The luminance of colorized pictures is that of the input, so that even grey ones score 0.8 to 0.9.

    Args:
        predicted: sRGB [B, 3, H, W].
        truth: sRGB [B, 3, H, W], or [1, 3, H, W] for all of them.
    """
    if min(predicted.shape[-2:]) < _SSIM_WINDOW:
        return None
    c1, c2 = 0.01**2, 0.03**2
    mean, true_mean = _window(predicted), _window(truth)
    product = mean * true_mean
    covariance = _window(predicted * truth).sub_(product)
    squares = mean.square_() + true_mean.square()
    variances = _window(predicted.square()) + _window(truth.square()) - squares
    similarity = product.mul_(2).add_(c1) * covariance.mul_(2).add_(c2)
    return similarity.div_(squares.add_(c1)).div_(variances.add_(c2)).mean(dim=(1, 2, 3))


def _window(values: torch.Tensor) -> torch.Tensor:
    """Weighted means of [..., H, W] over the windows that lie inside: [..., H - 10, W - 10]."""
    # Shifted sums along one axis after the other cost a tenth of a convolution with the whole window on a CPU.
    weights = np.exp(-0.5 * ((np.arange(_SSIM_WINDOW) - _SSIM_WINDOW // 2) / 1.5) ** 2)
    for axis in (-2, -1):
        length = values.shape[axis] - _SSIM_WINDOW + 1
        parts = [(values.narrow(axis, place, length), weight) for place, weight in enumerate(weights / weights.sum())]
        values = parts[0][0] * parts[0][1]
        for part, weight in parts[1:]:
            values.add_(part, alpha=weight)
    return values


def l_shift(predicted: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
    """Mean absolute difference of L* between a result and the grey picture it was made from, CIE units; 0 is right."""
    return (predicted[:, 0] - given[:, 0]).abs().mean(dim=(1, 2))


def edge_alignment(predicted: torch.Tensor) -> torch.Tensor:
    """Do colors change where luminance does? Correlation over pixels of the gradients of ab and of L*, in [-1, 1].

    The magnitudes of Sobel gradients are compared after a 3 × 3 mean; where color bleeds over edges the value falls.
    It has meaning beside the value of the truth, not alone. Grey pictures have no edges of color: NaN.
    """
    lab = F.avg_pool2d(F.pad(predicted, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    sobel = torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]], device=lab.device) / 8
    kernels = torch.stack((sobel, sobel.T))[:, None]
    batch, _, height, width = lab.shape
    gradients = F.conv2d(lab.reshape(batch * 3, 1, height, width), kernels)
    strength = gradients.square_().sum(dim=1).view(batch, 3, -1)
    light, color = strength[:, 0].sqrt(), strength[:, 1:].sum(dim=1).sqrt()
    light, color = light - light.mean(dim=1, keepdim=True), color - color.mean(dim=1, keepdim=True)
    length = color.norm(dim=1)
    scale = light.norm(dim=1) * length
    flat = length < 1e-3 * color.shape[1] ** 0.5  # float noise of a grey picture
    return torch.where(flat | (scale == 0), torch.nan, (light * color).sum(dim=1) / scale)
