"""The encoder of a smaller colorizer that was compared with the release: MobileNetV2."""

from __future__ import annotations

import torch
from torch import nn
from torchvision.models import mobilenet_v2
from torchvision.ops import Conv2dNormActivation


class MobileNetEncoder(nn.Module):
    """MobileNetV2 without its classifier (Sandler et al. 2018, arXiv:1801.04381), as it is in torchvision.

    Its pretrained features go to stride 32; those of ResNet-18 up to ``layer3`` end at stride 16.
    """

    _ENDS = (1, 3, 6, 13)  # the last block at strides 2, 4, 8 and 16

    def __init__(self, width: float) -> None:
        super().__init__()
        self.features = mobilenet_v2(width_mult=width).features
        self.widths = tuple(self.features[end].out_channels for end in (*self._ENDS, -1))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """[B, 3, h, w] to features [B, C, h/s, w/s] at strides s of 2, 4, 8, 16 and 32, rounded up."""
        found = []
        for number, block in enumerate(self.features):
            x = block(x)
            if number in self._ENDS:
                found.append(x)
        return [*found, x]

    def context_stage(self, out_channels: int) -> nn.Module:
        """What makes the features at stride 32 those that the decoder wants: trained with it."""
        return Conv2dNormActivation(self.widths[-1], out_channels, 1)
