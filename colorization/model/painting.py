"""Predicted colors onto a photograph of any size, in bands of rows: no full-size floats, no second full-size copy."""

from __future__ import annotations

import functools
import math
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from PIL import Image

from .scan_borders import Box, Outline, draw_outline
from .srgb import join, lightness

# Pixels of a band of rows at full size: for smaller ones the threads wait for one another more than they compute,
# larger ones leave the cache and hold memory.
_BAND_PIXELS = 1 << 17
_BANDS_AT_ONCE = 4
_kept = threading.local()


def paint(
    original: Image.Image | np.ndarray, ab: np.ndarray, tone: np.ndarray | None = None, threads: int | None = None
) -> Image.Image:
    """Put ab [2, h, w] on one picture: mode RGB, of the original's size and lightness.

    Args:
        original: a Pillow picture, or uint8 [H, W] or [H, W, 3].
        ab: float32, CIE units.
        tone: [2, 101] float32, CIE ab to add at L* 0, 1, ..., 100.
        threads: how many bands are painted at once, at most four; by default as many as there are cores.
    """
    if isinstance(original, Image.Image):
        if original.mode != "RGB":
            original = original.convert("RGB")
        width, height = original.size
    else:
        height, width = original.shape[:2]
    colored = Image.new("RGB", (width, height), None)  # every pixel of it is painted
    wide = _enlarge_width(ab, width)
    rows = max(1, _BAND_PIXELS // width)

    def paint_band(top: int) -> None:
        bottom = min(top + rows, height)
        if isinstance(original, Image.Image):
            band = np.asarray(original.crop((0, top, width, bottom)))
        else:
            band = original[top:bottom] if original.ndim == 3 else np.repeat(original[top:bottom, :, None], 3, axis=2)
        light = lightness(band, _array("light", band.shape[:2]))
        colors = _enlarge_rows(wide, top, bottom, height)
        if tone is not None:
            colors = colors + tone[:, np.rint(light).astype(np.intp).clip(0, tone.shape[1] - 1)]
        colored.paste(Image.fromarray(join(light, colors, _array("rgb", band.shape, np.uint8))), (0, top))

    threads = min(threads or os.cpu_count() or 1, _BANDS_AT_ONCE)
    list(_painters(os.getpid(), threads).map(paint_band, range(0, height, rows)))
    return colored


def put_in_scan(
    picture: Image.Image, scan: np.ndarray, inside: Box, outline: Outline | None, tone: np.ndarray | None = None
) -> Image.Image:
    """Put a colored picture back into the scan that it is a part of, the border of which stays neutral.

    Args:
        picture: mode RGB, of the size of ``inside``.
        scan: uint8 [H, W, 3].
        inside, outline: what ``scan_borders.find_outline`` says of the scan.
        tone: as for :func:`paint`, which the border keeps, too.
    """
    height, width = scan.shape[:2]
    if inside == (0, 0, width, height) and outline is None:
        return picture
    whole = paint(scan, np.zeros((2, 1, 1), np.float32), tone)
    whole.paste(picture, inside[:2], draw_outline(outline, (width, height), inside) if outline else None)
    return whole


def _array(name: str, shape: tuple[int, ...], dtype: type = np.float32) -> np.ndarray:
    """An array of this thread under that name, to be written over by the next band."""
    kept, size = getattr(_kept, name, None), math.prod(shape)
    if kept is None or kept.size < size:
        kept = np.empty(size, dtype)
        setattr(_kept, name, kept)
    return kept[:size].reshape(shape)


@functools.lru_cache(maxsize=4)
def _painters(process: int, threads: int) -> ThreadPoolExecutor:
    """Make threads for whole bands side by side, to be kept: a forked process has the pool but none of its threads."""
    return ThreadPoolExecutor(threads, "painter")


def _weights(length: int, target: int, start: int, stop: int) -> tuple[int, np.ndarray]:
    """Weights of samples for the places start..stop of ``target`` places.

    Bicubic (Keys 1981, a = -0.75 as in PyTorch, align_corners=False) for more places than samples, else the mean of the
    samples that a place covers.

    Returns:
        The first of the ``n`` of ``length`` samples that matter, and the weights [stop - start, n] float32.
    """
    places = np.arange(start, stop)
    if target < length:
        begins, ends = places * length // target, -(-(places + 1) * length // target)
        first = int(begins[0])
        samples = np.arange(first, int(ends[-1]))
        covered = (samples >= begins[:, None]) & (samples < ends[:, None])
        return first, (covered / (ends - begins)[:, None]).astype(np.float32)
    centers = (places + 0.5) * length / target - 0.5
    taps = np.floor(centers)[:, None] + np.arange(-1, 3)
    distance = np.abs(centers[:, None] - taps)
    near = (1.25 * distance - 2.25) * distance**2 + 1
    far = -0.75 * (((distance - 5) * distance + 8) * distance - 4)
    samples = taps.astype(np.intp).clip(0, length - 1)
    first = int(samples.min())
    table = np.zeros((stop - start, int(samples.max()) - first + 1), np.float32)
    np.add.at(table, (np.arange(stop - start)[:, None], samples - first), np.where(distance <= 1, near, far))
    return first, table


def _enlarge_width(ab: np.ndarray, width: int) -> np.ndarray:
    """ab [2, h, w] to [h, 2, width]."""
    columns = max(1, _BAND_PIXELS // max(1, ab.shape[1]))
    parts = []
    for left in range(0, width, columns):
        first, table = _weights(ab.shape[2], width, left, min(left + columns, width))
        parts.append(ab[:, :, first : first + table.shape[1]].transpose(1, 0, 2) @ table.T)
    return np.concatenate(parts, axis=2)


def _enlarge_rows(wide: np.ndarray, top: int, bottom: int, height: int) -> np.ndarray:
    """Rows top..bottom of ``height`` out of [h, 2, width]: [2, bottom - top, width], valid until the next call."""
    first, table = _weights(wide.shape[0], height, top, bottom)
    shape = (2, bottom - top, wide.shape[2])
    total, part = _array("total", shape), _array("part", shape[1:])
    # Not a matrix product: a BLAS would wake its own threads for each band, and they wait for one another.
    for plane, rows in zip(total, wide[first : first + table.shape[1]].swapaxes(0, 1), strict=True):
        np.multiply(table[:, :1], rows[0], out=plane)
        for weights, row in zip(table.T[1:, :, None], rows[1:], strict=True):
            plane += np.multiply(weights, row, out=part)
    return total
