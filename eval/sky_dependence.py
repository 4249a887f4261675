"""Sky dependence: does a colorizer need to see the sky to dare colour on the ground?

A picture with sky is coloured whole, and again with everything down to the horizon cut away; the same pixels are then
compared. A colorizer that looks at the ground loses nothing. As a control, as much is cut from the left and right: what
is lost there is the price of any crop, not of the sky. The reverse: a picture without sky gets a bright drawn one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image

from colorization.model.color import rgb_to_lab, to_tensor
from colorization.sky import NO_BELOW, SkySegmenter, sky_fraction

from .metrics.colour import ciede2000
from .metrics.sepia import hue_statistics, is_one_hue, is_sepia

_ROW_HAS_SKY = 0.01  # share of a row
_MARGIN = 0.02  # of the height, below the last row with sky
_MIN_SHARE, _MIN_PIXELS = 0.3, 48  # what must remain of the picture
_ADDED = 0.4  # height of the drawn sky, as a share of the picture's

Colour = Callable[[Image.Image], np.ndarray]  # a grey picture to uint8 [H, W, 3]


def horizon(mask: np.ndarray) -> int | None:
    """First row of a picture below its sky, with a margin; None where too little would remain.

    Args:
        mask: sky probability [H, W].
    """
    height = len(mask)
    rows = np.flatnonzero((mask >= 0.5).mean(axis=1) >= _ROW_HAS_SKY)
    if not len(rows):
        return None
    cut = int(rows[-1]) + 1 + round(_MARGIN * height)
    return cut if height - cut >= max(_MIN_SHARE * height, _MIN_PIXELS) else None


def find_cut(truth: np.ndarray, segmenter: SkySegmenter, mask: np.ndarray | None = None) -> int | None:
    """:func:`horizon` of a colour picture, if what is left below it really has no sky; ``mask`` where it is known."""
    cut = horizon(segmenter(truth) if mask is None else mask)
    if cut is None or sky_fraction(segmenter(truth[cut:])) >= NO_BELOW:
        return None
    return cut


def without_sky(
    truth: torch.Tensor, grey: Image.Image, whole: torch.Tensor, cut: int, colour: Colour
) -> dict[str, float]:
    """Compare a result with that of the part below row ``cut``, over the same pixels.

    Args:
        truth: CIE Lab [1, 3, H, W].
        grey: the whole input.
        whole: CIE Lab [1, 3, H, W] of the result for the whole.
        cut: first row that stays.
        colour: the colorizer.
    """
    width, height = grey.size
    before, right = whole[..., cut:, :], truth[..., cut:, :]
    after = _lab(colour(grey.crop((0, cut, width, height)))).to(truth)
    facts_before, facts_after, facts_truth = (hue_statistics(lab) for lab in (before, after, right))
    chroma_whole, chroma_cut = (facts["chroma_mean"].item() for facts in (facts_before, facts_after))
    error_whole, error_cut = (ciede2000(lab, right).mean().item() for lab in (before, after))
    # As many pixels away from the sides: what a crop costs when the sky stays.
    side = round(width * cut / height / 2)
    narrow = colour(grey.crop((side, 0, width - side, height)))
    chroma_control = hue_statistics(_lab(narrow[cut:]))["chroma_mean"].item()
    chroma_whole_control = hue_statistics(before[..., side : width - side])["chroma_mean"].item()
    return {
        "cut": cut / height,
        "chroma_whole": chroma_whole,
        "chroma_cut": chroma_cut,
        "chroma_truth": facts_truth["chroma_mean"].item(),
        "lost": 1 - chroma_cut / max(chroma_whole, 1e-6) if chroma_whole > 0.5 else 0.0,
        "chroma_whole_control": chroma_whole_control,
        "chroma_control": chroma_control,
        "lost_control": 1 - chroma_control / max(chroma_whole_control, 1e-6) if chroma_whole_control > 0.5 else 0.0,
        "delta_e_whole": error_whole,
        "delta_e_cut": error_cut,
        "delta_e_rise": error_cut - error_whole,
        "sepia_whole": float(is_sepia(facts_before).item()),
        "sepia_cut": float(is_sepia(facts_after).item()),
        "one_hue_whole": float(is_one_hue(facts_before).item()),
        "one_hue_cut": float(is_one_hue(facts_after).item()),
        "one_hue_truth": float(is_one_hue(facts_truth).item()),
    }


def with_added_sky(grey: Image.Image, alone: torch.Tensor, colour: Colour) -> dict[str, float]:
    """Compare a result without sky with that of the same picture under a drawn sky: bright, smooth, brighter below.

    Args:
        grey: the input.
        alone: CIE Lab [1, 3, H, W] of its result.
        colour: the colorizer.
    """
    added = round(_ADDED * grey.height)
    ramp = np.linspace(190, 235, added).round().astype(np.uint8)[:, None, None]
    canvas = np.concatenate((np.broadcast_to(ramp, (added, grey.width, 3)), np.asarray(grey)))
    under = colour(Image.fromarray(canvas))[added:]
    chroma_alone, chroma_under = (hue_statistics(lab)["chroma_mean"].item() for lab in (alone, _lab(under)))
    return {
        "chroma_alone": chroma_alone,
        "chroma_under_sky": chroma_under,
        "gained": chroma_under / max(chroma_alone, 1e-6) - 1 if chroma_alone > 0.5 else 0.0,
    }


def _lab(rgb: np.ndarray) -> torch.Tensor:
    """uint8 [H, W, 3] to CIE Lab [1, 3, H, W]."""
    return rgb_to_lab(to_tensor(rgb))
