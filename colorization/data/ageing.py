"""Old photographs made of new ones: what film saw of colors, and what a century did to the print.

Unlike ``transforms.degrade``, which ages batches on the device while a model trains, this ages one picture at a time
before its features are computed, so it may do what a batch cannot: JPEG, vignettes, coarse grain.
"""

from __future__ import annotations

import io

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torchvision.transforms.functional import gaussian_blur

from ..model.color import FILM, linear_to_srgb, rgb_to_lab, srgb_to_linear

# How often each film is drawn; else any mix of the channels.
_FILM_CHANCES = {"blue-plate": 0.35, "orthochromatic": 0.25, "red-filter": 0.15, "yellow-filter": 0.1}


def film_lightness(rgb: torch.Tensor, weights: np.ndarray) -> torch.Tensor:
    """Compute what a film records of a color photograph.

    Args:
        rgb: [3, h, w], sRGB in [0, 1].
        weights: [3], shares of linear red, green and blue; they sum to 1.

    Returns:
        L* [1, h, w] in [0, 100] of the grey picture.
    """
    mix = torch.as_tensor(weights, dtype=torch.float32)[:, None, None]
    exposure = (mix * srgb_to_linear(rgb)).sum(0, keepdim=True).clamp(0, 1)
    return rgb_to_lab(linear_to_srgb(exposure).expand(3, -1, -1)[None])[0, :1]


def random_film(rng: np.random.Generator) -> np.ndarray:
    """Draw the spectral response [3] of a film: one of the known kinds, disturbed, or any mix of the channels."""
    chance = rng.random()
    weights = rng.dirichlet([1, 1, 1])
    for film, probability in _FILM_CHANCES.items():
        if chance < probability:
            weights = np.array(FILM[film])
            break
        chance -= probability
    weights = weights + 0.1 * rng.random(3)
    return weights / weights.sum()


def age_print(lightness: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Age the lightness of one picture: vignette, blur, grain, contrast, gamma and JPEG, each by chance.

    Args:
        lightness: L* [1, h, w] in [0, 100]; not changed in place.
        rng: the only source of chance.

    Returns:
        L* [1, h, w] in [0, 100].
    """
    x = lightness / 100
    height, width = x.shape[-2:]
    if rng.random() < 0.25:
        down, across = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
        corner = rng.uniform(0.4, 0.9) ** -0.5 - 1  # of the light that reaches the middle
        x = x * (1 + corner * (across**2 + down**2) / 2) ** -0.8
    if rng.random() < 0.4:
        sigma = rng.uniform(0.4, 3.0)
        kernel = min(2 * int(3 * sigma + 1) + 1, 2 * (min(height, width) // 2) - 1)
        x = gaussian_blur(x[None], kernel, sigma)[0]
    if rng.random() < 0.4:
        x = x + _grain(height, width, rng)
    if rng.random() < 0.5:
        contrast = rng.uniform(0.45, 1.2)
        fog = rng.uniform(-0.1, 0.25) * (1 - contrast) if contrast < 1 else 0.0
        x = (x - 0.5) * contrast + 0.5 + fog
    if rng.random() < 0.4:
        x = x.clamp(0, 1) ** np.exp(rng.uniform(-0.35, 0.35))
    if rng.random() < 0.3:
        file = io.BytesIO()
        grey = Image.fromarray((x[0].clamp(0, 1) * 255).byte().numpy())
        grey.save(file, "JPEG", quality=int(rng.integers(12, 50)))
        x = torch.from_numpy(np.asarray(Image.open(file)).copy())[None].float() / 255
    return x.clamp(0, 1) * 100


def _grain(height: int, width: int, rng: np.random.Generator) -> torch.Tensor:
    """Noise [1, h, w], of single pixels or coarser."""
    sigma = rng.uniform(0.01, 0.06)
    fine = rng.normal(0, sigma, (1, height, width)).astype(np.float32)
    if rng.random() < 0.5:
        return torch.from_numpy(fine)
    share = rng.uniform(0.4, 0.9)
    size = (1, 1, max(8, int(height * share)), max(8, int(width * share)))
    coarse = torch.from_numpy(rng.normal(0, sigma / share**0.5, size).astype(np.float32))
    return F.interpolate(coarse, size=(height, width), mode="bicubic")[0]
