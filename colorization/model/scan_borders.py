"""What scans of old prints and plates bring along: a plain border around the picture, and the tone of the print."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from .color import lightness, rgb_to_lab, to_tensor

Box = tuple[int, int, int, int]
"""left, top, right, bottom in pixels, as Pillow has it."""

_LONG_SIDE = 1024  # px; borders and tones are looked for on a picture reduced to about this
# A border, in units of L* and shares of a side. Measured on drawn plates and on photographs without any border.
_SAME = 6.0  # from the border's level
_PLAIN = 0.92  # of a row must be of that level; the rest is dust and writing
_STEP = 8.0  # at the inner edge, in the median over the row: a sky fades, a border ends
_EDGE = 3  # px of the reduced picture within which it ends
_SHORTEST, _LONGEST = 0.008, 0.25  # of the side
_DARK, _LIGHT = 14.0, 86.0  # between these a border must go round all four sides: skies and lakes can be plain too
_NESTED = 3  # the scanner's background, the mount, the print
# A tone: mean chroma of the print, CIE units; and how far its colours may be from a function of lightness alone, as a
# share of them (root mean squares): above for 96 of 100 colour photographs, below for toned prints saved as JPEG.
_TONED, _OTHER_COLOURS = 2.0, 0.2
_TONE_STEP = 5  # of L* between the knots of a tone


def find_picture(rgb: np.ndarray) -> Box:
    """The picture inside of a plain border, or the whole where there is none.

    A border is a run of rows or columns from the edge inwards, plain and of one lightness, that ends in a sharp and
    straight step. It must be on two opposite sides at least, and on all four where it is neither near black nor near
    white.

    Args:
        rgb: uint8 [H, W, 3].

    Returns:
        left, top, right, bottom.
    """
    height, width = rgb.shape[:2]
    factor = max(1, max(height, width) // _LONG_SIDE)
    if not _may_have_borders(rgb, factor):  # nearly always, and told without reading all of the picture
        return 0, 0, width, height
    small = lightness(torch.from_numpy(_reduced(rgb, factor))).numpy()
    left, top, right, bottom = 0, 0, small.shape[1], small.shape[0]
    for _ in range(_NESTED):
        before, after, above, below = _borders(small[top:bottom, left:right])
        if not any((before, after, above, below)):
            break
        left, top, right, bottom = left + before, top + above, right - after, bottom - below
    # A reduced pixel that is partly border counts as border.
    return (
        left * factor,
        top * factor,
        width if right == small.shape[1] else right * factor,
        height if bottom == small.shape[0] else bottom * factor,
    )


def _may_have_borders(rgb: np.ndarray, factor: int) -> bool:
    """Whether the outermost two rows of the reduced picture are plain on two opposite sides, as borders must be."""
    height, width = rgb.shape[:2]
    below, right = (max(0, (-(-side // factor) - 2) * factor) for side in (height, width))
    edges = rgb[: 2 * factor], rgb[below:], rgb[:, : 2 * factor], rgb[:, right:]

    def plain(edge: np.ndarray, axis: int) -> bool:
        plane = lightness(torch.from_numpy(_reduced(edge, factor))).numpy()
        return bool(((np.abs(plane - np.median(plane)) <= _SAME).mean(axis=axis) >= _PLAIN).all())

    above_and_below = plain(edges[0], 1) and plain(edges[1], 1)
    return above_and_below or (plain(edges[2], 0) and plain(edges[3], 0))


def _reduced(rgb: np.ndarray, factor: int) -> np.ndarray:
    if factor == 1:
        return np.ascontiguousarray(rgb)
    return np.array(Image.fromarray(np.ascontiguousarray(rgb)).reduce(factor))


def _borders(plane: np.ndarray) -> tuple[int, int, int, int]:
    """Widths of the borders at left, right, top and bottom of L* [h, w]; 0 for none."""
    if min(plane.shape) < 8:
        return 0, 0, 0, 0
    sides = [_border(side) for side in (plane.T, plane.T[::-1], plane, plane[::-1])]
    pairs = [
        one and other and abs(one[1] - other[1]) <= _SAME for one, other in ((sides[0], sides[1]), (sides[2], sides[3]))
    ]
    if not any(pairs):
        return 0, 0, 0, 0
    _, level = (sides[0] if pairs[0] else sides[2]) or (0, 0.0)
    left, right, top, bottom = (side[0] if side and abs(side[1] - level) <= _SAME else 0 for side in sides)
    if not (left and right and top and bottom) and _DARK < level < _LIGHT:
        return 0, 0, 0, 0
    return left, right, top, bottom


def _border(rows: np.ndarray) -> tuple[int, float] | None:
    """Width and level of a border at the first rows of L* [h, w], which go inwards."""
    height, width = rows.shape
    level = float(np.median(rows[:2]))
    reach = int(_LONGEST * height) + 1
    plain = (np.abs(rows[:reach] - level) <= _SAME).mean(axis=1) >= _PLAIN
    run = int(plain.argmin()) if not plain.all() else reach
    if run < max(2, _SHORTEST * height) or run >= reach:
        return None
    # The corners may belong to the borders of the other sides.
    middle = slice(width // 5, width - width // 5)
    inside = rows[run : min(run + _EDGE, height - 1) + 1, middle]
    step = np.abs(inside - level).max(axis=0)
    fade = np.abs(rows[max(run - _EDGE, 0) : run, middle] - level).min(axis=0)
    if np.median(step - fade) < _STEP:
        return None
    # Rows of the edge itself, half border and half picture, belong to neither: they stay grey with the border.
    like_border = (np.abs(inside[:_EDGE] - level) < _STEP).mean(axis=1) >= 0.5
    return run + int(like_border.sum()), level


def tone_of(rgb: np.ndarray) -> torch.Tensor | None:
    """The tone of a print (sepia, selenium, cyanotype): ab as a function of lightness.

    Args:
        rgb: uint8 [H, W, 3].

    Returns:
        [2, 101] float32, CIE ab at L* 0, 1, ..., 100; None for a neutral picture, and for one whose colours do not
        follow from lightness, which is no toned print but a colour photograph.
    """
    factor = max(1, max(rgb.shape[:2]) // _LONG_SIDE)
    lab = rgb_to_lab(to_tensor(_reduced(rgb, factor)))[0].flatten(1).numpy()
    chroma = np.hypot(lab[1], lab[2])
    if chroma.mean() < _TONED:
        return None
    knots = np.arange(0, 101, _TONE_STEP)
    nearest = np.rint(lab[0] / _TONE_STEP).astype(int)
    counts = np.bincount(nearest, minlength=len(knots))
    known = counts > 0
    means = (np.bincount(nearest, plane, minlength=len(knots))[known] / counts[known] for plane in lab[1:])
    tone = np.stack([np.interp(np.arange(101), knots[known], mean) for mean in means])
    rest = lab[1:] - tone[:, np.rint(lab[0]).astype(int).clip(0, 100)]
    if np.square(rest).sum(axis=0).mean() > _OTHER_COLOURS**2 * np.square(chroma).mean():
        return None
    return torch.from_numpy(tone).float()
