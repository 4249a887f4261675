"""The networks, as plain ``nn.Module``s: they know channels and strides, nothing of colour, files or transformers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn


class BasicBlock(nn.Module):
    """Residual block of ResNet-18 (He et al. 2016, arXiv:1512.03385), parameters named as in torchvision."""

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.downsample = None
        if stride != 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(x)) + shortcut, inplace=True)


def _stage(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    return nn.Sequential(BasicBlock(in_channels, out_channels, stride), BasicBlock(out_channels, out_channels))


class ResNetEncoder(nn.Module):
    """ResNet-18 from the stem to ``layer3``, parameters named as in torchvision: features at stride 4, 8 and 16."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        stem, *stages = widths
        self.conv1 = nn.Conv2d(3, stem, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.layer1 = _stage(stem, stages[0], stride=1)
        self.layer2 = _stage(stages[0], stages[1], stride=2)
        self.layer3 = _stage(stages[1], stages[2], stride=2)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """[B, 3, h, w] to features [B, C, h/4, w/4], [B, C, h/8, w/8], [B, C, h/16, w/16], rounded up."""
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        stride4 = self.layer1(F.max_pool2d(x, 3, stride=2, padding=1))
        stride8 = self.layer2(stride4)
        return [stride4, stride8, self.layer3(stride8)]


class Context(nn.Module):
    """One stage at stride 32, its channels gated by their mean over the picture (Hu et al. 2018, arXiv:1709.01507).

    What the picture is of (a beach, a wood) is known only from all of it; the gate brings it to every place.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.stage = _stage(in_channels, out_channels, stride=2)
        self.squeeze = nn.Linear(out_channels, max(out_channels // 4, 1))
        self.excite = nn.Linear(max(out_channels // 4, 1), out_channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stage(x)
        gate = self.excite(F.relu(self.squeeze(x.mean(dim=(2, 3)))))
        return x * gate.sigmoid()[:, :, None, None]


class DecoderLevel(nn.Module):
    """Bring ``x`` to the size of ``skip``, join both, and mix with two convolutions."""

    def __init__(self, in_channels: int, skip_channels: int, out_channels: int) -> None:
        super().__init__()
        self.mix = nn.Sequential(
            nn.Conv2d(in_channels + skip_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        x = F.interpolate(x, size=skip.shape[-2:], mode="bilinear", align_corners=False)
        return self.mix(torch.cat((x, skip), dim=1))


class ResNetUNet(nn.Module):
    """U-Net on a ResNet-18 encoder with its output at stride 4.

    The eye takes detail from L; colour at a quarter of the working size is enough (a true ab plane reduced to 64 px and
    enlarged again still gives more than 35 dB), and the two finest decoder levels are most of a usual U-Net's cost.
    """

    def __init__(self, encoder_widths: Sequence[int], context_width: int, decoder_widths: Sequence[int]) -> None:
        super().__init__()
        self.encoder = ResNetEncoder(encoder_widths)
        self.context = Context(encoder_widths[-1], context_width)
        inputs = (context_width, *decoder_widths[:-1])
        skips = tuple(reversed(encoder_widths[1:]))
        self.decoder = nn.ModuleList(
            DecoderLevel(i, s, o) for i, s, o in zip(inputs, skips, decoder_widths, strict=True)
        )
        self.head = nn.Conv2d(decoder_widths[-1], 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, 3, h, w] to raw ab [B, 2, h/4, w/4]."""
        skips = self.encoder(x)
        x = self.context(skips[-1])
        for level, skip in zip(self.decoder, reversed(skips), strict=True):
            x = level(x, skip)
        return self.head(x)
