"""The plain border that a scan of an old print or plate brings along, found so that it can stay neutral."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .srgb import lightness

Box = tuple[int, int, int, int]
"""left, top, right, bottom in pixels, as Pillow has it."""
Corners = tuple[tuple[float, float], ...]
"""Four points in shares of width and height, clockwise from the upper left."""
Outline = tuple[Corners, ...]
"""Corners of each picture of a scan."""

LONG_SIDE = 1024  # px; borders and tones are looked for on a picture reduced to about this
# A border, in units of L* and shares of a side. Measured on drawn plates and on photographs without any border.
SAME = 6.0  # from the border's level
_PLAIN = 0.92  # of a row must be of that level; the rest is dust
_WRITTEN = 0.3  # of a row that has writing on it, between plain ones
_STEP = 8.0  # at the inner edge, in the median over the row: a sky fades, a border ends
_EDGE = 3  # px of the reduced picture within which it ends
_SHORTEST, _LONGEST = 0.008, 0.25  # of the side
_DARK, _LIGHT = 14.0, 86.0  # between these a border must go round all four sides: skies and lakes can be plain too
_NESTED = 3  # the scanner's background, the mount, the print
# A plate askew: slopes of its sides, at least how many columns of a side lie on its line, and how alike slopes are.
_LEAST_SLOPE, _LARGEST_SLOPE, _SLOPE_STEP = 0.003, 0.062, 0.001
_ON_LINE, _ALIKE, _NEARLY = 0.4, 0.004, 0.97
_WEDGE, _BLACK_AND_WHITE = 8, 0.6  # rows at the edge, and the share of them, where a plate leaves wedges


def find_picture(rgb: np.ndarray) -> Box:
    """The smallest upright box around the picture inside of a plain border, see :func:`find_outline`."""
    return find_outline(rgb)[0]


def find_outline(rgb: np.ndarray) -> tuple[Box, Outline | None]:
    """The picture inside of a plain border, or the whole where there is none.

    A border is a run of rows or columns from the edge inwards, plain and of one lightness, that ends in a sharp and
    straight step. It must be on two opposite sides at least, and on all four where it is neither near black nor near
    white. It may lie askew, by up to 3.5 degrees.

    Args:
        rgb: uint8 [H, W, 3].

    Returns:
        left, top, right, bottom of a box around the picture; and its corners where it lies askew in that, else None.
    """
    height, width = rgb.shape[:2]
    factor = max(1, max(height, width) // LONG_SIDE)
    if not _may_have_borders(rgb, factor):  # nearly always, and told without reading all of the picture
        return (0, 0, width, height), None
    small = lightness(reduced(rgb, factor))
    box, corners = (0, 0, small.shape[1], small.shape[0]), None
    for _ in range(_NESTED):
        left, top, right, bottom = box
        plane = small[top:bottom, left:right]
        corners = _find_askew(plane)
        if corners is not None:
            corners = (corners + np.array((left, top))) * factor
            break
        inner = shrink(plane, box)
        if inner == box:
            break
        box = inner
    if corners is None:
        # A reduced pixel that is partly border counts as border.
        ends = [
            side if at == whole else at * factor
            for at, whole, side in zip(box[2:], small.shape[::-1], (width, height), strict=True)
        ]
        return (box[0] * factor, box[1] * factor, *ends), None
    (left, top), (right, bottom) = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
    inside = max(0, int(left)), max(0, int(top)), min(width, int(right)), min(height, int(bottom))
    return inside, (tuple((float(x) / width, float(y) / height) for x, y in corners),)


def draw_outline(outline: Outline, size: tuple[int, int], inside: Box) -> Image.Image:
    """Draw where the pictures are, as a mask of the size of ``inside``, of a photograph of ``size``."""
    mask = Image.new("L", (inside[2] - inside[0], inside[3] - inside[1]))
    for corners in outline:
        points = [(x * size[0] - inside[0] - 0.5, y * size[1] - inside[1] - 0.5) for x, y in corners]
        ImageDraw.Draw(mask).polygon(points, fill=255)
    return mask


def _may_have_borders(rgb: np.ndarray, factor: int) -> bool:
    """Whether the outermost rows of the reduced picture are such, on two opposite sides, as borders must be.

    Two that are plain, or a few of black and white only: a plate that lies askew leaves wedges of what it lies on.
    """
    turned = rgb.swapaxes(0, 1)

    def plain(rows: np.ndarray) -> bool:
        plane = lightness(reduced(rows[: _WEDGE * factor], factor))
        level = np.abs(plane[:2] - np.median(plane[:2])) <= SAME
        extreme = (plane <= _DARK) | (plane >= _LIGHT)
        return bool((level.mean(axis=1) >= _PLAIN).all() or extreme.mean() >= _BLACK_AND_WHITE)

    return (plain(rgb) and plain(rgb[::-1])) or (plain(turned) and plain(turned[::-1]))


def reduced(rgb: np.ndarray, factor: int) -> np.ndarray:
    """Reduce uint8 [H, W, 3] by a whole factor."""
    if factor == 1:
        return np.array(rgb, order="C")
    return np.array(Image.fromarray(np.ascontiguousarray(rgb)).reduce(factor))


def _find_askew(plane: np.ndarray) -> np.ndarray | None:
    """Corners [4, 2] of a picture whose border in L* [h, w] lies askew, in its pixels; None where there is none."""
    height, width = plane.shape
    slope = _slope(plane)
    if slope is None:
        return None
    angle = np.arctan(slope)
    cos, sin = np.cos(angle), np.sin(angle)
    size = width + int(np.ceil(height * abs(sin))), height + int(np.ceil(width * abs(sin)))
    turn = np.array(((cos, -sin), (sin, cos)))
    shift = np.array((width, height)) / 2 - turn @ (np.array(size) / 2)
    affine = (*turn[0], shift[0], *turn[1], shift[1])
    # What lies outside of the scan is of no lightness, and as plain as any.
    turned = Image.fromarray(plane).transform(
        size, Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR, fillcolor=float("nan")
    )
    upright = np.asarray(turned)
    known = ~np.isnan(upright)
    rows, columns = known.any(axis=1).nonzero()[0], known.any(axis=0).nonzero()[0]
    box = whole = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    for _ in range(_NESTED):
        # The slope is right to a pixel or two, in which the border outside still shows.
        left, top, right, bottom = (
            at + _EDGE * way * (at != first) for at, first, way in zip(box, whole, (1, 1, -1, -1), strict=True)
        )
        inner = shrink(upright[top:bottom, left:right], (left, top, right, bottom), shortest=0)
        if inner == (left, top, right, bottom):
            break
        box = inner
    if box == whole:
        return None
    left, top, right, bottom = box
    return np.array(((left, top), (right, top), (right, bottom), (left, bottom))) @ turn.T + shift


def _slope(plane: np.ndarray) -> float | None:
    """Slope of what is level in a plate that lies askew, downwards to the right; None where it does not."""
    votes = []
    for rows, sign in ((plane, 1), (plane[::-1], -1), (plane.T, -1), (plane.T[::-1], 1)):
        if (line := _line(rows)) is not None:
            votes.append((sign * line[0], line[1]))
    best: list[tuple[float, float]] = []
    for slope, _ in votes:
        alike = [vote for vote in votes if abs(vote[0] - slope) <= _ALIKE]
        best = max(best, alike, key=lambda group: sum(weight for _, weight in group))
    if len(best) < 2:
        return None
    slope = sum(slope * weight for slope, weight in best) / sum(weight for _, weight in best)
    return slope if _LEAST_SLOPE <= abs(slope) <= _LARGEST_SLOPE else None


def _line(rows: np.ndarray) -> tuple[float, float] | None:
    """Slope of the line at which columns of L* [h, w], from the first row inwards, leave their level for good.

    Returns:
        The slope, and the share of the columns that end on that line; None where no line has enough of them.
    """
    height, width = rows.shape
    if min(height, width) < 32:
        return None
    columns = np.arange(width // 10, width - width // 10)
    part = rows[: int(_LONGEST * height) + 1, columns]
    far = np.abs(part - part[:2].mean(axis=0)) > _STEP
    left = far[:-1] & far[1:]
    depths, whole = left.argmax(axis=0), len(columns)
    ends = depths > 2  # of the first two rows the level is made
    columns, depths = columns[ends], depths[ends]
    if len(columns) < _ON_LINE * whole:
        return None
    slopes = np.arange(-_LARGEST_SLOPE, _LARGEST_SLOPE + _SLOPE_STEP, _SLOPE_STEP)
    most = np.empty(len(slopes))
    for number, slope in enumerate(slopes):
        offsets = depths - slope * (columns - width / 2)
        counts = np.bincount((offsets - offsets.min()).astype(int))
        most[number] = (counts[:-1] + counts[1:]).max(initial=counts[0])
    if most.max() < _ON_LINE * whole:
        return None
    return float(slopes[most >= _NEARLY * most.max()].mean()), most.max() / whole


def shrink(plane: np.ndarray, box: Box, shortest: float = _SHORTEST) -> Box:
    """A box without the borders at the edges of its own L* [h, w]; the box itself where there are none."""
    before, after, above, below = _borders(plane, shortest)
    return box[0] + before, box[1] + above, box[2] - after, box[3] - below


def _borders(plane: np.ndarray, shortest: float) -> tuple[int, int, int, int]:
    """Widths of the borders at left, right, top and bottom of L* [h, w]; 0 for none and for shares below a shortest."""
    if min(plane.shape) < 8:
        return 0, 0, 0, 0
    edges = plane.T, plane.T[::-1], plane, plane[::-1]
    sides = [_border(edge, shortest) for edge in edges]
    # A margin with writing, or with what the turning left, where a border goes all round.
    if any(sides) or not shortest:
        written = [_border(edge, shortest, written=True) for edge in edges]
        levels = [side[1] for side in written if side]
        if len(levels) == len(written) and np.ptp(levels) <= SAME:
            sides = written
    pairs = [
        one and other and abs(one[1] - other[1]) <= SAME for one, other in ((sides[0], sides[1]), (sides[2], sides[3]))
    ]
    if not any(pairs):
        return 0, 0, 0, 0
    _, level = (sides[0] if pairs[0] else sides[2]) or (0, 0.0)
    left, right, top, bottom = (side[0] if side and abs(side[1] - level) <= SAME else 0 for side in sides)
    if not (left and right and top and bottom) and _DARK < level < _LIGHT:
        return 0, 0, 0, 0
    return left, right, top, bottom


def _border(rows: np.ndarray, shortest: float, written: bool = False) -> tuple[int, float] | None:
    """Width and level of a border at the first rows of L* [h, w], which go inwards; what is not a number fits any."""
    height, width = rows.shape
    first = rows[:2][~np.isnan(rows[:2])]
    if first.size == 0:
        return None
    level = float(np.median(first))
    reach = int(_LONGEST * height) + 1
    share = 1 - (np.abs(rows[:reach] - level) > SAME).mean(axis=1)
    # Up to the last plain row before the first that is not; of a written margin, before one that is not even written.
    last = share < (_WRITTEN if written else _PLAIN)
    end = int(last.argmax()) if last.any() else reach
    run = int((share[:end] >= _PLAIN).nonzero()[0].max(initial=-1)) + 1
    if run < max(2, shortest * height) or run >= reach:
        return None
    # The corners may belong to the borders of the other sides.
    middle = slice(width // 5, width - width // 5)
    inside = np.abs(rows[run : min(run + _EDGE, height - 1) + 1, middle] - level)
    near = np.abs(rows[max(run - _EDGE, 0) : run, middle] - level)
    known = ~np.isnan(inside).all(axis=0) & ~np.isnan(near).all(axis=0)
    if not known.any():
        return None
    if np.median(np.nanmax(inside[:, known], axis=0) - np.nanmin(near[:, known], axis=0)) < _STEP:
        return None
    # Rows of the edge itself, half border and half picture, belong to neither: they stay grey with the border.
    like_border = (inside[:_EDGE] < _STEP).mean(axis=1) >= 0.5
    return run + int(like_border.sum()), level
