"""Landscapes drawn from a seed, each unlike the others; folders of them, and what a build made of these."""

from __future__ import annotations

import io
from pathlib import Path

import datasets
import numpy as np
from PIL import Image

from colorization.data.options import BuildOptions

PLAIN = BuildOptions(sky=False, workers=1)


def landscape(seed: int, width: int = 192, height: int = 144) -> Image.Image:
    """A color picture with a horizon, two ranges of hills and texture, different for every seed."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    horizon = rng.uniform(0.25, 0.65)
    top, low = rng.uniform(0.2, 0.9, 3), rng.uniform(0.5, 1.0, 3)
    picture = top + (low - top) * np.clip(y / horizon, 0, 1)[..., None]
    for layer in range(3):
        ridge = horizon + 0.13 * layer + 0.18 * _noise_line(rng, width)
        color = rng.uniform(0.05, 0.8, 3)
        ground = color * (0.7 + 0.6 * _noise(rng, height, width))[..., None]
        picture = np.where((y > ridge[None])[..., None], ground, picture)
    radius = rng.uniform(0.05, 0.16)
    center = rng.uniform(0.1, 0.9, 2)
    blob = np.hypot(x - center[0], (y - center[1]) * height / width) < radius
    picture = np.where(blob[..., None], rng.uniform(0, 1, 3), picture)
    return Image.fromarray((picture.clip(0, 1) * 255 + 0.5).astype(np.uint8))


def _noise(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Fractal noise in [0, 1]: random grids, each twice as fine and half as strong."""
    total = np.zeros((height, width))
    for octave in range(2, 6):
        grid = Image.fromarray(rng.random((2**octave, 2**octave)).astype(np.float32))
        total += np.asarray(grid.resize((width, height), Image.Resampling.BICUBIC)) / 2**octave
    return (total - total.min()) / np.ptp(total)


def _noise_line(rng: np.random.Generator, width: int) -> np.ndarray:
    return _noise(rng, 8, width)[4] - 0.5


def encoded(picture: Image.Image, quality: int = 92, file_format: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, file_format, quality=quality)
    return buffer.getvalue()


def plant(folder: Path, seeds: range, scene: str = "hills") -> Path:
    (folder / scene).mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        (folder / scene / f"{seed:03d}.jpg").write_bytes(encoded(landscape(seed)))
    return folder


def rows(output: Path) -> dict[str, dict]:
    """Rows by the name of the file, from all splits."""
    found = {}
    for split, table in datasets.load_dataset(str(output), cache_dir=str(output / ".cache")).items():
        table = table.cast_column("image", datasets.Image(decode=False))
        found |= {row["image"]["path"]: row | {"split": split} for row in table}
    return found


def card(output: Path) -> str:
    return (output / "README.md").read_text()
