"""Sky dependence: does a colorizer need to see the sky to dare color on the ground?

A picture with sky is colored whole, and again with everything down to the horizon cut away; the same pixels are then
compared. A colorizer that looks at the ground loses nothing. As a control, as much is cut from the left and right: what
is lost there is the price of any crop, not of the sky. The reverse: a picture without sky gets a bright drawn one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

from colorization.model.color import rgb_to_lab, to_tensor
from colorization.sky import NO_BELOW, SkySegmenter, sky_fraction

from .metrics.colors import ciede2000
from .metrics.sepia import hue_statistics, is_one_hue, is_sepia

_ROW_HAS_SKY = 0.01  # share of a row
_MARGIN = 0.02  # of the height, below the last row with sky
_MIN_SHARE, _MIN_PIXELS = 0.3, 48  # what must remain of the picture
_ADDED = 0.4  # height of the drawn sky, as a share of the picture's


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


def find_cuts(
    truths: Sequence[np.ndarray], masks: Sequence[np.ndarray | None], segmenter: SkySegmenter
) -> list[int | None]:
    """:func:`horizon` of color pictures, None where what is left below it still has sky.

    Args:
        truths: uint8 [H, W, 3].
        masks: of each, None where it is not known.
        segmenter: asked for the masks that are not known, and for what is left.
    """
    unknown = [place for place, mask in enumerate(masks) if mask is None]
    asked = segmenter.masks([truths[place] for place in unknown]) if unknown else []
    known = {place: mask for place, mask in enumerate(masks) if mask is not None}
    known |= dict(zip(unknown, asked, strict=True))
    cuts = [horizon(known[place]) for place in range(len(truths))]
    cut = [place for place, row in enumerate(cuts) if row is not None]
    left = segmenter.masks([truths[place][cuts[place] :] for place in cut]) if cut else []
    for place, mask in zip(cut, left, strict=True):
        if sky_fraction(mask) >= NO_BELOW:
            cuts[place] = None
    return cuts


def cut_parts(grey: Image.Image, cut: int) -> list[Image.Image]:
    """The part of a picture below row ``cut``, and the control: as many pixels taken from its sides."""
    side = round(grey.width * cut / grey.height / 2)
    return [grey.crop((0, cut, grey.width, grey.height)), grey.crop((side, 0, grey.width - side, grey.height))]


def without_sky(
    truth: torch.Tensor, whole: torch.Tensor, cut: int, below: np.ndarray, narrow: np.ndarray
) -> dict[str, float]:
    """Compare a result with those of its parts, over the same pixels.

    Args:
        truth: CIE Lab [1, 3, H, W].
        whole: CIE Lab [1, 3, H, W] of the result for the whole.
        cut: first row that stays.
        below: uint8 result of the first of :func:`cut_parts`.
        narrow: of the second.
    """
    before, right = whole[..., cut:, :], truth[..., cut:, :]
    after = _lab(below).to(truth)
    facts_before, facts_after, facts_truth = (hue_statistics(lab) for lab in (before, after, right))
    chroma_whole, chroma_cut = (facts["chroma_mean"].item() for facts in (facts_before, facts_after))
    error_whole, error_cut = (ciede2000(lab, right).mean().item() for lab in (before, after))
    # What a crop costs when the sky stays.
    side, width = (whole.shape[-1] - narrow.shape[1]) // 2, narrow.shape[1]
    chroma_control = hue_statistics(_lab(narrow[cut:]))["chroma_mean"].item()
    chroma_whole_control = hue_statistics(before[..., side : side + width])["chroma_mean"].item()
    return {
        "cut": cut / whole.shape[-2],
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


def under_sky(grey: Image.Image) -> Image.Image:
    """A picture below a drawn sky: bright, smooth, brighter below."""
    added = round(_ADDED * grey.height)
    ramp = np.linspace(190, 235, added).round().astype(np.uint8)[:, None, None]
    return Image.fromarray(np.concatenate((np.broadcast_to(ramp, (added, grey.width, 3)), np.asarray(grey))))


def with_added_sky(alone: torch.Tensor, under: np.ndarray) -> dict[str, float]:
    """Compare a result without sky with that of the same picture under a drawn one.

    Args:
        alone: CIE Lab [1, 3, H, W] of its result.
        under: uint8 result of :func:`under_sky`.
    """
    under = under[len(under) - alone.shape[-2] :]
    chroma_alone, chroma_under = (hue_statistics(lab)["chroma_mean"].item() for lab in (alone, _lab(under)))
    return {
        "chroma_alone": chroma_alone,
        "chroma_under_sky": chroma_under,
        "gained": chroma_under / max(chroma_alone, 1e-6) - 1 if chroma_alone > 0.5 else 0.0,
    }


def _lab(rgb: np.ndarray) -> torch.Tensor:
    """uint8 [H, W, 3] to CIE Lab [1, 3, H, W]."""
    return rgb_to_lab(to_tensor(rgb))
