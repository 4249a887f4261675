"""A grey landscape that the project draws itself: an example for machines with no network and no photographs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter


@dataclass(frozen=True)
class Scene:
    """What a drawn landscape is made of.

    Attributes:
        seed: of the random numbers; the same seed gives the same picture.
        shore: share of the height above the lake; 1 for no lake.
        ridges: how many, from far to near.
        top: share of the height above the farthest ridge; below 0 there is no sky.
        rough: how jagged the ridges are.
        light: tone of the farthest ridge, and how much darker the nearest is.
        woods: whether near ridges carry firs.
        clouds: how many.
    """

    seed: int = 7
    shore: float = 0.74
    ridges: int = 6
    top: float = 0.40
    rough: float = 1.0
    light: tuple[float, float] = (0.70, 0.53)
    woods: bool = True
    clouds: float = 0.75


SCENES = {
    "Lake in a valley": Scene(),
    "High ridges": Scene(seed=3, shore=1.0, ridges=5, top=0.34, rough=1.5, light=(0.78, 0.45)),
    "Dunes": Scene(seed=5, shore=1.0, ridges=4, top=0.46, rough=0.5, light=(0.74, 0.22), woods=False, clouds=0.2),
    "Wide water": Scene(seed=11, shore=0.52, ridges=3, top=0.42, rough=0.6, clouds=0.9),
    "Snowfields": Scene(seed=13, shore=1.0, ridges=5, top=0.36, rough=1.3, light=(0.72, -0.16), woods=False),
    "Wooded hills": Scene(seed=17, shore=1.0, ridges=7, top=0.28, rough=0.7, light=(0.60, 0.46)),
    "Slope without a sky": Scene(seed=19, shore=1.0, ridges=6, top=-0.12, rough=0.8, light=(0.56, 0.34)),
    "Evening shore": Scene(seed=23, shore=0.66, ridges=4, top=0.50, rough=0.8, light=(0.52, 0.42), clouds=1.0),
}


def draw_landscape(width: int = 1200, height: int = 800, scene: Scene = Scene()) -> Image.Image:
    """Draw a landscape in grey: sky with clouds and a low sun, ridges that fade into haze, woods and a lake.

    Args:
        width: pixels, at least 16.
        height: pixels, at least 16.
        scene: what it is made of.

    Returns:
        Mode L, [height, width].
    """
    if width < 16 or height < 16:
        raise ValueError(f"A landscape needs at least 16 × 16 pixels, not {width} × {height}.")
    random = np.random.default_rng(scene.seed)
    y = np.linspace(0, 1, height)[:, None]
    x = np.linspace(0, 1, width)[None, :]

    # Sky: brighter towards the horizon, with a glow around the sun and clouds drawn out sideways.
    glow = np.exp(-(((x - 0.68) / 0.22) ** 2 + ((y - 0.40) / 0.20) ** 2))
    clouds = _noise(random, height, width, cells=(4, 13), octaves=6)
    clouds = np.clip((clouds - 0.46) / 0.30, 0, 1) ** 1.1 * np.clip((0.42 - y) / 0.25, 0, 1)
    picture = 0.44 + 0.62 * np.clip(y, 0, 0.5) + 0.12 * glow
    picture = picture + clouds * (0.93 - picture) * scene.clouds

    # Ridges from far to near: each darker, rougher and lower than the one behind it.
    count, shore = scene.ridges, scene.shore
    for index in range(count):
        near = index / (count - 1)
        level = scene.top + (0.67 - scene.top) * near
        crest = level - (0.26 - 0.17 * near) * scene.rough * (_line(random, width, 2.2 + 2 * near, 8, 0.52) - 0.35)
        if near > 0.7 and scene.woods:  # the nearest ones carry a wood: a row of pointed tops
            crest = crest - 0.026 * near * _treetops(random, width)
        tone = scene.light[0] - scene.light[1] * near**0.8
        texture = _noise(random, height, width, cells=(12, 18), octaves=5)
        relief = (np.gradient(_noise(random, height, width, cells=(8, 11), octaves=6), axis=1)) * width / 40
        depth = np.clip((y - crest) / 0.22, 0, 1)
        haze = (0.16 - 0.12 * near) * depth  # mist gathers in the valleys
        layer = tone * (0.86 + 0.28 * texture) + np.clip(relief, -1, 1) * 0.10 * (0.4 + 0.6 * near) + haze
        edge = np.clip((y - crest) * height, 0, 1)  # one pixel of antialiasing
        picture = picture * (1 - edge) + layer * edge

    # Lake: what stands above the shore, upside down, darker, broken by ripples that grow towards the viewer.
    if shore < 1:
        first = int(shore * height)
        rows = np.arange(first, height)
        below = (rows - first) / max(1, height - first)
        waves = _noise(random, len(rows), width, cells=(14, 60), octaves=3) - 0.5
        source = first - 1 - (rows - first)[:, None] * 1.6 + waves * (6 + 60 * below[:, None] ** 2) * height / 800
        source = np.clip(source, 0, first - 1).astype(int)
        mirrored = picture[source, np.arange(width)[None, :]]
        shine = 0.10 * np.clip(waves * 3, 0, 1) * (0.3 + below[:, None])
        picture[first:] = mirrored * (0.80 - 0.22 * below[:, None]) + 0.04 + shine

    # Bank in front, dark, so that the eye has somewhere to stand.
    bank = 0.965 - 0.10 * (_line(random, width, 2.0, 8, 0.55) - 0.3) - 0.02 * _treetops(random, width)
    grass = 0.10 + 0.16 * _noise(random, height, width, cells=(90, 26), octaves=4)
    edge = np.clip((y - bank) * height, 0, 1)
    picture = picture * (1 - edge) + grass * edge

    vignette = 1 - 0.16 * (((x - 0.5) * 1.3) ** 2 + ((y - 0.5) * 1.2) ** 2)
    picture = picture * vignette + random.normal(0, 0.006, picture.shape)
    drawn = Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))
    return drawn.filter(ImageFilter.GaussianBlur(0.5))


def draw_in_color(width: int = 1200, height: int = 800, scene: Scene = Scene()) -> Image.Image:
    """Draw the same landscape in plain colors: blue above, green to brown below, all at the drawing's own L*.

    Returns:
        Mode RGB, [height, width].
    """
    import torch

    from colorization.model.color import join, lightness

    grey = np.array(draw_landscape(width, height, scene).convert("RGB"))
    light = lightness(torch.from_numpy(grey))
    y = torch.linspace(0, 1, height)[:, None].expand(height, width)
    ground = torch.sigmoid((y - scene.top) * 30)  # 0 in the sky, 1 in the ground
    water = torch.sigmoid((y - scene.shore) * 60)
    strength = (1 - (light / 100 - 0.5).abs() * 1.2).clamp(min=0.1)
    a = strength * ((1 - ground) * -2 + ground * (1 - water) * -14 + water * -6)
    b = strength * ((1 - ground) * -24 + ground * (1 - water) * 26 + water * -12)
    return Image.fromarray(join(light, torch.stack((a, b))).numpy())


def _noise(random: np.random.Generator, height: int, width: int, cells: tuple[int, int], octaves: int) -> np.ndarray:
    """Fractal noise [height, width], about 0 to 1: octaves of random grids, each finer by 2 and weaker by 2.

    ``cells`` are the columns and rows of the coarsest grid.
    """
    total, weight = np.zeros((height, width)), 0.0
    for octave in range(octaves):
        columns, rows = cells[0] * 2**octave, cells[1] * 2**octave
        grid = Image.fromarray(random.random((min(rows, height), min(columns, width))).astype(np.float32))
        total += np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC)) / 2**octave
        weight += 1 / 2**octave
    return total / weight


def _line(random: np.random.Generator, width: int, cells: float, octaves: int, gain: float) -> np.ndarray:
    """Fractal noise along one row, [1, width], about 0 to 1."""
    total, weight = np.zeros(width), 0.0
    for octave in range(octaves):
        points = random.random(int(cells * 2**octave) + 3)
        total += gain**octave * np.interp(np.linspace(0, len(points) - 1, width), np.arange(len(points)), points)
        weight += gain**octave
    return (total / weight)[None, :]


def _treetops(random: np.random.Generator, width: int) -> np.ndarray:
    """Heights of a row of firs, [1, width], 0 to 1."""
    heights = np.zeros(width)
    columns = np.arange(width)
    spacing = max(2.0, width / 240)
    for _ in range(300):
        center, height = random.uniform(0, width), random.uniform(0.3, 1)
        heights = np.maximum(heights, height - np.abs(columns - center) / spacing * random.uniform(0.5, 0.9))
    return heights[None, :]
