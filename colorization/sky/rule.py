"""The rule from a mask of the sky to a word: "yes", "no" or "uncertain"."""

from __future__ import annotations

import numpy as np

NO_BELOW = 0.02
YES_FROM = 0.05
"""The rule of :func:`sky_label`: thresholds on the share of the picture that is sky, chosen on train and validation."""


def sky_fraction(mask: np.ndarray) -> float:
    """Share of the pixels of ``mask`` [H, W] in [0, 1] that are more likely sky than not."""
    return float((np.asarray(mask) >= 0.5).mean())


def sky_label(fraction: float) -> str:
    """The one rule: below ``NO_BELOW`` of the picture "no", from ``YES_FROM`` on "yes", between them "uncertain"."""
    if fraction < NO_BELOW:
        return "no"
    return "yes" if fraction >= YES_FROM else "uncertain"
