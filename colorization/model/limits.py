"""How far a person may go, for whoever asks before PyTorch is loaded."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Iterator

from PIL import Image

MAX_VARIANTS = 9
"""Colorings of one picture that can still be told apart."""
MAX_STRENGTH = 10.0
"""Factor on chroma; beyond, sRGB has ended everywhere."""

_pillow_lock = threading.Lock()


@contextlib.contextmanager
def pixel_limit(max_megapixels: float) -> Iterator[None]:
    """Give Pillow our limit while it reads a header; a picture is measured exactly before its pixels are decoded."""
    with _pillow_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, int(min(max_megapixels * 1e6, 2**62))
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before
