"""The tone of a print, such as sepia, which may stay beside the new colors."""

from __future__ import annotations

import numpy as np
import torch

from .color import rgb_to_lab, to_tensor
from .scan_borders import LONG_SIDE, reduced

# Mean chroma of a toned print, CIE units; and how far its colors may be from a function of lightness alone, as a share
# of them (root mean squares): above for 96 of 100 color photographs, below for toned prints saved as JPEG.
_TONED, _OTHER_COLORS = 2.0, 0.2
_STEP = 5  # of L* between the knots of a tone


def tone_of(rgb: np.ndarray) -> torch.Tensor | None:
    """Find the tone of a print (sepia, selenium, cyanotype): ab as a function of lightness.

    Args:
        rgb: uint8 [H, W, 3].

    Returns:
        [2, 101] float32, CIE ab at L* 0, 1, ..., 100; None for a neutral picture, and for one whose colors do not
        follow from lightness, which is no toned print but a color photograph.
    """
    factor = max(1, max(rgb.shape[:2]) // LONG_SIDE)
    lab = rgb_to_lab(to_tensor(reduced(rgb, factor)))[0].flatten(1).numpy()
    chroma = np.hypot(lab[1], lab[2])
    if chroma.mean() < _TONED:
        return None
    knots = np.arange(0, 101, _STEP)
    nearest = np.rint(lab[0] / _STEP).astype(int)
    counts = np.bincount(nearest, minlength=len(knots))
    known = counts > 0
    means = (np.bincount(nearest, plane, minlength=len(knots))[known] / counts[known] for plane in lab[1:])
    tone = np.stack([np.interp(np.arange(101), knots[known], mean) for mean in means])
    rest = lab[1:] - tone[:, np.rint(lab[0]).astype(int).clip(0, 100)]
    if np.square(rest).sum(axis=0).mean() > _OTHER_COLORS**2 * np.square(chroma).mean():
        return None
    return torch.from_numpy(tone).float()
