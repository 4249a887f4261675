"""Colorizers as the harness sees them: a grey picture in, a colour picture of the same size out."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

Colorizer = Callable[[Image.Image], Image.Image]


def make_colorizer(spec: str) -> Colorizer:
    """``grey`` for the grey floor, else a model: a folder, an id on the Hub, or ``embedded``."""
    if spec == "grey":
        return lambda picture: picture

    from colorization.pipeline_colorization import load_pipeline

    return load_pipeline(None if spec == "embedded" else spec)
