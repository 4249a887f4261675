"""Colour: sRGB, CIE XYZ, CIE Lab, the gamut of sRGB, and the joining of L with ab.

The only place where a colour constant is written. One matrix is typed, everything else is derived from it: its row
sums are the white point, so that grey has a* = b* = 0, and its inverse leads back.

Sources: IEC 61966-2-1:1999 (sRGB transfer function and primaries, matrix as in ITU-R BT.709), CIE 015:2004 (Lab, with
the exact rationals of its section 8.2.1.1), D65, 2 degree observer.

Two families of functions:

* tensors in, tensors out, exact, any device and batch shape, differentiable (training, metrics):
  ``rgb_to_lab``, ``lab_to_rgb``, ``fit_gamut``;
* bytes in, bytes out, for photographs at full size: ``lightness`` and ``join``. They follow the same constants through
  look-up tables and work in place on bands that fit the cache (``scripts.benchmark`` compares both).
"""

from __future__ import annotations

import functools
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from PIL import Image

# Linear sRGB to CIE XYZ, D65 (ITU-R BT.709 primaries). Typed once; all else follows.
_XYZ_FROM_RGB = np.array(
    [
        [0.412453, 0.357580, 0.180423],
        [0.212671, 0.715160, 0.072169],
        [0.019334, 0.119193, 0.950227],
    ],
    dtype=np.float64,
)
_WHITE = _XYZ_FROM_RGB.sum(axis=1)
# XYZ relative to white: rows sum to one, so R = G = B gives equal X, Y, Z and therefore a* = b* = 0.
_RELATIVE_FROM_RGB = _XYZ_FROM_RGB / _WHITE[:, None]
_RGB_FROM_RELATIVE = np.linalg.inv(_RELATIVE_FROM_RGB)

# CIE 015:2004, table T.3: the white of daylight D50, about 5000 K; the white of sRGB is D65, about 6500 K.
_D50 = np.array([0.96422, 1.0, 0.82521])
_WARMTH_CHROMA = 10.0  # CIE units; a colour of this chroma takes half of the shift of warmth

# IEC 61966-2-1: a linear toe, then a power law with offset.
_SRGB_SLOPE, _SRGB_OFFSET, _SRGB_POWER = 12.92, 0.055, 2.4
_SRGB_TOE = 0.04045  # encoded value where the toe ends
_LINEAR_TOE = _SRGB_TOE / _SRGB_SLOPE

# CIE 015:2004: f(t) = t^(1/3) above (6/29)^3, else a straight line with the same value and slope there.
_F_EDGE = 6 / 29
_F_SLOPE = 1 / (3 * _F_EDGE**2)
_F_OFFSET = 4 / 29


def full_precision(device_type: str = "cpu") -> AbstractContextManager:
    """Suspend an ``autocast`` around the call, where there is one: colours in bfloat16 are whole units off."""
    # Exporters know no context that changes nothing.
    if torch.amp.is_autocast_available(device_type) and torch.is_autocast_enabled(device_type):
        return torch.autocast(device_type, enabled=False)
    return nullcontext()


NEAR_GREY = 3.0
"""CIE units of mean chroma; a picture below it has no colours to learn or to be measured against."""

FILM = {
    "blue-plate": (0.0, 0.05, 0.95),
    "orthochromatic": (0.0, 0.42, 0.58),
    "red-filter": (0.95, 0.05, 0.0),
    "yellow-filter": (0.46, 0.43, 0.11),
}
"""Shares of linear sRGB red, green and blue in the exposure of a film; white stays white. See docs/evaluation.md."""


def to_tensor(picture: np.ndarray | Image.Image) -> torch.Tensor:
    """Turn a picture of mode RGB, or uint8 [H, W, 3], into sRGB [1, 3, H, W] in [0, 1]."""
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255


def srgb_to_linear(rgb: torch.Tensor) -> torch.Tensor:
    """Decode sRGB values in [0, 1] to linear light (IEC 61966-2-1), elementwise; below 0 the toe is continued."""
    power = ((rgb.clamp(min=_SRGB_TOE) + _SRGB_OFFSET) / (1 + _SRGB_OFFSET)) ** _SRGB_POWER
    return torch.where(rgb <= _SRGB_TOE, rgb / _SRGB_SLOPE, power)


def linear_to_srgb(linear: torch.Tensor) -> torch.Tensor:
    """Encode linear light as sRGB (inverse of :func:`srgb_to_linear`), elementwise, not clipped."""
    # Clamped before the power: its derivative at 0 is infinite and would turn gradients into NaN.
    power = (1 + _SRGB_OFFSET) * linear.clamp(min=_LINEAR_TOE) ** (1 / _SRGB_POWER) - _SRGB_OFFSET
    return torch.where(linear <= _LINEAR_TOE, linear * _SRGB_SLOPE, power)


def _f(t: torch.Tensor) -> torch.Tensor:
    return torch.where(t > _F_EDGE**3, t.clamp(min=_F_EDGE**3) ** (1 / 3), t * _F_SLOPE + _F_OFFSET)


def _f_inverse(f: torch.Tensor) -> torch.Tensor:
    return torch.where(f > _F_EDGE, f**3, (f - _F_OFFSET) / _F_SLOPE)


def _mix(matrix: np.ndarray, channels: torch.Tensor) -> torch.Tensor:
    """Apply a 3x3 matrix to the channel axis (-3) of ``channels`` [..., 3, H, W]."""
    m = torch.as_tensor(matrix, dtype=channels.dtype, device=channels.device)
    return torch.einsum("ij,...jhw->...ihw", m, channels)


def _check_channels(values: torch.Tensor, name: str) -> None:
    if values.ndim < 3 or values.shape[-3] != 3 or not values.is_floating_point():
        raise ValueError(
            f"{name} must be a floating point tensor [..., 3, H, W], not {values.dtype} {tuple(values.shape)}."
        )


def rgb_to_lab(rgb: torch.Tensor) -> torch.Tensor:
    """sRGB to CIE Lab.

    Args:
        rgb: [..., 3, H, W] floating point in [0, 1].

    Returns:
        [..., 3, H, W], L* in [0, 100], a* and b* in CIE units (about -108 to 98 over the gamut of sRGB).

    Raises:
        ValueError: if the channel axis is not the third from last or the tensor is not floating point.
    """
    _check_channels(rgb, "rgb")
    fx, fy, fz = _f(_mix(_RELATIVE_FROM_RGB, srgb_to_linear(rgb))).unbind(-3)
    return torch.stack((116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)), dim=-3)


def lab_to_linear(lab: torch.Tensor) -> torch.Tensor:
    """CIE Lab [..., 3, H, W] to linear sRGB, not clipped: values outside [0, 1] are outside the gamut of sRGB."""
    _check_channels(lab, "lab")
    lightness, a, b = lab.unbind(-3)
    fy = (lightness + 16) / 116
    return _mix(_RGB_FROM_RELATIVE, _f_inverse(torch.stack((fy + a / 500, fy, fy - b / 200), dim=-3)))


def lab_to_rgb(lab: torch.Tensor) -> torch.Tensor:
    """CIE Lab to sRGB, clipped per channel to [0, 1]; use :func:`fit_gamut` first to keep L and hue.

    Args:
        lab: [..., 3, H, W] floating point, CIE units.

    Returns:
        [..., 3, H, W] sRGB in [0, 1].

    Raises:
        ValueError: as :func:`rgb_to_lab`.
    """
    return linear_to_srgb(lab_to_linear(lab)).clamp(0, 1)


def warm(ab: torch.Tensor, warmth: float) -> torch.Tensor:
    """Shift colours along daylight: towards the yellow of a low sun, or the blue of open shade.

    The direction is that from the white D65 to the white D50 in Lab, (2.5, 17.7), and warmth 1 is all of it. A colour
    takes C / (C + 10) of that, C being its chroma: what is grey stays grey (snow, fog, roads), as it would for an eye
    that has adapted to the light.

    Args:
        ab: [..., 2, h, w] in CIE units.
        warmth: -1 (cool) to 1 (warm); 0 changes nothing.

    Returns:
        [..., 2, h, w].

    Raises:
        ValueError: if warmth is out of range.
    """
    if not -1 <= warmth <= 1:
        raise ValueError(f"warmth goes from -1 (cool) to 1 (warm), not {warmth}.")
    if warmth == 0:
        return ab
    x, y, z = _f(torch.from_numpy(_D50 / _WHITE)).tolist()
    chroma = ab.norm(dim=-3, keepdim=True)
    shift = ab.new_tensor([500 * (x - y), 200 * (y - z)])[:, None, None]
    return ab + warmth * shift * chroma / (chroma + _WARMTH_CHROMA)


def in_gamut(lab: torch.Tensor, tolerance: float = 1e-4) -> torch.Tensor:
    """Which pixels of ``lab`` [..., 3, H, W] sRGB can show: bool [..., H, W]; tolerance in linear light."""
    linear = lab_to_linear(lab)
    return ((linear >= -tolerance) & (linear <= 1 + tolerance)).all(dim=-3)


def fit_gamut(lab: torch.Tensor, steps: int = 16) -> torch.Tensor:
    """Bring colours that sRGB cannot show to the gamut's edge by less chroma, at constant L* and hue.

    Pixels inside stay untouched. The factor on chroma is found by bisection between grey, which is always inside, and
    the colour; ``steps`` halvings leave an error below C / 2**steps.

    Args:
        lab: [..., 3, H, W], L* in [0, 100].

    Returns:
        [..., 3, H, W] with the same L* and hue everywhere.
    """
    inside = in_gamut(lab, tolerance=0.0)
    if bool(inside.all()):
        return lab
    low = inside.to(lab.dtype)
    high = torch.ones_like(low)
    for _ in range(steps):
        middle = (low + high) / 2
        shrunk = torch.stack((lab[..., 0, :, :], lab[..., 1, :, :] * middle, lab[..., 2, :, :] * middle), dim=-3)
        fits = in_gamut(shrunk, tolerance=0.0)
        low = torch.where(fits, middle, low)
        high = torch.where(fits, high, middle)
    return torch.stack((lab[..., 0, :, :], lab[..., 1, :, :] * low, lab[..., 2, :, :] * low), dim=-3)


# --- Photographs at full size: 8-bit values, one band of rows at a time ---

_ENCODE_STEPS = 65_535  # of linear light; at the steepest place of the curve one step is 0.05 of an 8-bit code
_LIGHTNESS_STEPS = 1 << 19  # of relative luminance; near black, where L* is steepest, half a step is 0.0009
_GAMUT_STEPS = 10  # regula falsi; colours of chroma up to 70 are then within one 8-bit code of the exact edge


@functools.lru_cache(maxsize=1)
def _luminance_parts() -> torch.Tensor:
    """What the 256 codes of R, G and B each add to relative luminance Y: [3, 256] float32."""
    linear = srgb_to_linear(torch.arange(256, dtype=torch.float64, device="cpu") / 255)
    return (torch.from_numpy(_RELATIVE_FROM_RGB[1])[:, None] * linear).float()


@functools.lru_cache(maxsize=1)
def _red_and_green() -> torch.Tensor:
    """What R and G add to Y together, at 256 R + G: [65536] float32; one look-up instead of two."""
    red, green, _ = _luminance_parts()
    return (red[:, None] + green).flatten()


@functools.lru_cache(maxsize=1)
def _lightness_of_grey() -> torch.Tensor:
    """L* of the 256 greys, [256] float32."""
    return 116 * _f(_luminance_parts().double().sum(dim=0)).float() - 16


@functools.lru_cache(maxsize=1)
def _lightness_table() -> torch.Tensor:
    """L* of relative luminance 0, 1/524288, ..., 1, float32: a cube root a pixel costs more than all else of L*."""
    y = torch.arange(_LIGHTNESS_STEPS + 1, dtype=torch.float64, device="cpu") / _LIGHTNESS_STEPS
    return (116 * _f(y) - 16).float()


@functools.lru_cache(maxsize=1)
def _encode_table() -> torch.Tensor:
    """8-bit sRGB codes of linear light at 0, 1/65535, ..., 1: [65536] uint8."""
    linear = torch.arange(_ENCODE_STEPS + 1, dtype=torch.float64, device="cpu") / _ENCODE_STEPS
    return (linear_to_srgb(linear) * 255).round().to(torch.uint8)


def lightness(rgb: torch.Tensor) -> torch.Tensor:
    """L* of 8-bit sRGB pixels.

    Args:
        rgb: uint8 [H, W, 3].

    Returns:
        float32 [H, W] in [0, 100].
    """
    red, green, blue = rgb.unbind(-1)
    if torch.equal(red, green) and torch.equal(red, blue):
        return _lightness_of_grey().index_select(0, red.reshape(-1).int()).view(red.shape)
    y = _red_and_green().index_select(0, (red.int() << 8).add_(green).view(-1))
    y += _luminance_parts()[2].index_select(0, blue.reshape(-1).int())
    steps = y.mul_(_LIGHTNESS_STEPS).add_(0.5).clamp_(max=_LIGHTNESS_STEPS).int()
    return _lightness_table().index_select(0, steps).view(red.shape)


def _linear_of(fy: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Linear sRGB [3, N] of f(Y) and of a* / 500 and b* / 200, each [N]."""
    xz = fy.new_empty(2, len(fy))
    torch.add(fy, a, out=xz[0])
    torch.sub(fy, b, out=xz[1])
    if bool(fy.min() > _F_EDGE) and bool(xz.min() > _F_EDGE):
        y = fy.pow(3)
        xz.pow_(3)
    else:
        y, xz = _f_inverse(fy), _f_inverse(xz)
    # The rows of the matrix sum to one, so what is added to Y are only differences from it: grey stays exactly grey.
    xz.sub_(y)
    return torch.addmm(y.expand(3, -1), torch.from_numpy(_RGB_FROM_RELATIVE[:, [0, 2]]).float(), xz)


def join(lightness: torch.Tensor, ab: torch.Tensor) -> torch.Tensor:
    """Put colour on luminance: 8-bit sRGB of L* and ab, with chroma reduced at constant L* and hue where sRGB ends.

    Args:
        lightness: float32 [H, W], L* in [0, 100].
        ab: float32 [2, H, W], CIE units.

    Returns:
        uint8 [H, W, 3].
    """
    fy = lightness.reshape(-1).add(16).div_(116)
    a, b = ab[0].reshape(-1) / 500, ab[1].reshape(-1) / 200
    linear = _linear_of(fy, a, b)
    lowest, highest = linear.aminmax()
    if bool(lowest < 0) or bool(highest > 1):
        outside = ((linear - 0.5).abs_().amax(dim=0) > 0.5).nonzero().squeeze(1)
        if len(outside):  # 0.5 swallows an excess of 1e-8, which rounds to the same code
            edge = _to_edge(fy[outside], a[outside], b[outside], linear[:, outside])
            linear[:, outside] = edge.clamp_(0, 1)
    codes = linear.mul_(_ENCODE_STEPS).add_(0.5).int()
    rgb = _encode_table().index_select(0, codes.view(-1)).view(3, *lightness.shape)
    return torch.stack(rgb.unbind(), dim=-1)  # a transposed view would make every later copy ten times slower


def _to_edge(fy: torch.Tensor, a: torch.Tensor, b: torch.Tensor, linear: torch.Tensor) -> torch.Tensor:
    """Linear sRGB [3, N] at the edge of the gamut on the way from grey to colours that lie outside of it.

    The excess over the gamut is followed along that way by the Illinois variant of regula falsi (Dowell and Jarratt
    1971): it stays bracketed.
    """

    def excess(values: torch.Tensor) -> torch.Tensor:
        return (values - 0.5).abs().amax(dim=0) - 0.5

    low, high = torch.zeros_like(fy), torch.ones_like(fy)
    y = _linear_of(fy, low, low)
    # Pure black and white have no way to go; the clamp keeps their share of chroma at 0.
    below, above = excess(y).clamp(max=-1e-6), excess(linear)
    best = y
    for _ in range(_GAMUT_STEPS):
        share = low + (high - low) * below / (below - above)
        tried = _linear_of(fy, a * share, b * share)
        over = excess(tried)
        fits = over <= 0
        best = torch.where(fits, tried, best)
        low, high = torch.where(fits, share, low), torch.where(fits, high, share)
        # Illinois: halve the value kept at the end that did not move, so that this end moves too.
        below, above = torch.where(fits, over, below / 2), torch.where(fits, above / 2, over)
        below = below.clamp(max=-1e-9)
    return best
