"""The screen of dots that a printed photograph is made of, told by its spectrum and kept from the network."""

from __future__ import annotations

import functools
import math

import torch
import torch.nn.functional as F

_MIN_SIDE = 48  # px; a smaller picture does not show enough dots
_LOWEST, _HIGHEST = 0.12, 0.48  # cycles a pixel: periods of 2 to 8 px
_RINGS = 64  # per cycle a pixel
_STRENGTH = 20.0
"""How far both waves of a screen stand out of the ring of their frequency. Photographs stay below 10, prints are
above 30, and nearly always far above."""
_MARGIN = 16  # px


def descreen(lightness: torch.Tensor) -> torch.Tensor:
    """Take the screen out of pictures that are printed in clustered dots; others come back as they are.

    A screen is two waves of one frequency at a right angle, with their harmonics, each carrying the picture beside it.
    A colorizer takes the dots for texture and answers brown.

    Args:
        lightness: L* [B, 1, H, W] in [0, 100], not changed in place.

    Returns:
        L* [B, 1, H, W] in [0, 100]; the same tensor where there is no screen.
    """
    if min(lightness.shape[-2:]) < _MIN_SIDE:
        return lightness
    waves = [_find_wave(plane) for plane in lightness[:, 0]]
    if not any(waves):
        return lightness
    planes = [
        plane if wave is None else _without(plane, wave) for plane, wave in zip(lightness[:, 0], waves, strict=True)
    ]
    return torch.stack(planes)[:, None]


@functools.lru_cache(maxsize=16)
def _frequencies(height: int, width: int, like: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Cycles a pixel, down [H, 1] and across [1, W // 2 + 1], of a real Fourier transform, float32 on that device."""
    kind = {"dtype": torch.float32, "device": like}
    return torch.fft.fftfreq(height, **kind)[:, None], torch.fft.rfftfreq(width, **kind)[None]


def _find_wave(plane: torch.Tensor) -> tuple[float, float] | None:
    """One wave of the screen (cycles a pixel, down and across), or None where there is no screen.

    Args:
        plane: L* [H, W].
    """
    height, width = plane.shape
    down, across = _frequencies(height, width, plane.device)
    rows, columns = (torch.hann_window(n, dtype=torch.float32, device=plane.device) for n in plane.shape)
    window = rows[:, None] * columns
    spectrum = torch.fft.rfft2((plane - plane.mean()) * window).abs().clamp(min=1e-3)
    distance = torch.hypot(down, across)
    ring = (distance * _RINGS).long().flatten()
    logs = spectrum.log().flatten()
    # The geometric mean of a ring is that of the picture: a few strong places hardly move it.
    usual = torch.bincount(ring, logs) / torch.bincount(ring).clamp(min=1)
    excess = (logs - usual[ring]).view_as(spectrum)
    excess = excess.masked_fill((distance < _LOWEST) | (distance > _HIGHEST), -math.inf)
    place = int(excess.argmax())
    if excess.view(-1)[place] < math.log(_STRENGTH):
        return None

    def strongest(y: float, x: float) -> tuple[float, float] | None:
        """The place near y, x that stands out most; None where none does far enough."""
        if x < 0:
            y, x = -y, -x
        off = torch.hypot(down - y, across - x)
        place = int(excess.masked_fill(off > max(0.02, 1.5 / min(height, width)), -math.inf).argmax())
        if excess.view(-1)[place] < math.log(_STRENGTH):
            return None
        return down[place // across.shape[1], 0].item(), across[0, place % across.shape[1]].item()

    y, x = down[place // across.shape[1], 0].item(), across[0, place % across.shape[1]].item()
    if strongest(-x, y) is None:
        return None
    # The sum of the two waves, or twice one of them, may stand out most; what counts are the waves themselves.
    while lower := strongest((y - x) / 2, (y + x) / 2):
        y, x = lower
    return y, x


def _without(plane: torch.Tensor, wave: tuple[float, float]) -> torch.Tensor:
    """L* [H, W] with what is near the waves of the screen and their sums taken out, and slightly blurred."""
    padded = F.pad(plane[None, None], (_MARGIN,) * 4, mode="reflect")[0, 0]
    down, across = _frequencies(*padded.shape, plane.device)
    frequency = math.hypot(*wave)
    kept = torch.exp(-0.08 * (math.pi / frequency) ** 2 * (down**2 + across**2))  # a fifth of a period
    for first in range(-2, 3):
        for second in range(-2, 3):
            if first or second:
                y, x = first * wave[0] - second * wave[1], first * wave[1] + second * wave[0]
                squared = ((down - y) ** 2 + (across - x) ** 2) / frequency**2
                kept = kept * (1 - torch.exp(-8 * squared))  # a quarter of the way to the next wave
    cleaned = torch.fft.irfft2(torch.fft.rfft2(padded) * kept, s=padded.shape)
    return cleaned[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN].clamp(0, 100)
