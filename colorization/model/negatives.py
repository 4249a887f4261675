"""Recognize a negative, seldom but surely: a landscape is rarely dark above and bright below."""

from __future__ import annotations

import logging

import numpy as np
from PIL import Image

logger = logging.getLogger(__name__)

NOTE = (
    "this looks like a negative; if it is one, invert it first (--invert on the command line, ImageOps.invert in "
    "Python, or any editor of photographs)."
)
# Of darkness above against below, in shares of white, plus a tenth of how far the few go to the bright side. Chosen so
# high that a photograph is seldom taken for a negative.
_LEAST = 0.45
_SIZE = (96, 64)


def looks_negative(rgb: np.ndarray) -> bool:
    """Whether a landscape, uint8 [H, W, 3] of sRGB, looks like a negative: its upper quarter far below its lower half.

    Most negatives are not recognized; what is said to be one nearly always is.
    """
    step = max(1, min(rgb.shape[:2]) // 256)
    picture = Image.fromarray(np.ascontiguousarray(rgb[::step, ::step])).convert("L")
    light = np.asarray(picture.resize(_SIZE, Image.Resampling.BOX)).astype(float) / 255
    below = light[_SIZE[1] // 2 :].mean() - light[: _SIZE[1] // 4].mean()
    skewness = ((light - light.mean()) ** 3).mean() / (light.std() ** 3 + 1e-3)
    return bool(below - 0.1 * skewness > _LEAST)


def warn_of_negative(rgb: np.ndarray, name: str) -> tuple[str, ...]:
    """Log and return the note on what looks like a negative; nothing of other pictures, uint8 [H, W, 3]."""
    if not looks_negative(rgb):
        return ()
    logger.warning("%s: %s", name, NOTE)
    return (NOTE,)
