"""What the network is shown of a photograph: small, of its true aspect, and without the dots of a print.

In NumPy and Pillow alone, so that a model has the same eyes under PyTorch and under ONNX Runtime.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from .halftone import descreen
from .srgb import lightness


def working_shape(height: int, width: int, working_size: int, multiple: int) -> tuple[int, int]:
    """Find the height and width, multiples of ``multiple``, at which the network sees a picture.

    They have the picture's aspect and about working_size**2 pixels.
    """
    scale = working_size / math.sqrt(height * width)

    def fit(length: int) -> int:
        # At most 16 times the side: the network's cost stays bounded for a strip of a picture too.
        return min(max(round(length * scale / multiple), 1), 16 * working_size // multiple) * multiple

    return fit(height), fit(width)


def shrink(picture: Image.Image | np.ndarray, height: int, width: int) -> np.ndarray:
    """Reduce a picture of mode L or RGB, or uint8 [H, W] or [H, W, 3], antialiased, to uint8 [height, width, 3].

    A large one is first reduced by a whole factor, which is much faster.
    """
    picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0).convert("RGB"))


def see(picture: Image.Image | np.ndarray, height: int, width: int) -> np.ndarray:
    """Make L* [height, width] float32 of a picture as :func:`shrink` takes it."""
    return descreen(lightness(shrink(picture, height, width)))
