"""What a colorizer is given: the grey version of a colour picture, fresh or aged like old prints."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image, ImageFilter

from colorization.color import join, lightness

KINDS = {
    "lab-l": "CIE L* kept, a* = b* = 0 (default): what most colorizers are trained on",
    "rec601": "Rec. 601 luma, as cameras and Pillow make grey pictures",
}
DEGRADATIONS = {
    "noise": "Gaussian film grain, standard deviation 12 of 255",
    "fade": "contrast halved towards a light grey, as a faded print",
    "blur": "Gaussian blur, standard deviation 1.5 px",
    "jpeg": "JPEG at quality 20",
}


def make_input(rgb: np.ndarray, kind: str = "lab-l", degradation: str | None = None, seed: int = 0) -> Image.Image:
    """The grey picture that a colorizer gets.

    Args:
        rgb: uint8 [H, W, 3], the colour picture.
        kind: a key of ``KINDS``.
        degradation: a key of ``DEGRADATIONS``, or None.
        seed: of the grain.

    Returns:
        Mode RGB, three equal channels, same size.
    """
    if kind == "rec601":
        grey = np.asarray(Image.fromarray(rgb).convert("L"))
    else:
        plane = lightness(torch.from_numpy(np.ascontiguousarray(rgb)))
        grey = join(plane, torch.zeros(2, *plane.shape)).numpy()[..., 0]
    if degradation == "noise":
        grain = np.random.default_rng(seed).normal(0, 12, grey.shape)
        grey = (grey + grain).round().clip(0, 255).astype(np.uint8)
    elif degradation == "fade":
        grey = (0.5 * grey.astype(np.float32) + 0.5 * 190).round().astype(np.uint8)
    elif degradation == "blur":
        grey = np.asarray(Image.fromarray(grey).filter(ImageFilter.GaussianBlur(1.5)))
    elif degradation == "jpeg":
        buffer = io.BytesIO()
        Image.fromarray(grey).save(buffer, "JPEG", quality=20)
        grey = np.asarray(Image.open(buffer))
    return Image.fromarray(grey).convert("RGB")
