"""Color for tensors: sRGB, CIE XYZ, CIE Lab and the gamut of sRGB, exact, on any device, in any batch, differentiable.

The constants and their sources stand in ``srgb``, which does the same to photographs at full size.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from PIL import Image

from .srgb import (
    F_EDGE,
    F_OFFSET,
    F_SLOPE,
    LINEAR_TOE,
    RELATIVE_FROM_RGB,
    RGB_FROM_RELATIVE,
    SRGB_OFFSET,
    SRGB_POWER,
    SRGB_SLOPE,
    SRGB_TOE,
    WHITE,
)
from .srgb import join as join_arrays
from .srgb import lightness as lightness_of_array

# CIE 015:2004, table T.3: the white of daylight D50, about 5000 K; the white of sRGB is D65, about 6500 K.
_D50 = np.array([0.96422, 1.0, 0.82521])
_WARMTH_CHROMA = 10.0  # CIE units; a color of this chroma takes half of the shift of warmth


def full_precision(device_type: str = "cpu") -> AbstractContextManager:
    """Suspend an ``autocast`` around the call, where there is one: colors in bfloat16 are whole units off."""
    # Exporters know no context that changes nothing.
    if torch.amp.is_autocast_available(device_type) and torch.is_autocast_enabled(device_type):
        return torch.autocast(device_type, enabled=False)
    return nullcontext()


NEAR_GREY = 3.0
"""CIE units of mean chroma; a picture below it has no colors to learn or to be measured against."""

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
    power = ((rgb.clamp(min=SRGB_TOE) + SRGB_OFFSET) / (1 + SRGB_OFFSET)) ** SRGB_POWER
    return torch.where(rgb <= SRGB_TOE, rgb / SRGB_SLOPE, power)


def linear_to_srgb(linear: torch.Tensor) -> torch.Tensor:
    """Encode linear light as sRGB (inverse of :func:`srgb_to_linear`), elementwise, not clipped."""
    # Clamped before the power: its derivative at 0 is infinite and would turn gradients into NaN.
    power = (1 + SRGB_OFFSET) * linear.clamp(min=LINEAR_TOE) ** (1 / SRGB_POWER) - SRGB_OFFSET
    return torch.where(linear <= LINEAR_TOE, linear * SRGB_SLOPE, power)


def _f(t: torch.Tensor) -> torch.Tensor:
    return torch.where(t > F_EDGE**3, t.clamp(min=F_EDGE**3) ** (1 / 3), t * F_SLOPE + F_OFFSET)


def _f_inverse(f: torch.Tensor) -> torch.Tensor:
    return torch.where(f > F_EDGE, f**3, (f - F_OFFSET) / F_SLOPE)


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
    fx, fy, fz = _f(_mix(RELATIVE_FROM_RGB, srgb_to_linear(rgb))).unbind(-3)
    return torch.stack((116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)), dim=-3)


def lab_to_linear(lab: torch.Tensor) -> torch.Tensor:
    """CIE Lab [..., 3, H, W] to linear sRGB, not clipped: values outside [0, 1] are outside the gamut of sRGB."""
    _check_channels(lab, "lab")
    lightness, a, b = lab.unbind(-3)
    fy = (lightness + 16) / 116
    return _mix(RGB_FROM_RELATIVE, _f_inverse(torch.stack((fy + a / 500, fy, fy - b / 200), dim=-3)))


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
    """Shift colors along daylight: towards the yellow of a low sun, or the blue of open shade.

    The direction is that from the white D65 to the white D50 in Lab, (2.5, 17.7), and warmth 1 is all of it. A color
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
    x, y, z = _f(torch.from_numpy(_D50 / WHITE)).tolist()
    chroma = ab.norm(dim=-3, keepdim=True)
    shift = ab.new_tensor([500 * (x - y), 200 * (y - z)])[:, None, None]
    return ab + warmth * shift * chroma / (chroma + _WARMTH_CHROMA)


def in_gamut(lab: torch.Tensor, tolerance: float = 1e-4) -> torch.Tensor:
    """Which pixels of ``lab`` [..., 3, H, W] sRGB can show: bool [..., H, W]; tolerance in linear light."""
    linear = lab_to_linear(lab)
    return ((linear >= -tolerance) & (linear <= 1 + tolerance)).all(dim=-3)


def fit_gamut(lab: torch.Tensor, steps: int = 16) -> torch.Tensor:
    """Bring colors that sRGB cannot show to the gamut's edge by less chroma, at constant L* and hue.

    Pixels inside stay untouched. The factor on chroma is found by bisection between grey, which is always inside, and
    the color; ``steps`` halvings leave an error below C / 2**steps.

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


def lightness(rgb: torch.Tensor) -> torch.Tensor:
    """As ``srgb.lightness`` for a tensor on the CPU: uint8 [H, W, 3] to L* [H, W] float32."""
    return torch.from_numpy(lightness_of_array(rgb.numpy()))


def join(lightness: torch.Tensor, ab: torch.Tensor) -> torch.Tensor:
    """As ``srgb.join`` for tensors on the CPU: L* [H, W] and ab [2, H, W] to uint8 [H, W, 3]."""
    return torch.from_numpy(join_arrays(lightness.numpy(), ab.numpy()))
