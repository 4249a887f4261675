"""Which pictures are fit for training a colorizer: what is measured, and what is dropped.

Everything is measured on a picture of 32 × 32 pixels, averaged from the original: noise of compression does
not count as color there, and a photograph of a phone costs no more than its decoding.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from eval.metrics.colors import colorfulness_signed

from ..model.color import rgb_to_lab
from .copies import SIGNATURE

_SIDE = 32  # px, of the copy on which everything but borders is measured
_COARSE = 16  # px, of the copy on which a tint is told from colors
_KNOTS = 9  # of the curve of ab over L; a tint that clips at white bends sharply
_BLOCK = 8  # coefficients a side that make the hash


@dataclass(frozen=True)
class Filters:
    """Thresholds; a picture beyond one of them is dropped, with the reason named as the field's comment begins."""

    min_side: int = 96
    """too small: the shorter side, in pixels."""
    max_aspect: float = 3.0
    """extreme aspect: longer side by shorter side."""
    min_lightness: float = 8.0
    """too dark: mean L*."""
    max_lightness: float = 95.0
    """too bright: mean L*."""
    min_chroma_spread: float = 1.4
    """monochrome: RMS distance of ab from the best curve through L, in CIE units. Any tint is a curve."""
    max_border: float = 0.03
    """border: share of the picture that flat bands on two opposite sides take."""
    min_colorfulness: float = 0.0
    """low colorfulness: Hasler and Süsstrunk's measure; 0 is off, and ``warn_colorfulness`` only counts."""
    warn_colorfulness: float = 10.0
    duplicate_bits: int = 7
    """duplicate: largest number of bits in which two perceptual hashes differ, mirrored or not ..."""
    duplicate_correlation: float = 0.97
    """... and smallest correlation of the two pictures at 16 × 16 pixels."""


@functools.lru_cache(maxsize=1)
def _dct() -> np.ndarray:
    """First rows of the orthogonal DCT-II matrix, [8, 32]."""
    k, n = np.arange(_BLOCK)[:, None], np.arange(_SIDE)[None]
    return (np.cos(np.pi * k * (2 * n + 1) / (2 * _SIDE)) * np.sqrt(2 / _SIDE)).astype(np.float32)


def _bits(coefficients: np.ndarray) -> np.ndarray:
    """[N, 8, 8] to uint64 [N]: which coefficients are above the median of all but the first."""
    flat = coefficients.reshape(len(coefficients), _BLOCK * _BLOCK)
    above = flat > np.median(flat[:, 1:], axis=1, keepdims=True)
    return np.packbits(above, axis=1).view(">u8")[:, 0].astype(np.uint64)


def perceptual_hashes(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hash of pictures and of their mirror images, from the lowest DCT coefficients (pHash, Zauner 2010).

    Args:
        grey: [N, 32, 32].

    Returns:
        Two uint64 [N]. Mirroring changes the sign of every odd horizontal frequency and nothing else.
    """
    coefficients = _dct() @ grey.astype(np.float32) @ _dct().T
    mirrored = coefficients * np.where(np.arange(_BLOCK) % 2, -1, 1).astype(np.float32)
    return _bits(coefficients), _bits(mirrored)


def border_share(rgb: np.ndarray, tolerance: int = 12) -> float:
    """Share of the picture taken by flat bands of one color on two opposite sides (letterbox, frame); uint8 [H, W, 3].

    One flat side is no frame: a clear sky is one.
    """
    total = 0.0
    for lines in (rgb, rgb.transpose(1, 0, 2)):
        first, last = _flat_lines(lines, tolerance), _flat_lines(lines[::-1], tolerance)
        if first and last and np.abs(lines[0, 0].astype(int) - lines[-1, 0]).max() <= tolerance:
            total += (first + last) / len(lines)
    return min(total, 1.0)


def _flat_lines(lines: np.ndarray, tolerance: int) -> int:
    step = max(1, lines.shape[1] // 256)
    color = lines[0, 0].astype(np.int16)
    for place in range(len(lines) // 3):
        if np.abs(lines[place, ::step] - color).max() > tolerance:
            return place
    return len(lines) // 3


def _may_have_frame(picture: Image.Image, tolerance: int = 12) -> bool:
    """False where :func:`border_share` would be 0 for sure: three pixels of each side say so of most pictures."""
    pixels: Any = picture.load()
    right, low = picture.width - 1, picture.height - 1
    corners = pixels[0, 0], pixels[right, 0], pixels[0, low], pixels[right, low]
    top, bottom = pixels[right // 2, 0], pixels[right // 2, low]
    left, far = pixels[0, low // 2], pixels[right, low // 2]
    sides = (
        ((corners[0], top, corners[1]), (corners[2], bottom, corners[3])),
        ((corners[0], left, corners[2]), (corners[1], far, corners[3])),
    )
    # Pixels of a flat line are within the tolerance of its first, so within twice that of one another.
    flat = 2 * tolerance
    for pair in sides:
        if all(max(channel) - min(channel) <= flat for side in pair for channel in zip(*side, strict=True)):
            return True
    return False


def measure(pictures: Iterable[Image.Image]) -> dict[str, np.ndarray]:
    """What is said of pictures, as columns of equal length; pictures (mode RGB) are taken one by one and let go.

    Returns:
        ``width``, ``height`` (px); ``lightness`` (mean L*); ``mean_chroma`` and ``chroma_spread`` (CIE units, see
        :class:`Filters`); ``colorfulness`` (Hasler and Süsstrunk 2003, signed differences, 0 to about 110);
        ``border`` (share); ``phash``, ``phash_mirrored`` (uint64); ``signature`` (uint8 [N, 256]).
    """
    tinies, sizes, borders = [], [], []
    for picture in pictures:
        tinies.append(picture.resize((_SIDE, _SIDE), Image.Resampling.BOX))
        sizes.append(picture.size)
        borders.append(border_share(np.asarray(picture)) if _may_have_frame(picture) else 0.0)
    count = len(tinies)
    # One below the other, because a conversion to an array costs more than all else that is done to a tiny picture.
    column = Image.new("RGB", (_SIDE, _SIDE * count))
    for place, tiny in enumerate(tinies):
        column.paste(tiny, (0, _SIDE * place))
    small = np.array(column).reshape(count, _SIDE, _SIDE, 3)
    grey = np.asarray(column.convert("L")).reshape(count, _SIDE, _SIDE)
    width, height = np.array(sizes, np.int32).reshape(count, 2).T
    rgb = torch.from_numpy(small).permute(0, 3, 1, 2).float() / 255
    lab = rgb_to_lab(rgb).flatten(2)
    lightness, ab = lab[:, 0], lab[:, 1:]
    # JPEG keeps color in coarse cells: only an average over them says whether color follows lightness.
    coarse = F.avg_pool2d(lab.unflatten(2, (_SIDE, _SIDE)), _SIDE // _COARSE).flatten(2)
    half = _SIDE // SIGNATURE
    signature = grey.reshape(len(grey), SIGNATURE, half, SIGNATURE, half).mean((2, 4)).round().astype(np.uint8)
    plain, mirrored = perceptual_hashes(grey)
    return {
        "width": width,
        "height": height,
        "lightness": lightness.mean(1).numpy(),
        "mean_chroma": torch.hypot(ab[:, 0], ab[:, 1]).mean(1).numpy(),
        "chroma_spread": _spread(coarse[:, 0], coarse[:, 1:]).numpy(),
        "colorfulness": colorfulness_signed(rgb).numpy(),
        "border": np.array(borders, np.float32),
        "phash": plain,
        "phash_mirrored": mirrored,
        "signature": signature.reshape(count, SIGNATURE * SIGNATURE),
    }


def _spread(lightness: torch.Tensor, ab: torch.Tensor) -> torch.Tensor:
    """RMS residual [N] of ab [N, 2, P] after the best piecewise linear curve through L [N, P] (least squares)."""
    knots = torch.linspace(0, 100, _KNOTS)
    hats = (1 - (lightness[:, :, None] - knots).abs() / (knots[1] - knots[0])).clamp(min=0)
    target = ab.transpose(1, 2)
    # The touch of ridge is for knots that no pixel is near.
    normal = hats.transpose(1, 2) @ hats + 1e-3 * torch.eye(_KNOTS)
    weights = torch.linalg.solve(normal, hats.transpose(1, 2) @ target)
    return (target - hats @ weights).square().sum(2).mean(1).sqrt()


def verdict(row: dict[str, float], filters: Filters) -> tuple[str, str]:
    """Reason and value for which a measured picture is dropped, or two empty strings."""
    width, height = int(row["width"]), int(row["height"])
    aspect = max(width, height) / min(width, height)
    checks = (
        (min(width, height) < filters.min_side, "too small", f"{width} x {height}"),
        (aspect > filters.max_aspect, "extreme aspect", f"{aspect:.2f}"),
        (row["lightness"] < filters.min_lightness, "too dark", f"{row['lightness']:.1f}"),
        (row["lightness"] > filters.max_lightness, "too bright", f"{row['lightness']:.1f}"),
        (row["border"] > filters.max_border, "border", f"{row['border']:.3f}"),
        (row["chroma_spread"] < filters.min_chroma_spread, "monochrome", f"{row['chroma_spread']:.2f}"),
        (row["colorfulness"] < filters.min_colorfulness, "low colorfulness", f"{row['colorfulness']:.1f}"),
    )
    return next(((reason, value) for beyond, reason, value in checks if beyond), ("", ""))
