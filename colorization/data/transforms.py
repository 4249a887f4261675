"""What happens to a photograph before it trains a colorizer. The color of the target is never touched.

Cropping and mirroring move color and luminance together. Everything else (contrast, gamma, blur, grain) changes the
luminance that the network sees and only that: jitter on the colors of the target, upside-down pictures and the black
corners of rotations are what teaches colorizers to be grey.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from PIL import Image
from torchvision.transforms import functional


@dataclass(frozen=True)
class View:
    """How a picture is cut and turned. All but the first are habits of earlier systems, kept to show what they cost."""

    min_scale: float = 0.25
    """Smallest area of the crop as a share of the largest square that fits, in (0, 1]."""
    squash: bool = False
    """A crop has the picture's aspect and is squashed into a square; at ``min_scale`` 1 that is the whole picture."""
    vertical_flip: bool = False
    """Every second picture is turned upside down."""
    rotation: float = 0.0
    """Largest angle in degrees, either way; the corners turn black."""
    jitter: float = 0.0
    """Brightness, contrast and saturation of the *target* change by up to this share, its hue by a tenth of it."""


def random_view(picture: Image.Image, size: int, how: View, generator: torch.Generator) -> Image.Image:
    """Cut a square out of ``picture``, resize it to ``size`` px, mirror every second one, and do what else is asked.

    Args:
        picture: RGB.
        size: side of the result, in pixels.
        how: of true aspect and without borders unless it says otherwise.
        generator: the only source of chance.

    Returns:
        A square picture, ``size`` px.
    """
    chance = torch.rand(10, generator=generator).tolist()
    width, height = picture.size
    scale = math.sqrt(how.min_scale + (1 - how.min_scale) * chance[0])
    across, down = (width, height) if how.squash else (min(width, height),) * 2
    across, down = max(1, round(across * scale)), max(1, round(down * scale))
    left, top = round((width - across) * chance[1]), round((height - down) * chance[2])
    picture = picture.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + across, top + down))
    if chance[3] < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if how.vertical_flip and chance[4] < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    if how.rotation:
        picture = picture.rotate(how.rotation * (2 * chance[5] - 1), Image.Resampling.BILINEAR)
    if how.jitter:
        bright, contrast, saturation, hue = (how.jitter * (2 * value - 1) for value in chance[6:])
        picture = functional.adjust_brightness(picture, 1 + bright)
        picture = functional.adjust_contrast(picture, 1 + contrast)
        picture = functional.adjust_saturation(picture, 1 + saturation)
        picture = functional.adjust_hue(picture, hue / 10)
    return picture


@dataclass(frozen=True)
class Degradation:
    """How far the luminance of an old photograph may be from that of a fresh one; every bound 0 means no change."""

    contrast: float = 0.25
    """Contrast is scaled by a factor in [1 - contrast, 1 + contrast] about mid-grey."""
    gamma: float = 0.25
    """log of the exponent on L / 100 is drawn from [-gamma, gamma]."""
    blur: float = 1.0
    """Largest standard deviation of the Gaussian blur, in pixels."""
    grain: float = 4.0
    """Largest standard deviation of the grain, in units of L*."""
    probability: float = 0.5
    """Each of the four is applied to a picture with this probability."""


def degrade(lightness: torch.Tensor, how: Degradation, generator: torch.Generator) -> torch.Tensor:
    """Age the luminance: contrast, gamma, blur and grain, each with its own strength per picture.

    Args:
        lightness: L* [B, 1, H, W] in [0, 100]; not changed in place.
        how: bounds and probability.
        generator: the only source of chance, on the device of ``lightness``.

    Returns:
        L* [B, 1, H, W] in [0, 100].
    """
    if how.probability == 0:
        return lightness.clone()
    count, device = lightness.shape[0], lightness.device

    def strength(bound: float, low: float) -> torch.Tensor:
        """[B, 1, 1, 1] in [low * bound, bound], 0 where the picture is left alone."""
        drawn = torch.rand(2, count, 1, 1, 1, generator=generator, device=device)
        value = bound * (low + (1 - low) * drawn[0])
        return torch.where(drawn[1] < how.probability, value, torch.zeros_like(value))

    aged = lightness / 100
    aged = (aged - 0.5) * (1 + strength(how.contrast, -1)) + 0.5
    aged = aged.clamp(0, 1) ** strength(how.gamma, -1).exp()
    aged = _blur(aged, strength(how.blur, 0).flatten())
    grain = torch.randn(aged.shape, generator=generator, device=device)
    return (aged * 100 + grain * strength(how.grain, 0)).clamp(0, 100)


def _blur(x: torch.Tensor, sigmas: torch.Tensor) -> torch.Tensor:
    """Gaussian blur of [B, 1, H, W] with one standard deviation (pixels) a picture; 0 leaves it alone."""
    if not bool((sigmas > 0).any()):
        return x
    reach = 3
    steps = torch.arange(-reach, reach + 1, device=x.device, dtype=x.dtype)
    kernels = torch.exp(-(steps**2) / (2 * sigmas[:, None].clamp(min=1e-3) ** 2))
    kernels = kernels / kernels.sum(dim=1, keepdim=True)
    planes = F.pad(x.transpose(0, 1), (reach, reach, reach, reach), mode="replicate")
    planes = F.conv2d(planes, kernels[:, None, None, :], groups=len(x))
    return F.conv2d(planes, kernels[:, None, :, None], groups=len(x)).transpose(0, 1)
