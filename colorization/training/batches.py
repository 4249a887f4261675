"""From crops to what a step needs, batched and on the device: Lab conversion, ageing, guidance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from ..data.transforms import degrade
from ..model.color import rgb_to_lab
from ..model.image_processing_colorization import normalize_lightness
from .drawn_guidance import draw_hints, draw_palette
from .recipe import Recipe


@dataclass(frozen=True)
class Batch:
    """Part of a batch: n pictures of h x w px."""

    inputs: dict[str, Any]
    """Arguments of the model's forward."""
    lightness: torch.Tensor
    """L* [n, 1, h, w] as the model sees it, aged."""
    ab: torch.Tensor
    """Truth [n, 2, h, w], CIE units."""
    rgb: torch.Tensor | None
    """Truth [n, 3, h, w], sRGB in [0, 1]; None where it is not kept."""
    whole_ab: torch.Tensor | None = None
    """Truth of the whole picture, where ``ab`` is that of a window of it."""


def make_batch(rgb: torch.Tensor, recipe: Recipe, guided: bool, generator: torch.Generator) -> Batch:
    """Turn crops, uint8 [n, 3, h, w] on the device, into a batch.

    Crops that are nearly grey, too dark or too light for the recipe are left out, unless fewer than two would be left:
    batch normalization needs two, and several processes must take their steps together.
    """
    rgb = rgb.float() / 255
    lab = rgb_to_lab(rgb)
    mean_lightness = lab[:, 0].mean(dim=(1, 2))
    kept = (
        (lab[:, 1:].norm(dim=1).mean(dim=(1, 2)) >= recipe.min_chroma)
        & (mean_lightness >= recipe.min_lightness)
        & (mean_lightness <= recipe.max_lightness)
    )
    lightness, ab = degrade(lab[:, :1], recipe.degradation, generator), lab[:, 1:]
    if int(kept.sum()) >= 2:
        lightness, ab, rgb = lightness[kept], ab[kept], rgb[kept]
    inputs = {"pixel_values": normalize_lightness(lightness).contiguous(memory_format=torch.channels_last)}
    if guided:
        reduced = F.avg_pool2d(ab, 4)
        inputs["hints"] = draw_hints(reduced, recipe.hint_probability, generator)
        inputs["palette"] = draw_palette(reduced, recipe.palette_probability, generator)
    return Batch(inputs, lightness, ab, rgb)
