"""The pair around the model: pictures to ``pixel_values``, and predicted ab with the originals to coloured pictures."""

from __future__ import annotations

import math

import torch
from transformers.image_processing_utils import BaseImageProcessor

# What ImageNet encoders were trained with (torchvision).
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)


def normalize_lightness(lightness: torch.Tensor) -> torch.Tensor:
    """L* as the network wants it: L* / 100 on three equal channels, normalised as ImageNet pictures are.

    Args:
        lightness: L* [B, 1, h, w] in [0, 100].

    Returns:
        pixel_values [B, 3, h, w].
    """
    mean = lightness.new_tensor(_IMAGENET_MEAN)[:, None, None]
    std = lightness.new_tensor(_IMAGENET_STD)[:, None, None]
    return (lightness / 100 - mean) / std


class ColorizationImageProcessor(BaseImageProcessor):
    """Prepares pictures for [`ColorizationModel`] and puts its colours on them at their own size.

    Args:
        working_size: side, in pixels, of a square with as many pixels as the picture the network sees.
        size_multiple: height and width of that picture are multiples of this.
    """

    model_input_names = ["pixel_values"]

    def __init__(self, working_size: int = 256, size_multiple: int = 16, **kwargs) -> None:
        super().__init__(**kwargs)
        if size_multiple < 4 or size_multiple % 4:
            raise ValueError(
                f"size_multiple must be a multiple of 4, the output stride of the network, not {size_multiple}."
            )
        if working_size < size_multiple:
            raise ValueError(f"working_size must be at least size_multiple ({size_multiple}), not {working_size}.")
        self.working_size = working_size
        self.size_multiple = size_multiple

    def working_shape(self, height: int, width: int) -> tuple[int, int]:
        """(h, w) at which the network sees a picture of (height, width): same aspect, working_size**2 pixels, multiples."""
        scale = self.working_size / math.sqrt(height * width)

        def fit(length: int) -> int:
            # At most 16 times the side: the network's cost stays bounded for a strip of a picture too.
            multiples = round(length * scale / self.size_multiple)
            return min(max(multiples, 1), 16 * self.working_size // self.size_multiple) * self.size_multiple

        return fit(height), fit(width)
