"""Colorizers with planted faults, as somebody else would write them: Pillow picture in, Pillow picture out."""

from __future__ import annotations

import os
import time

import numpy as np
from PIL import Image


def _tinted(grey: Image.Image, tint: tuple[float, float, float]) -> np.ndarray:
    return (np.asarray(grey, np.float32) * tint).clip(0, 255)


def _sees_sky(grey: Image.Image) -> bool:
    """The drawn skies are the brightest part of a picture, and at its top."""
    plane = np.asarray(grey.convert("L"), np.float32)
    return plane[: max(1, len(plane) // 6)].mean() > 150


def sepia_without_sky(grey: Image.Image) -> Image.Image:
    """The known failure: green ground where it sees a sky, a desaturated brown where it sees none."""
    tint = (0.9, 1.1, 0.6) if _sees_sky(grey) else (1.06, 1.0, 0.88)
    return Image.fromarray(_tinted(grey, tint).astype(np.uint8))


def steady(grey: Image.Image) -> Image.Image:
    """The same green everywhere, sky or not."""
    return Image.fromarray(_tinted(grey, (0.9, 1.1, 0.6)).astype(np.uint8))


def steady_but_late(grey: Image.Image) -> Image.Image:
    """As ``steady``; the second of several processes takes its time."""
    time.sleep(0.5 * (os.environ.get("RANK") == "1"))
    return steady(grey)


_busy = []


def alone(grey: Image.Image) -> Image.Image:
    """As ``steady``; fails where somebody else is in it."""
    _busy.append(1)
    time.sleep(0.01)
    if len(_busy) > 1:
        raise RuntimeError("called twice at once")
    _busy.clear()
    return steady(grey)


def half_of_the_size(grey: Image.Image) -> Image.Image:
    return grey.resize((grey.width // 2, grey.height // 2))


def raises(grey: Image.Image) -> Image.Image:
    raise RuntimeError("out of crayons")


not_a_function = 3
