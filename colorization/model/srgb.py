"""sRGB and CIE Lab for photographs at full size, in NumPy alone: bytes in, bytes out, through tables.

The only place where a color constant is written. One matrix is typed, everything else is derived from it: its row
sums are the white point, so that grey has a* = b* = 0, and its inverse leads back. ``color`` has the same formulas for
tensors, exact and differentiable.

Sources: IEC 61966-2-1:1999 (sRGB transfer function and primaries, matrix as in ITU-R BT.709), CIE 015:2004 (Lab, with
the exact rationals of its section 8.2.1.1), D65, 2 degree observer.
"""

from __future__ import annotations

import functools
import threading

import numpy as np

# Linear sRGB to CIE XYZ, D65 (ITU-R BT.709 primaries). Typed once; all else follows.
_XYZ_FROM_RGB = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ],
    dtype=np.float64,
)
WHITE = _XYZ_FROM_RGB.sum(axis=1)
# XYZ relative to white: rows sum to one, so R = G = B gives equal X, Y, Z and therefore a* = b* = 0.
RELATIVE_FROM_RGB = _XYZ_FROM_RGB / WHITE[:, None]
RGB_FROM_RELATIVE = np.linalg.inv(RELATIVE_FROM_RGB)

# IEC 61966-2-1: a linear toe, then a power law with offset.
SRGB_SLOPE, SRGB_OFFSET, SRGB_POWER = 12.92, 0.055, 2.4
SRGB_TOE = 0.04045  # encoded value where the toe ends
LINEAR_TOE = SRGB_TOE / SRGB_SLOPE

# CIE 015:2004: f(t) = t^(1/3) above (6/29)^3, else a straight line with the same value and slope there.
F_EDGE = 6 / 29
F_SLOPE = 1 / (3 * F_EDGE**2)
F_OFFSET = 4 / 29

_ENCODE_STEPS = 65_535  # of linear light; at the steepest place of the curve one step is 0.05 of an 8-bit code
_LIGHTNESS_STEPS = 1 << 19  # of relative luminance; near black, where L* is steepest, half a step is 0.0009
_PIXELS_AT_ONCE = 1 << 16  # whose arrays stay in the cache
_kept = threading.local()
_GAMUT_STEPS = 10  # regula falsi; colors of chroma up to 70 are then within one 8-bit code of the exact edge


def _lightness_of(luminance: np.ndarray) -> np.ndarray:
    """L*, float32, of relative luminance Y in [0, 1], float64."""
    f = np.where(luminance > F_EDGE**3, np.cbrt(luminance), luminance * F_SLOPE + F_OFFSET)
    return (116 * f - 16).astype(np.float32)


@functools.lru_cache(maxsize=1)
def _luminance_parts() -> np.ndarray:
    """What the 256 codes of R, G and B each add to relative luminance Y: [3, 256] float64."""
    codes = np.arange(256) / 255
    linear = np.where(codes <= SRGB_TOE, codes / SRGB_SLOPE, ((codes + SRGB_OFFSET) / (1 + SRGB_OFFSET)) ** SRGB_POWER)
    return RELATIVE_FROM_RGB[1][:, None] * linear


@functools.lru_cache(maxsize=1)
def _luminance_tables() -> tuple[np.ndarray, np.ndarray]:
    """What R and G add to Y together, at 256 R + G, and what B adds, float32: one look-up instead of two."""
    red, green, blue = _luminance_parts().astype(np.float32)
    return (red[:, None] + green).ravel(), blue


@functools.lru_cache(maxsize=1)
def _lightness_of_grey() -> np.ndarray:
    """L* of the 256 greys, [256] float32."""
    return _lightness_of(_luminance_parts().sum(axis=0))


@functools.lru_cache(maxsize=1)
def _lightness_table() -> np.ndarray:
    """L* of relative luminance 0, 1/524288, ..., 1, float32: a cube root a pixel costs more than all else of L*."""
    return _lightness_of(np.arange(_LIGHTNESS_STEPS + 1) / _LIGHTNESS_STEPS)


def encode(linear: np.ndarray) -> np.ndarray:
    """8-bit sRGB codes, uint8, of linear light in [0, 1], float64 of any shape."""
    power = (1 + SRGB_OFFSET) * linear ** (1 / SRGB_POWER) - SRGB_OFFSET
    return np.rint(np.where(linear <= LINEAR_TOE, linear * SRGB_SLOPE, power) * 255).astype(np.uint8)


@functools.lru_cache(maxsize=1)
def _encode_table() -> np.ndarray:
    """8-bit sRGB codes of linear light at 0, 1/65535, ..., 1: [65536] uint8."""
    return encode(np.arange(_ENCODE_STEPS + 1) / _ENCODE_STEPS)


def lightness(rgb: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """L* of 8-bit sRGB pixels.

    Args:
        rgb: uint8 [H, W, 3].
        out: float32 [H, W] to write into.

    Returns:
        float32 [H, W] in [0, 100].
    """
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    out = np.empty(rgb.shape[:2], np.float32) if out is None else out
    if _is_grey(rgb):
        for row, codes in zip(out, red, strict=True):
            _lightness_of_grey().take(codes, out=row, mode="clip")
        return out
    red_and_green, only_blue = _luminance_tables()
    for top in range(0, len(rgb), rows := max(1, _PIXELS_AT_ONCE // rgb.shape[1])):
        band, y = slice(top, top + rows), out[top : top + rows]
        places, part = _arrays(y.size).places.reshape(y.shape), _arrays(y.size).part.reshape(y.shape)
        np.copyto(places, red[band])
        places <<= 8
        places += green[band]
        red_and_green.take(places, out=y, mode="clip")
        np.copyto(places, blue[band])
        y += only_blue.take(places, out=part, mode="clip")
        y *= _LIGHTNESS_STEPS
        y += 0.5
        np.copyto(places, y, casting="unsafe")
        _lightness_table().take(places, out=y, mode="clip")
    return out


def _is_grey(rgb: np.ndarray) -> bool:
    """Whether red, green and blue are equal everywhere; one plane that is shown three times is, without a look."""
    if rgb.strides[-1] == 0:
        return True
    return all(  # the first row says of most color pictures what they are
        np.array_equal(rgb[rows, :, 0], rgb[rows, :, other]) for rows in (slice(1), slice(None)) for other in (1, 2)
    )


class _Arrays:
    """What is computed on the way between sRGB and Lab, for so many pixels; written into again and again."""

    def __init__(self, pixels: int) -> None:
        self.f_x, self.f_y, self.f_z, self.x, self.y, self.z, self.part = np.empty((7, pixels), np.float32)
        self.a, self.b = np.empty((2, pixels), np.float32)
        self.linear = np.empty((3, pixels), np.float32)
        self.places = np.empty(pixels, np.intp)
        self.codes = np.empty(pixels, np.uint8)


def _arrays(pixels: int) -> _Arrays:
    """Arrays of this thread, those of the last time if they were as many."""
    kept = getattr(_kept, "arrays", None)
    if kept is None or kept.codes.size != pixels:
        kept = _kept.arrays = _Arrays(pixels)
    return kept


def _linear_of(fy: np.ndarray, a: np.ndarray, b: np.ndarray, arrays: _Arrays) -> np.ndarray:
    """Linear sRGB [3, N], in steps of the table that encodes it, of f(Y) and of a* / 500 and b* / 200, each [N]."""
    x, y, z, part = arrays.x, arrays.y, arrays.z, arrays.part
    np.add(fy, a, out=arrays.f_x)
    np.subtract(fy, b, out=arrays.f_z)
    for f, cube in ((arrays.f_x, x), (fy, y), (arrays.f_z, z)):
        np.multiply(f, f, out=cube)
        cube *= f
        if not f.min() > F_EDGE:
            dark = (f <= F_EDGE).nonzero()[0]
            cube[dark] = (f[dark] - F_OFFSET) / F_SLOPE
    # The rows of the matrix sum to one, so what is added to Y are only differences from it: grey stays exactly grey.
    x -= y
    z -= y
    y *= _ENCODE_STEPS
    for channel, (of_x, _, of_z) in zip(arrays.linear, RGB_FROM_RELATIVE * _ENCODE_STEPS, strict=True):
        np.multiply(x, np.float32(of_x), out=channel)
        np.multiply(z, np.float32(of_z), out=part)
        channel += part
        channel += y
    return arrays.linear


def join(lightness: np.ndarray, ab: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Put color on luminance: 8-bit sRGB of L* and ab, with chroma reduced at constant L* and hue where sRGB ends.

    Args:
        lightness: float32 [H, W], L* in [0, 100].
        ab: float32 [2, H, W], CIE units.
        out: uint8 [H, W, 3] to write into, contiguous.

    Returns:
        uint8 [H, W, 3].
    """
    rgb = np.empty((*lightness.shape, 3), np.uint8) if out is None else out
    flat, light, a, b = rgb.reshape(-1, 3), lightness.reshape(-1), ab[0].reshape(-1), ab[1].reshape(-1)
    for first in range(0, len(light), _PIXELS_AT_ONCE):
        part = slice(first, first + _PIXELS_AT_ONCE)
        _join(light[part], a[part], b[part], flat[part])
    return rgb


def _join(lightness: np.ndarray, a: np.ndarray, b: np.ndarray, rgb: np.ndarray) -> None:
    """Join a part: L*, a* and b* [N] to uint8 [N, 3]."""
    arrays = _arrays(len(lightness))
    fy = np.add(lightness, 16, out=arrays.f_y)
    fy /= 116
    a, b = np.divide(a, 500, out=arrays.a), np.divide(b, 200, out=arrays.b)
    linear = _linear_of(fy, a, b, arrays)
    # Half a step beyond the end is the same code.
    if linear.min() < -0.5 or linear.max() > _ENCODE_STEPS + 0.5:
        outside = (np.abs(linear - _ENCODE_STEPS / 2).max(axis=0) > (_ENCODE_STEPS + 1) / 2).nonzero()[0]
        if len(outside):  # half of the table swallows an excess of a thousandth of a step
            edge = _to_edge(fy[outside], a[outside], b[outside], linear[:, outside] / _ENCODE_STEPS)
            linear[:, outside] = edge.clip(0, 1) * _ENCODE_STEPS
    linear += 0.5
    for channel, plane in enumerate(linear):
        np.copyto(arrays.places, plane, casting="unsafe")
        rgb[:, channel] = _encode_table().take(arrays.places, out=arrays.codes, mode="clip")


def _to_edge(fy: np.ndarray, a: np.ndarray, b: np.ndarray, linear: np.ndarray) -> np.ndarray:
    """Linear sRGB [3, N] at the edge of the gamut on the way from grey to colors that lie outside of it.

    The excess over the gamut is followed along that way by the Illinois variant of regula falsi (Dowell and Jarratt
    1971): it stays bracketed.
    """

    def excess(values: np.ndarray) -> np.ndarray:
        return np.abs(values - 0.5).max(axis=0) - 0.5

    arrays = _Arrays(len(fy))

    def linear_of(share: np.ndarray) -> np.ndarray:
        return _linear_of(fy, a * share, b * share, arrays) / np.float32(_ENCODE_STEPS)

    low, high = np.zeros_like(fy), np.ones_like(fy)
    best = linear_of(low)
    # Pure black and white have no way to go; the limit keeps their share of chroma at 0.
    below, above = excess(best).clip(max=-1e-6), excess(linear)
    for _ in range(_GAMUT_STEPS):
        share = low + (high - low) * below / (below - above)
        tried = linear_of(share)
        over = excess(tried)
        fits = over <= 0
        best = np.where(fits, tried, best)
        low, high = np.where(fits, share, low), np.where(fits, high, share)
        # Illinois: halve the value kept at the end that did not move, so that this end moves too.
        below, above = np.where(fits, over, below / 2), np.where(fits, above / 2, over)
        below = below.clip(max=-1e-9)
    return best
