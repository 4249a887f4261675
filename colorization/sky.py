"""Where the sky is: a small segmenter for colour and grey pictures, and one rule from its share to a word.

    segmenter = SkySegmenter()
    mask = segmenter(picture)              # float32 [H, W] in [0, 1]
    word = sky_label(sky_fraction(mask))   # "yes", "no" or "uncertain"

Architecture: the front of MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381) with a feature pyramid on top (Lin et
al. 2017, arXiv:1612.03144). Trained by ``scripts/train_sky.py`` on masks of a larger segmenter, half of the pictures
made grey; where that one sees next to no sky, a person has looked too (``scripts/train_sky_labels.csv``).

Known weakness: narrow gaps between trunks are missed, and surf and ice walls are now and then taken for sky.
``scripts/train_sky.py measure`` prints the confusion table against labels by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn
from torchvision.models import mobilenet_v2
from transformers import PretrainedConfig, PreTrainedModel
from transformers.utils import ModelOutput

PRETRAINED = Path(__file__).parent / "pretrained" / "sky"

NO_BELOW = 0.02
YES_FROM = 0.05
"""The rule of :func:`sky_label`: thresholds on the share of the picture that is sky, chosen on train and validation."""

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of the ImageNet pictures that the encoder saw first
_BLOCKS = 17  # of MobileNetV2, up to 160 channels at stride 32
_TAPS = {3: 24, 6: 32, 13: 96, 16: 160}  # block: channels, at strides 4, 8, 16 and 32


class SkyConfig(PretrainedConfig):
    """What a :class:`SkyModel` is made of: it sees squares of ``working_size`` px; ``width`` is the pyramid's."""

    model_type = "landscape-sky"

    def __init__(self, working_size: int = 128, width: int = 48, **kwargs) -> None:
        if working_size % 32:
            raise ValueError(f"working_size must be a multiple of 32, not {working_size}.")
        self.working_size, self.width = working_size, width
        super().__init__(**kwargs)


@dataclass
class SkyOutput(ModelOutput):
    """``logits`` [B, 1, h / 4, w / 4]: positive where there is sky."""

    logits: torch.Tensor | None = None


class SkyModel(PreTrainedModel):
    """Logit of "this is sky" for every fourth pixel of a picture."""

    config_class = SkyConfig
    base_model_prefix = "sky"
    main_input_name = "pixel_values"

    def __init__(self, config: SkyConfig) -> None:
        super().__init__(config)
        self.encoder = mobilenet_v2(weights=None).features[:_BLOCKS]
        width = config.width
        self.lateral = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in _TAPS.values())
        self.smooth = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False),
                nn.Conv2d(width, width, 1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            )
            for _ in _TAPS
        )
        self.head = nn.Conv2d(width, 1, 1)
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()

    def forward(self, pixel_values: torch.Tensor, return_dict: bool | None = None) -> SkyOutput | tuple:
        """Find the sky.

        Args:
            pixel_values: [B, 3, h, w], sRGB normalised as by :func:`to_pixel_values`; h and w multiples of 32.
            return_dict: False for a plain tuple.
        """
        levels, features = [], pixel_values
        for number, block in enumerate(self.encoder):
            features = block(features)
            if number in _TAPS:
                levels.append(features)
        top = None
        for level, lateral, smooth in zip(reversed(levels), reversed(self.lateral), reversed(self.smooth), strict=True):
            here = lateral(level)
            if top is not None:
                here = here + F.interpolate(top, size=here.shape[-2:], mode="nearest")
            top = smooth(here)
        logits = self.head(top)
        return (logits,) if return_dict is False else SkyOutput(logits=logits)


def to_pixel_values(pictures: Sequence[np.ndarray | Image.Image], size: int) -> torch.Tensor:
    """Pictures (Pillow, or uint8 RGB [H, W, 3]) to [B, 3, size, size], squeezed to squares and normalised."""
    squares = []
    for picture in pictures:
        if isinstance(picture, np.ndarray):
            picture = Image.fromarray(picture)
        # reducing_gap lets Pillow shrink a photograph in two cheap steps.
        square = picture.convert("RGB").resize((size, size), Image.Resampling.BICUBIC, reducing_gap=2.0)
        squares.append(np.asarray(square))
    pixels = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).float() / 255
    return (pixels - torch.tensor(_MEAN)[:, None, None]) / torch.tensor(_STD)[:, None, None]


def sky_fraction(mask: np.ndarray) -> float:
    """Share of the pixels of ``mask`` [H, W] in [0, 1] that are more likely sky than not."""
    return float((np.asarray(mask) >= 0.5).mean())


def sky_label(fraction: float) -> str:
    """The one rule: below ``NO_BELOW`` of the picture "no", from ``YES_FROM`` on "yes", between them "uncertain"."""
    if fraction < NO_BELOW:
        return "no"
    return "yes" if fraction >= YES_FROM else "uncertain"


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

    def __call__(self, picture: np.ndarray | Image.Image) -> np.ndarray:
        """The mask of one picture (Pillow, or uint8 RGB [H, W, 3]): float32 [H, W] in [0, 1]."""
        width, height = picture.size if isinstance(picture, Image.Image) else picture.shape[1::-1]
        mask = self.probabilities([picture])[None]
        return F.interpolate(mask, size=(height, width), mode="bilinear", align_corners=False)[0, 0].numpy()
