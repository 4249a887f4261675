"""Several pictures on one scan: the halves of a stereo card, the photographs on a page of an album."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from .scan_borders import LONG_SIDE, SAME, Box, Outline, find_outline, reduced, shrink
from .srgb import lightness

# Of a line of paper between pictures, and of what is a picture; units of L*, and shares.
_PAPER, _NO_PAPER, _PLAIN = 0.95, 0.85, 0.92  # of a line that is paper; of one beside it that is not; of an edge
_NARROWEST = 0.008  # of the side; a gap
_SMALLEST, _COVERED = 0.12, 0.25  # side of a picture of the page's shorter one; area of all pictures of the page
_LIKE_PAPER, _WRITTEN = 0.5, 0.85  # of a picture looks like paper at most; of writing more does
_LARGEST_ASPECT = 4.0
_EDGE, _SHARP = 3, 0.7  # lines at a side of a picture, of which one holds so little paper
_DEEPEST, _NESTED, _BLURRED = 4, 3, 2  # cuts within cuts; page on ground; px at an edge
# Halves of a stereo card: width of one over its height, where the gap is, and how alike they are. Of 700 photographs
# without a gap the halves reach 0.46.
_NARROW_HALF, _WIDE_HALF = 0.55, 1.5
_MIDDLE = (0.4, 0.6)
_ALIKE = 0.55
_SIDE, _SHIFT = 64, 10  # px at which halves are compared, and by which they may lie apart


@dataclass(frozen=True)
class Scan:
    """Where the pictures of a scan are.

    Attributes:
        inside: left, top, right, bottom of a box around all of them, in pixels.
        outline: corners of each, where they do not fill that box; else None.
        pictures: boxes of several pictures, in pixels; empty where there is one.
        alike: whether they show the same, as the halves of a stereo card do.
    """

    inside: Box
    outline: Outline | None = None
    pictures: tuple[Box, ...] = ()
    alike: bool = False


def find_scan(rgb: np.ndarray) -> Scan:
    """Find the pictures of a scan, uint8 [H, W, 3]; one that fills all of it where nothing else is seen."""
    height, width = rgb.shape[:2]
    inside, askew = find_outline(rgb)
    if askew:
        return Scan(inside, askew)
    if not (_may_be_page(rgb) or _may_have_gap(rgb[inside[1] : inside[3], inside[0] : inside[2]])):
        return Scan(inside)  # nearly always, and told without reading all of the picture
    factor = max(1, max(height, width) // LONG_SIDE)
    plane = lightness(reduced(rgb, factor))
    left, top, right, bottom = (at // factor for at in inside)
    pictures, alike = _halves(plane, (left, top, right, bottom)), True
    if not pictures:
        pictures, alike = _on_paper(plane), False
    if not pictures:
        return Scan(inside)
    boxes = []
    for one in pictures:
        # A reduced pixel at the edge may be partly paper; the last one may stand for fewer.
        first = ((at + 1) * factor for at in one[:2])
        last = (min((at - 1) * factor, side) for at, side in zip(one[2:], (width, height), strict=True))
        boxes.append((*first, *last))
    around = tuple(f(one[at] for one in boxes) for at, f in enumerate((min, min, max, max)))
    outline = []
    for left, top, right, bottom in boxes:
        corners = ((left, top), (right, top), (right, bottom), (left, bottom))
        outline.append(tuple((x / width, y / height) for x, y in corners))
    return Scan(around, tuple(outline), tuple(boxes), alike)


def _may_be_page(rgb: np.ndarray) -> bool:
    """Whether all four edges are plain and of one lightness."""
    factor = max(1, max(rgb.shape[:2]) // LONG_SIDE)
    levels = []
    for rows in (rgb, rgb[::-1], rgb.swapaxes(0, 1), rgb[:, ::-1].swapaxes(0, 1)):
        line = np.array(rows[: 2 * factor : factor, ::factor], order="C")
        levels.append(_level(lightness(line)))
    return None not in levels and np.ptp(np.array(levels, float)) <= SAME


def _level(lines: np.ndarray) -> float | None:
    """The lightness of plain lines; None of others."""
    level = float(np.median(lines))
    return level if (np.abs(lines - level) <= SAME).mean() >= _PLAIN else None


def _may_have_gap(rgb: np.ndarray) -> bool:
    """Whether some columns in the middle are plain, as between the halves of a stereo card."""
    height, width = rgb.shape[:2]
    if not 2 * _NARROW_HALF <= width / height <= 2.3 * _WIDE_HALF or min(rgb.shape[:2]) < 64:
        return False
    first, last = (int(share * width) for share in _MIDDLE)
    across = max(1, round(_NARROWEST * width / 4))
    part = np.array(rgb[:: max(1, height // 128), first:last:across], order="C")
    return bool(_plain_columns(lightness(part)).any())


def _plain_columns(plane: np.ndarray) -> np.ndarray:
    return (np.abs(plane - np.median(plane, axis=0)) <= SAME).mean(axis=0) >= _PAPER


def _halves(plane: np.ndarray, box: Box) -> tuple[Box, ...]:
    """Both halves of a stereo card in a box of L*, or nothing."""
    left, top, right, bottom = box
    part = plane[top:bottom, left:right]
    height, width = part.shape
    if min(height, width) < 64:
        return ()
    plain = _plain_columns(part)
    for first, last in _runs(plain):
        if last - first < max(2, _NARROWEST * width) or last - first > 0.2 * width:
            continue
        if not (_MIDDLE[0] * width <= (first + last) / 2 <= _MIDDLE[1] * width):
            continue
        sides = part[:, :first], part[:, last:]
        if not all(_NARROW_HALF <= side.shape[1] / height <= _WIDE_HALF for side in sides):
            continue
        if _likeness(*sides) >= _ALIKE:
            paper = np.abs(plane - np.median(part[:, first:last])) <= SAME  # of the mount, where it is left
            halves = (left, top, left + first, bottom), (left + last, top, right, bottom)
            return tuple(one for half in halves for one in _cut(paper, half, 0))
    return ()


def _likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Largest correlation of the details of two pictures over small shifts, without what is level in both."""

    def details(plane: np.ndarray) -> np.ndarray:
        small = Image.fromarray(np.ascontiguousarray(plane, np.float32)).resize((_SIDE, _SIDE), Image.Resampling.BOX)
        coarse = small.resize((6, 6), Image.Resampling.BOX).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
        rest = np.asarray(small) - np.asarray(coarse)
        return rest - rest.mean(axis=1, keepdims=True)

    first, second = details(one)[2:-2, _SHIFT:-_SHIFT], details(other)
    first = first - first.mean()
    height, width = first.shape
    best = 0.0
    for down in range(5):
        for across in range(2 * _SHIFT + 1):
            there = second[down : down + height, across : across + width]
            there = there - there.mean()
            scale = np.sqrt((first**2).sum() * (there**2).sum())
            best = max(best, float((first * there).sum() / max(scale, 1e-6)))
    return best


def _on_paper(plane: np.ndarray) -> tuple[Box, ...]:
    """Photographs on a page of paper, which may lie on the ground of a scanner; nothing where there is but one."""
    box = (0, 0, plane.shape[1], plane.shape[0])
    for _ in range(_NESTED):
        left, top, right, bottom = box
        part = plane[top:bottom, left:right]
        edges = [_level(lines) for lines in (part[:2], part[-2:], part[:, :2], part[:, -2:])]
        if min(part.shape) < 64 or None in edges or np.ptp(np.array(edges, float)) > SAME:
            return ()
        paper = np.abs(plane - np.median(np.array(edges, float))) <= SAME
        parts = _cut(paper, box, _DEEPEST)
        parts = [one for one in parts if _is_large(paper, one, min(part.shape))]
        found = [one for one in parts if _is_picture(paper, one)]
        area = sum((one[2] - one[0]) * (one[3] - one[1]) for one in found)
        if len(found) > 1:
            # Beside them the others, such as under a sky as light as the paper: better colored too than left grey.
            return tuple(_without_border(plane, one) for one in parts) if area >= _COVERED * part.size else ()
        if not found or area < part.size / 2:
            return ()
        left, top, right, bottom = found[0]
        box = (left + _BLURRED, top + _BLURRED, right - _BLURRED, bottom - _BLURRED)
    return ()


def _is_large(paper: np.ndarray, box: Box, page: int) -> bool:
    """Whether a part of a page of this shorter side may be a photograph: no line of text, no speck, no writing."""
    left, top, right, bottom = box
    short, long = sorted((right - left, bottom - top))
    shape = short >= _SMALLEST * page and long <= _LARGEST_ASPECT * short
    return bool(shape and paper[top:bottom, left:right].mean() <= _WRITTEN)


def _is_picture(paper: np.ndarray, box: Box) -> bool:
    """Whether it surely is one: little of it like paper, and sharp on all sides."""
    part = paper[box[1] : box[3], box[0] : box[2]]
    sides = (part[:_EDGE], part[-_EDGE:], part[:, :_EDGE].T, part[:, -_EDGE:].T)
    return bool(part.mean() <= _LIKE_PAPER and all(lines.mean(axis=1).min() <= _SHARP for lines in sides))


def _without_border(plane: np.ndarray, box: Box) -> Box:
    """A photograph without the white border of its print."""
    return shrink(plane[box[1] : box[3], box[0] : box[2]], box)


def _cut(paper: np.ndarray, box: Box, depth: int) -> list[Box]:
    """Parts of a box between lines of paper that go through all of it, without the paper at their edges."""
    left, top, right, bottom = box
    part = paper[top:bottom, left:right]
    if part.size == 0:
        return []
    lines = [part.mean(axis=1), part.mean(axis=0)]
    starts = []
    for share in lines:
        other = (share < _PAPER).nonzero()[0]
        if not len(other):
            return []
        starts.append((int(other[0]), int(other[-1]) + 1))
    (above, below), (before, after) = starts
    if (above, before) != (0, 0) or (below, after) != part.shape:
        return _cut(paper, (left + before, top + above, left + after, top + below), depth)
    if depth:
        for axis, share in enumerate(lines):
            gaps = []
            for first, last in _runs(share >= _PAPER):
                wide = last - first >= max(3, _NARROWEST * len(share))
                # A photograph begins sharply; a line of text beneath it does not.
                beside = min(share[max(first - _EDGE, 0) : first].min(), share[last : last + _EDGE].min())
                if wide and beside <= _NO_PAPER:
                    gaps.append((first, last))
            if gaps:
                ends = [0, *(at for gap in gaps for at in gap), len(share)]
                parts = zip(ends[::2], ends[1::2], strict=True)
                boxes = [
                    (left, top + a, right, top + b) if axis == 0 else (left + a, top, left + b, bottom)
                    for a, b in parts
                ]
                return [one for each in boxes for one in _cut(paper, each, depth - 1)]
    return [box]


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """First and behind the last of each run of True."""
    edges = np.diff(np.concatenate(([0], flags.astype(int), [0])))
    return [(int(a), int(b)) for a, b in zip((edges > 0).nonzero()[0], (edges < 0).nonzero()[0], strict=True)]
