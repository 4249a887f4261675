"""The screen of dots that a printed photograph is made of, told by its spectrum and kept from the network."""

from __future__ import annotations

import functools
import math

import numpy as np

_MIN_SIDE = 48  # px; a smaller picture does not show enough dots
_LOWEST, _HIGHEST = 0.12, 0.48  # cycles a pixel: periods of 2 to 8 px
_RINGS = 64  # per cycle a pixel
_STRENGTH = 20.0
"""How far both waves of a screen stand out of the ring of their frequency. Photographs stay below 10, prints are
above 30, and nearly always far above."""
_MARGIN = 16  # px


def descreen(lightness: np.ndarray) -> np.ndarray:
    """Take the screen out of a picture that is printed in clustered dots; another comes back as it is.

    A screen is two waves of one frequency at a right angle, with their harmonics, each carrying the picture beside it.
    A colorizer takes the dots for texture and answers brown.

    Args:
        lightness: float32 [H, W], L* in [0, 100], not changed in place.

    Returns:
        float32 [H, W], L* in [0, 100]; the same array where there is no screen.
    """
    if min(lightness.shape) < _MIN_SIDE:
        return lightness
    wave = _find_wave(lightness)
    return lightness if wave is None else _without(lightness, wave)


@functools.lru_cache(maxsize=16)
def _frequencies(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Cycles a pixel, down [H, 1] and across [1, W // 2 + 1], of a real Fourier transform, float32."""
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    return down.astype(np.float32), across.astype(np.float32)


def _find_wave(plane: np.ndarray) -> tuple[float, float] | None:
    """One wave of the screen (cycles a pixel, down and across), or None where there is no screen.

    Args:
        plane: L* [H, W].
    """
    height, width = plane.shape
    down, across = _frequencies(height, width)
    # Hann's window, so that the edges of the picture are no waves.
    rows, columns = (np.sin(np.arange(n, dtype=np.float32) * np.float32(math.pi / n)) ** 2 for n in plane.shape)
    spectrum = np.abs(np.fft.rfft2((plane - plane.mean()) * rows[:, None] * columns))
    logs = np.log(spectrum.clip(min=1e-3))
    distance = np.hypot(down, across)
    ring = (distance * _RINGS).astype(np.intp)
    # The geometric mean of a ring is that of the picture: a few strong places hardly move it.
    usual = np.bincount(ring.ravel(), logs.ravel()) / np.bincount(ring.ravel()).clip(min=1)
    excess = logs - usual[ring]
    excess[(distance < _LOWEST) | (distance > _HIGHEST)] = -math.inf
    least = math.log(_STRENGTH)

    def place_of(values: np.ndarray) -> tuple[float, float] | None:
        """The wave at the largest value; None where that does not stand out far enough."""
        row, column = np.unravel_index(values.argmax(), values.shape)
        return None if values[row, column] < least else (float(down[row, 0]), float(across[0, column]))

    def strongest(y: float, x: float) -> tuple[float, float] | None:
        """The wave near y, x that stands out most; None where none does far enough."""
        if x < 0:
            y, x = -y, -x
        off = np.hypot(down - np.float32(y), across - np.float32(x))
        return place_of(np.where(off > max(0.02, 1.5 / min(height, width)), -math.inf, excess))

    wave = place_of(excess)
    if wave is None or strongest(-wave[1], wave[0]) is None:
        return None
    # The sum of the two waves, or twice one of them, may stand out most; what counts are the waves themselves.
    while lower := strongest((wave[0] - wave[1]) / 2, (wave[0] + wave[1]) / 2):
        wave = lower
    return wave


def _without(plane: np.ndarray, wave: tuple[float, float]) -> np.ndarray:
    """L* [H, W] with what is near the waves of the screen and their sums taken out, and slightly blurred."""
    padded = np.pad(plane, _MARGIN, mode="reflect")
    down, across = _frequencies(*padded.shape)
    frequency = math.hypot(*wave)
    kept = np.exp(-0.08 * (math.pi / frequency) ** 2 * (down**2 + across**2))  # a fifth of a period
    for first in range(-2, 3):
        for second in range(-2, 3):
            if first or second:
                y, x = first * wave[0] - second * wave[1], first * wave[1] + second * wave[0]
                squared = ((down - np.float32(y)) ** 2 + (across - np.float32(x)) ** 2) / frequency**2
                kept *= 1 - np.exp(-8 * squared)  # a quarter of the way to the next wave
    cleaned = np.fft.irfft2(np.fft.rfft2(padded) * kept, s=padded.shape)
    return cleaned[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN].clip(0, 100).astype(np.float32)
