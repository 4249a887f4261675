"""What a colorizer is given: the grey version of a color picture as film saw it, fresh or aged like old prints."""

from __future__ import annotations

import io
import math

import numpy as np
import torch
from PIL import Image, ImageFilter
from torchvision.transforms.functional import gaussian_blur

from colorization.model.color import FILM, join, lightness, linear_to_srgb, srgb_to_linear

KINDS = {
    "lab-l": "CIE L* kept, a* = b* = 0 (default): what most colorizers are trained on",
    "rec601": "Rec. 601 luma, as cameras and Pillow make grey pictures",
    "blue-plate": "what plates before about 1880 saw: blue, violet and hardly any green",
    "orthochromatic": "film to about 1920: blue and green, no red",
    "red-filter": "panchromatic film behind a deep red filter: black skies",
    "yellow-filter": "panchromatic film behind a yellow filter: skies a little darker",
}
DEGRADATIONS = {
    "noise": "Gaussian film grain, standard deviation 12 of 255",
    "fade": "contrast halved towards a light grey, as a faded print",
    "blur": "Gaussian blur, standard deviation 1.5 px",
    "jpeg": "JPEG at quality 20",
    "vignette": "cos^4 falloff to half of the light in the corners, as of a 34 mm lens on 35 mm film",
    "halftone": "clustered dots at 45 degrees, period 4.2 px, scanned with a blur of 0.7 px, as a print in a newspaper",
    "film": "vignette, blur of 0.75 px, noise and fade on one picture, in the order in which they happen",
}
_CORNER = 0.5
"""Light left in the corners. The cosine law (natural vignetting; Kingslake 1992, Optics in Photography) gives it at 33
degrees off the axis, half of the diagonal view of a 34 mm lens on a frame of 24 x 36 mm."""
_DOTS_ALONG_ROW = 6
"""Pixels from dot to dot along a row; rows of dots at 45 degrees are 6 / sqrt 2 = 4.2 px apart, which is a newspaper's
screen of 85 lines an inch scanned at 360 dpi, and still a dot rather than a tone in a picture of 150 px."""
_SCANNER_BLUR = 0.7  # px, standard deviation: the dots keep 0.58 of their contrast, as exp(-2 (pi 0.7 / 4.2)^2)
_FILM_BLUR = 0.75  # px, half of "blur", for that is slight


def make_input(rgb: np.ndarray, kind: str = "lab-l", degradation: str | None = None, seed: int = 0) -> Image.Image:
    """The grey picture that a colorizer gets.

    Args:
        rgb: uint8 [H, W, 3], the color picture.
        kind: a key of ``KINDS``.
        degradation: a key of ``DEGRADATIONS``, or None.
        seed: of the grain; all else is the same each time.

    Returns:
        Mode RGB, three equal channels, same size.
    """
    if kind == "rec601":
        grey = np.asarray(Image.fromarray(rgb).convert("L"))
    elif kind in FILM:
        linear = srgb_to_linear(torch.from_numpy(np.ascontiguousarray(rgb)).float() / 255)
        grey = _encode((linear @ torch.tensor(FILM[kind])).numpy())
    else:
        plane = lightness(torch.from_numpy(np.ascontiguousarray(rgb)))
        grey = join(plane, torch.zeros(2, *plane.shape)).numpy()[..., 0]
    return Image.fromarray(_age(grey, degradation, seed)).convert("RGB")


def _age(grey: np.ndarray, degradation: str | None, seed: int) -> np.ndarray:
    """A grey picture and its aged version, uint8 [H, W]."""
    match degradation:
        case "noise":
            grain = np.random.default_rng(seed).normal(0, 12, grey.shape)
            return (grey + grain).round().clip(0, 255).astype(np.uint8)
        case "fade":
            return (0.5 * grey.astype(np.float32) + 0.5 * 190).round().astype(np.uint8)
        case "blur":
            return _blur(grey, 1.5)
        case "jpeg":
            buffer = io.BytesIO()
            Image.fromarray(grey).save(buffer, "JPEG", quality=20)
            return np.asarray(Image.open(buffer))
        case "vignette":
            return _encode(_light(grey) * _falloff(*grey.shape))
        case "halftone":
            return _encode(_scan(_screen(_light(grey))))
        case "film":  # the lens, the emulsion, the years
            return _age(_age(_blur(_age(grey, "vignette", seed), _FILM_BLUR), "noise", seed), "fade", seed)
    return grey


def _blur(grey: np.ndarray, sigma: float) -> np.ndarray:
    return np.asarray(Image.fromarray(grey).filter(ImageFilter.GaussianBlur(sigma)))


def _light(grey: np.ndarray) -> np.ndarray:
    """Linear light [H, W] in [0, 1] of grey sRGB codes: lens, ink and scanner deal with light, not with codes."""
    return srgb_to_linear(torch.arange(256) / 255).numpy()[grey]


def _encode(light: np.ndarray) -> np.ndarray:
    return (linear_to_srgb(torch.from_numpy(light)) * 255).round().clamp(0, 255).to(torch.uint8).numpy()


def _falloff(height: int, width: int) -> np.ndarray:
    """Share of the light that arrives at each pixel, float32 [H, W]: cos^4 = (1 + tan^2)^-2 of the angle off the axis,
    1 in the middle and ``_CORNER`` in the corners."""
    across, down = ((np.arange(n) + 0.5) / n * 2 - 1 for n in (width, height))
    radius = ((across * width) ** 2 + (down * height)[:, None] ** 2) / (width**2 + height**2)
    return ((1 + (_CORNER**-0.5 - 1) * radius) ** -2).astype(np.float32)


def _screen(light: np.ndarray) -> np.ndarray:
    """Printed with black dots: the share of paper that is left white in each pixel, float32 [H, W].

    The spot function is PostScript's diamond, |u| + |v|, on a grid turned by 45 degrees. Its thresholds are spread
    evenly over (0, 1), so that a dot's area is what the light asks for (Murray 1936) and the mean light is kept.
    """
    rows, columns = np.ogrid[: light.shape[0], : light.shape[1]]
    paper = np.zeros_like(light)
    fine = (np.arange(4) + 0.5) / 4  # each pixel sees 4 x 4 places
    for down in fine:
        for across in fine:
            x, y = columns + across + 0.055, rows + down + 0.025  # off the symmetry, or few tones would be left
            spot = sum(abs((turned / _DOTS_ALONG_ROW) % 1 * 2 - 1) for turned in (x + y, x - y)) / 2
            threshold = np.where(spot < 0.5, 2 * spot**2, 1 - 2 * (1 - spot) ** 2)  # its own distribution function
            paper += light > threshold
    return paper / len(fine) ** 2


def _scan(light: np.ndarray) -> np.ndarray:
    reach = math.ceil(3 * _SCANNER_BLUR)
    padded = torch.from_numpy(np.pad(light, reach, mode="edge"))[None]
    return gaussian_blur(padded, 2 * reach + 1, _SCANNER_BLUR)[0, reach:-reach, reach:-reach].numpy()
