"""sRGB and CIE Lab for photographs at full size, in NumPy alone: bytes in, bytes out, through tables.

The only place where a color constant is written. One matrix is typed, everything else is derived from it: its row
sums are the white point, so that grey has a* = b* = 0, and its inverse leads back. ``color`` has the same formulas for
tensors, exact and differentiable.

Sources: IEC 61966-2-1:1999 (sRGB transfer function and primaries, matrix as in ITU-R BT.709), CIE 015:2004 (Lab, with
the exact rationals of its section 8.2.1.1), D65, 2 degree observer.
"""

from __future__ import annotations

import functools

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


def lightness(rgb: np.ndarray) -> np.ndarray:
    """L* of 8-bit sRGB pixels.

    Args:
        rgb: uint8 [H, W, 3].

    Returns:
        float32 [H, W] in [0, 100].
    """
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    if np.array_equal(red, green) and np.array_equal(red, blue):
        return _lightness_of_grey().take(red)
    red_and_green, only_blue = _luminance_tables()
    places = red.astype(np.intp)
    places <<= 8
    places |= green
    y = red_and_green.take(places)
    y += only_blue.take(blue)
    y *= _LIGHTNESS_STEPS
    y += 0.5
    return _lightness_table().take(y.astype(np.intp), mode="clip")


def _linear_of(fy: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Linear sRGB [3, N] of f(Y) and of a* / 500 and b* / 200, each [N]."""
    f = np.stack((fy + a, fy, fy - b))
    cubes = f * f * f
    if not f.min() > F_EDGE:
        cubes = np.where(f > F_EDGE, cubes, (f - F_OFFSET) / F_SLOPE)
    x, y, z = cubes
    # The rows of the matrix sum to one, so what is added to Y are only differences from it: grey stays exactly grey.
    x -= y
    z -= y
    linear = np.empty_like(f)
    for channel, (of_x, _, of_z) in zip(linear, RGB_FROM_RELATIVE.astype(f.dtype), strict=True):
        np.multiply(x, of_x, out=channel)
        channel += of_z * z
        channel += y
    return linear


def join(lightness: np.ndarray, ab: np.ndarray) -> np.ndarray:
    """Put color on luminance: 8-bit sRGB of L* and ab, with chroma reduced at constant L* and hue where sRGB ends.

    Args:
        lightness: float32 [H, W], L* in [0, 100].
        ab: float32 [2, H, W], CIE units.

    Returns:
        uint8 [H, W, 3].
    """
    fy = (lightness.reshape(-1) + 16) / 116
    a, b = ab[0].reshape(-1) / 500, ab[1].reshape(-1) / 200
    linear = _linear_of(fy, a, b)
    if linear.min() < 0 or linear.max() > 1:
        outside = (np.abs(linear - 0.5).max(axis=0) > 0.5).nonzero()[0]
        if len(outside):  # 0.5 swallows an excess of 1e-8, which rounds to the same code
            edge = _to_edge(fy[outside], a[outside], b[outside], linear[:, outside])
            linear[:, outside] = edge.clip(0, 1)
    linear *= _ENCODE_STEPS
    linear += 0.5
    rgb = np.empty((*lightness.shape, 3), np.uint8)
    for channel, plane in enumerate(linear):
        rgb[..., channel] = _encode_table().take(plane.astype(np.intp)).reshape(lightness.shape)
    return rgb


def _to_edge(fy: np.ndarray, a: np.ndarray, b: np.ndarray, linear: np.ndarray) -> np.ndarray:
    """Linear sRGB [3, N] at the edge of the gamut on the way from grey to colors that lie outside of it.

    The excess over the gamut is followed along that way by the Illinois variant of regula falsi (Dowell and Jarratt
    1971): it stays bracketed.
    """

    def excess(values: np.ndarray) -> np.ndarray:
        return np.abs(values - 0.5).max(axis=0) - 0.5

    low, high = np.zeros_like(fy), np.ones_like(fy)
    best = _linear_of(fy, low, low)
    # Pure black and white have no way to go; the limit keeps their share of chroma at 0.
    below, above = excess(best).clip(max=-1e-6), excess(linear)
    for _ in range(_GAMUT_STEPS):
        share = low + (high - low) * below / (below - above)
        tried = _linear_of(fy, a * share, b * share)
        over = excess(tried)
        fits = over <= 0
        best = np.where(fits, tried, best)
        low, high = np.where(fits, share, low), np.where(fits, high, share)
        # Illinois: halve the value kept at the end that did not move, so that this end moves too.
        below, above = np.where(fits, over, below / 2), np.where(fits, above / 2, over)
        below = below.clip(max=-1e-9)
    return best
