"""Predicted colours onto a photograph of any size, in bands of rows: no full-size floats, no second full-size copy."""

from __future__ import annotations

import functools
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from .color import join, lightness

# Pixels of a band of rows at full size: small enough for the cache, large enough that two cores share the work.
_BAND_PIXELS = 1 << 18
_BANDS_AT_ONCE = 4
_IMPORTED_BY = os.getpid()


def paint(original: Image.Image | np.ndarray, ab: torch.Tensor, tone: torch.Tensor | None = None) -> Image.Image:
    """Put ab [2, h, w] on one picture: mode RGB, of the original's size and lightness.

    Args:
        original: a Pillow picture, or uint8 [H, W] or [H, W, 3].
        ab: float32 on the CPU, CIE units.
        tone: [2, 101], CIE ab to add at L* 0, 1, ..., 100.
    """
    if isinstance(original, Image.Image):
        if original.mode != "RGB":
            original = original.convert("RGB")
        width, height = original.size
    else:
        height, width = original.shape[:2]
    coloured = Image.new("RGB", (width, height))
    wide = _enlarge_width(ab, width)
    rows = max(1, _BAND_PIXELS // width)

    def paint_band(top: int) -> None:
        bottom = min(top + rows, height)
        if isinstance(original, Image.Image):
            band = np.array(original.crop((0, top, width, bottom)))
        else:
            band = original[top:bottom] if original.ndim == 3 else np.repeat(original[top:bottom, :, None], 3, axis=2)
        light = lightness(torch.from_numpy(np.ascontiguousarray(band)))
        colours = _enlarge_rows(wide, top, bottom, height)
        if tone is not None:
            colours = colours + tone[:, light.round().long().clamp_(0, tone.shape[1] - 1)]
        rgb = join(light, colours)
        coloured.paste(Image.fromarray(rgb.numpy()), (0, top))

    list(_painters(os.getpid()).map(paint_band, range(0, height, rows)))
    return coloured


@functools.lru_cache(maxsize=1)
def _painters(process: int) -> ThreadPoolExecutor:
    """Threads for whole bands side by side, since not every step of a band uses more than one core by itself.

    Kept for the life of the process: each new thread would start PyTorch's own threads anew. A forked process has the
    pool but none of its threads, so it makes its own.
    """
    return ThreadPoolExecutor(min(torch.get_num_threads(), _BANDS_AT_ONCE), "painter")


def settle_in_process() -> None:
    """Make PyTorch usable in a process that was forked from one that has used it; call it before computing.

    OpenMP's threads do not survive a fork, and a child that asks for them waits for ever (GCC bug 58378), so a child
    computes in one thread, as the workers of PyTorch's ``DataLoader`` do. Elsewhere nothing is changed.
    """
    if os.getpid() != _IMPORTED_BY and torch.get_num_threads() > 1:
        torch.set_num_threads(1)


def _bicubic(length: int, enlarged: int, start: int, stop: int) -> tuple[int, torch.Tensor]:
    """Bicubic weights (Keys 1981, a = -0.75 as in PyTorch, align_corners=False) of ``enlarged`` places start..stop.

    Returns:
        The first of the ``n`` of ``length`` samples that matter, and the weights [stop - start, n].
    """
    centres = (torch.arange(start, stop, dtype=torch.float64, device="cpu") + 0.5) * length / enlarged - 0.5
    floor = centres.floor()
    taps = floor[:, None] + torch.arange(-1, 3, dtype=torch.float64, device="cpu")
    distance = (centres[:, None] - taps).abs()
    near = (1.25 * distance - 2.25) * distance**2 + 1
    far = -0.75 * (((distance - 5) * distance + 8) * distance - 4)
    weights = torch.where(distance <= 1, near, far).float()
    samples = taps.long().clamp(0, length - 1)
    first = int(samples.min())
    table = weights.new_zeros(stop - start, int(samples.max()) - first + 1)
    return first, table.scatter_add_(1, samples - first, weights)


def _enlarge_width(ab: torch.Tensor, width: int) -> torch.Tensor:
    """ab [2, h, w] to [h, 2, width], bicubic; narrower pictures than ab are averaged over."""
    if width < ab.shape[2]:
        return F.interpolate(ab[None], size=(ab.shape[1], width), mode="area")[0].transpose(0, 1).contiguous()
    columns = max(1, _BAND_PIXELS // max(1, ab.shape[1]))
    parts = []
    for left in range(0, width, columns):
        first, table = _bicubic(ab.shape[2], width, left, min(left + columns, width))
        parts.append(ab[:, :, first : first + table.shape[1]].transpose(0, 1) @ table.T)
    return torch.cat(parts, dim=2)


def _enlarge_rows(wide: torch.Tensor, top: int, bottom: int, height: int) -> torch.Tensor:
    """Rows top..bottom of ``height`` out of [h, 2, width], bicubic: [2, bottom - top, width]."""
    if height < wide.shape[0]:
        rows = F.interpolate(wide.permute(1, 0, 2)[None], size=(height, wide.shape[2]), mode="area")[0]
        return rows[:, top:bottom]
    first, table = _bicubic(wide.shape[0], height, top, bottom)
    rows = table @ wide[first : first + table.shape[1]].flatten(1)
    return rows.view(bottom - top, 2, -1).transpose(0, 1)
