"""Pixel values of any depth to 8 bits: integers by what their type holds, floating point by a robust range."""

from __future__ import annotations

import numpy as np
from PIL import Image

_BAND = 256  # rows handled at once, so that no second full-size copy is needed
_SAMPLE = 1_000_000  # values that a range is taken from
_OUTLIERS = 0.5  # per cent at each end that do not count for a range
_TOLERANCE = 1.1  # how far beyond a known white the ordinary values may go
_MOST_MISSING = 0.2  # share of values that may be not finite


class NotAPhotographError(ValueError):
    """Values that no picture has; the message is the end of a sentence."""


def to_8_bits(values: np.ndarray, bits: int | None = None, limits: tuple[float, float] | None = None) -> np.ndarray:
    """Scale pixel values to uint8, rounded to the nearest.

    Unsigned integers go from 0 to the largest of their ``bits``; signed ones from 0 where none is negative, else from
    the smallest of their type. Where 32 bits and more hold no value beyond 8 or 16 bits, those count. Floating point
    goes from 0 to 1, 255 or 65,535 where its values fill that, else from its own smallest to its own largest; the
    outermost half per cent at each end decides nothing and is clipped, and values that are not finite count as black.

    Args:
        values: [H, W] or [H, W, C] of any integer or floating type.
        bits: how many bits of an integer are used, by default all of its type.
        limits: black and white of floating point, where the file says them.

    Returns:
        uint8 of the same shape.

    Raises:
        NotAPhotographError: if too many values are not finite.
    """
    if values.dtype == bool:
        return values.astype(np.uint8) * 255
    if values.dtype == np.uint8 and bits in (None, 8):
        return values
    if values.dtype.kind == "f":
        low, high = _range_of(values, limits)
    elif values.dtype.kind == "i":
        info = np.iinfo(values.dtype)
        low, high = (0, info.max) if values.min() >= 0 else (info.min, info.max)
    else:
        low, high = 0, 2 ** (bits or 8 * values.dtype.itemsize) - 1
    if values.dtype.kind in "ui" and high >= 2**31 - 1 and low == 0 and (largest := values.max(initial=0)) <= 65_535:
        high = 255 if largest <= 255 else 65_535  # a file of 32 bits for want of another; all of it would be black
    result = np.empty(values.shape, np.uint8)
    exact = np.dtype("f8" if values.dtype.itemsize > 2 else "f4")
    with np.errstate(invalid="ignore", over="ignore"):
        for top in range(0, len(values), _BAND):
            band = (values[top : top + _BAND].astype(exact) - low) * (255 / (high - low))
            result[top : top + _BAND] = np.nan_to_num(band, nan=0.0).clip(0, 255) + 0.5
    return result


def _range_of(values: np.ndarray, limits: tuple[float, float] | None) -> tuple[float, float]:
    flat = values.reshape(-1)
    sample = flat[:: max(1, flat.size // _SAMPLE)].astype(np.float64)
    finite = sample[np.isfinite(sample)]
    if finite.size < (1 - _MOST_MISSING) * sample.size:
        raise NotAPhotographError("most of its pixel values are not finite; this is data, not a photograph")
    low, high = np.percentile(finite, (_OUTLIERS, 100 - _OUTLIERS))
    if limits and limits[0] <= low and limits[1] / 4 <= high <= limits[1] * _TOLERANCE and limits[1] > limits[0]:
        return limits
    if low < -0.05 * max(abs(high), 1e-30):
        return (low, high) if high > low else (low, low + 1)
    if high <= _TOLERANCE:
        return 0.0, 1.0
    for white, least in ((255.0, 32.0), (65_535.0, 8_192.0)):
        if least <= high <= white * _TOLERANCE:
            return 0.0, white
    return (0.0 if low < 0.2 * high else low), (high if high > low else low + 1)


def to_array(picture: Image.Image) -> np.ndarray:
    """Copy a picture to uint8 [H, W] or [H, W, 3], in bands: ``np.asarray`` alone holds two more copies meanwhile."""
    width, height = picture.size
    if height <= _BAND:
        return np.array(picture)
    array = np.empty((height, width) if picture.mode == "L" else (height, width, 3), np.uint8)
    for top in range(0, height, _BAND):
        bottom = min(top + _BAND, height)
        array[top:bottom] = np.asarray(picture.crop((0, top, width, bottom)))
    return array
