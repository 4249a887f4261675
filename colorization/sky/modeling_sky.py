"""A small semantic-segmentation model of one class, sky: its configuration and its network.

The front of MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381) with a feature pyramid on top (Lin et al. 2017,
arXiv:1612.03144).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn
from torchvision.models import mobilenet_v2
from transformers import PretrainedConfig, PreTrainedModel
from transformers.utils import ModelOutput, can_return_tuple

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

    @can_return_tuple
    def forward(self, pixel_values: torch.Tensor) -> SkyOutput:
        """Find the sky.

        Args:
            pixel_values: [B, 3, h, w], sRGB normalized as by ``segmenter.to_pixel_values``; h and w multiples of 32.
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
        return SkyOutput(logits=self.head(top))
