"""Find the sky of pictures with the embedded model, or with any semantic-segmentation model that knows a sky."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from transformers import PretrainedConfig

from ..model.configuration_colorization import IMAGENET_MEAN, IMAGENET_STD
from .modeling_sky import SkyConfig, SkyModel
from .rule import sky_fraction

PRETRAINED = Path(__file__).parents[1] / "pretrained" / "sky"


def to_pixel_values(pictures: Sequence[np.ndarray | Image.Image], size: int) -> torch.Tensor:
    """Pictures (Pillow, or uint8 RGB [H, W, 3]) to [B, 3, size, size], squeezed to squares and normalized."""
    squares = []
    for picture in pictures:
        if isinstance(picture, np.ndarray):
            picture = Image.fromarray(picture)
        # reducing_gap lets Pillow shrink a photograph in two cheap steps.
        square = picture.convert("RGB").resize((size, size), Image.Resampling.BICUBIC, reducing_gap=2.0)
        squares.append(np.asarray(square))
    pixels = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).float() / 255
    return (pixels - torch.tensor(IMAGENET_MEAN)[:, None, None]) / torch.tensor(IMAGENET_STD)[:, None, None]


class SkySegmenter:
    """The sky of pictures, by the embedded model or by any semantic-segmentation model that knows a class "sky".

    Args:
        model: None for the embedded model, else a folder or Hub id: a :class:`SkyModel`, or anything that
            ``AutoModelForSemanticSegmentation`` loads.
        device: "cpu", "cuda" or another torch device.

    Raises:
        ValueError: if the model has no class with the name "sky".
    """

    def __init__(self, model: str | Path | None = None, device: str = "cpu") -> None:
        self.device = torch.device(device)
        self.processor, self.sky_class = None, None
        source = str(model or PRETRAINED)
        if PretrainedConfig.get_config_dict(source)[0].get("model_type") == SkyConfig.model_type:
            self.model = SkyModel.from_pretrained(source, dtype=torch.float32)
        else:
            from transformers import AutoImageProcessor, AutoModelForSemanticSegmentation

            self.model = AutoModelForSemanticSegmentation.from_pretrained(source, dtype=torch.float32)
            self.processor = AutoImageProcessor.from_pretrained(source)
            names = {str(name).lower().split(",")[0].strip(): i for i, name in self.model.config.id2label.items()}
            if "sky" not in names:
                raise ValueError(f"{source}: this segmentation model has no class 'sky'; it knows {', '.join(names)}.")
            self.sky_class = int(names["sky"])
        self.model.to(self.device).eval()

    @torch.inference_mode()
    def probabilities(self, pictures: Sequence[np.ndarray | Image.Image]) -> torch.Tensor:
        """Pictures to sky probabilities [B, h, w] at the model's own size, on the CPU; cheapest for counting."""
        if self.processor is None:
            pixels = to_pixel_values(pictures, self.model.config.working_size).to(self.device)
            return self.model(pixels).logits[:, 0].sigmoid().cpu()
        pictures = [p.convert("RGB") if isinstance(p, Image.Image) else Image.fromarray(p) for p in pictures]
        inputs = self.processor(images=pictures, return_tensors="pt").to(self.device)
        return self.model(**inputs).logits.softmax(dim=1)[:, self.sky_class].cpu()

    def fractions(self, pictures: Sequence[np.ndarray | Image.Image]) -> list[float]:
        """:func:`sky_fraction` of each picture, from masks of the model's own size."""
        return [sky_fraction(mask.numpy()) for mask in self.probabilities(pictures)]

    def masks(self, pictures: Sequence[np.ndarray | Image.Image]) -> list[np.ndarray]:
        """Find the sky of several pictures at once, of any sizes: float32 [H, W] in [0, 1] each."""
        sizes = [p.size[::-1] if isinstance(p, Image.Image) else p.shape[:2] for p in pictures]
        small = self.probabilities(pictures)[:, None, None]
        pairs = zip(small, sizes, strict=True)
        return [F.interpolate(m, size=size, mode="bilinear", align_corners=False)[0, 0].numpy() for m, size in pairs]

    def __call__(self, picture: np.ndarray | Image.Image) -> np.ndarray:
        """Find the sky of one picture (Pillow, or uint8 RGB [H, W, 3]): float32 [H, W] in [0, 1]."""
        return self.masks([picture])[0]
