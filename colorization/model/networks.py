"""Our network, as plain ``nn.Module``s: they know channels and strides, nothing of color, files or transformers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn


class RawOutput(NamedTuple):
    """What a network says, in its own units: the model turns it into CIE units."""

    color: torch.Tensor | None
    """[B, 2, h, w] ab, or [B, 3, h, w] RGB, or None where there is only a classifier."""
    logits: torch.Tensor | None = None
    """[B, Q, h, w] over the bins of ab."""
    log_chroma: torch.Tensor | None = None
    """[B] natural logarithm of the picture's mean chroma."""
    log_chroma_variance: torch.Tensor | None = None
    """[B] logarithm of the variance of that."""
    coarse: torch.Tensor | None = None
    """[B, 2, h/16, w/16] ab of the whole picture, before the decoder."""


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


def residual_stage(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    """Two residual blocks, the first with the stride."""
    return nn.Sequential(BasicBlock(in_channels, out_channels, stride), BasicBlock(out_channels, out_channels))


class ResNetEncoder(nn.Module):
    """ResNet-18 from the stem to ``layer2`` or ``layer3``, parameters named as in torchvision.

    Args:
        widths: channels of the stem and of two or three stages.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.widths = stem, *stages = tuple(widths)
        self.conv1 = nn.Conv2d(3, stem, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.layer1 = residual_stage(stem, stages[0], stride=1)
        self.layer2 = residual_stage(stages[0], stages[1], stride=2)
        self.layer3 = residual_stage(stages[1], stages[2], stride=2) if len(stages) > 2 else None

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """[B, 3, h, w] to features [B, C, h/s, w/s] at strides s of 2, 4, 8 and perhaps 16, rounded up."""
        stride2 = F.relu(self.bn1(self.conv1(x)), inplace=True)
        stride4 = self.layer1(F.max_pool2d(stride2, 3, stride=2, padding=1))
        stride8 = self.layer2(stride4)
        deeper = [] if self.layer3 is None else [self.layer3(stride8)]
        return [stride2, stride4, stride8, *deeper]

    def context_stage(self, out_channels: int) -> nn.Module:
        """What goes on from stride 16 to stride 32: trained with the decoder."""
        return residual_stage(self.widths[-1], out_channels, stride=2)


class Context(nn.Module):
    """One stage at stride 32, its channels gated by their mean over the picture (Hu et al. 2018, arXiv:1709.01507).

    What the picture is of (a beach, a wood) is known only from all of it; the gate brings it to every place.
    """

    def __init__(self, stage: nn.Module, out_channels: int) -> None:
        super().__init__()
        self.stage = stage
        self.squeeze = nn.Linear(out_channels, max(out_channels // 4, 1))
        self.excite = nn.Linear(max(out_channels // 4, 1), out_channels)

    def forward(self, x: torch.Tensor, shift: torch.Tensor | None = None) -> torch.Tensor:
        """What ``stage`` takes to [B, D, h/32, w/32]; ``shift`` [B, D] is added everywhere before the gate."""
        x = self.stage(x)
        if shift is not None:
            x = x + shift[:, :, None, None]
        gate = self.excite(F.relu(self.squeeze(x.mean(dim=(2, 3)))))
        return x * gate.sigmoid()[:, :, None, None]


class DecoderLevel(nn.Module):
    """Bring ``x`` to the size of ``skip`` (or to twice its own where there is none), join both, and mix."""

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

    def forward(self, x: torch.Tensor, skip: torch.Tensor | None) -> torch.Tensor:
        size = [2 * side for side in x.shape[-2:]] if skip is None else skip.shape[-2:]
        x = F.interpolate(x, size=size, mode="bilinear", align_corners=False)
        return self.mix(x if skip is None else torch.cat((x, skip), dim=1))


class Guidance(nn.Module):
    """What a person adds: colors at points, and the palette of another photograph.

    Points enter at strides 4, 8 and 16, and 32 where the encoder goes so far (as the local hints of Zhang et al. 2017,
    arXiv:1705.02999, enter at the input), the palette in the context, where it reaches every place (their global
    hints). No layer has a bias, so nothing given is exactly nothing added: one network serves with and without.
    """

    def __init__(self, skip_widths: Sequence[int], bins: int, context_width: int) -> None:
        super().__init__()
        widths = (32, 48, 64, 64)[: len(skip_widths)]
        self.points = nn.ModuleList(
            nn.Conv2d(i, o, 3, stride, padding=1, bias=False)
            for i, o, stride in zip((3, *widths), widths, (1, 2, 2, 2), strict=False)
        )
        self.joins = nn.ModuleList(nn.Conv2d(i, o, 1, bias=False) for i, o in zip(widths, skip_widths, strict=True))
        self.palette = nn.Linear(bins, context_width, bias=False)

    def forward(self, hints: torch.Tensor) -> list[torch.Tensor]:
        """Hints [B, 3, h/4, w/4] (ab in network units, 1 where given) to what is added to features from stride 4 on."""
        added, x = [], hints
        for point, join in zip(self.points, self.joins, strict=True):
            x = F.relu(point(x))
            added.append(join(x))
        return added


class ColorUNet(nn.Module):
    """U-Net on a pretrained encoder; three decoder levels end at stride 4, four at 2, five at the size of the input.

    Stride 4 is ours: the eye takes detail from L, a true ab plane reduced to 64 px and enlarged again still gives more
    than 35 dB, and the two finest decoder levels are most of a usual U-Net's cost.

    Args:
        encoder: features at strides 2, 4, 8, 16 and perhaps 32, with ``widths`` and ``context_stage`` as ResNetEncoder.
        context_width: stage at stride 32.
        decoder_widths: from stride 16 on.
        channels: of the regressed color, 0 for none.
        bins: classes of the classifier, 0 for none.
        guided: whether it takes hints and a palette, and predicts the picture's mean chroma; needs ``bins``.
    """

    def __init__(
        self,
        encoder: Any,
        context_width: int,
        decoder_widths: Sequence[int],
        channels: int = 2,
        bins: int = 0,
        guided: bool = False,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.context = Context(encoder.context_stage(context_width), context_width)
        inputs = (context_width, *decoder_widths[:-1])
        skips = (*reversed(encoder.widths[:4]), 0)[: len(decoder_widths)]
        self.decoder = nn.ModuleList(
            DecoderLevel(i, s, o) for i, s, o in zip(inputs, skips, decoder_widths, strict=True)
        )
        width = decoder_widths[-1]
        self.head = nn.Conv2d(width, channels, 1) if channels else None
        self.classifier = None
        if bins:
            self.classifier = nn.Sequential(
                nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(2 * width, bins, 1)
            )
        self.guidance = Guidance(encoder.widths[1:], bins, context_width) if guided else None
        self.chroma = None
        if guided:
            self.chroma = nn.Sequential(nn.Linear(context_width, 64), nn.ReLU(inplace=True), nn.Linear(64, 1))

    def forward(
        self, x: torch.Tensor, hints: torch.Tensor | None = None, palette: torch.Tensor | None = None
    ) -> RawOutput:
        """[B, 3, h, w] to maps at the output stride. ``hints`` [B, 3, h/4, w/4], ``palette`` [B, Q]."""
        stride2, *deeper = self.encoder(x)
        shift = None
        if self.guidance is not None:
            if hints is not None:
                deeper = [x + added for x, added in zip(deeper, self.guidance(hints), strict=True)]
            shift = None if palette is None else self.guidance.palette(palette)
        context = self.context(deeper[-1], shift)
        x = context
        for level, skip in zip(self.decoder, (*reversed(deeper[:3]), stride2, None), strict=False):
            x = level(x, skip)
        return RawOutput(
            color=None if self.head is None else self.head(x),
            logits=None if self.classifier is None else self.classifier(x),
            log_chroma=None if self.chroma is None else self.chroma(context.mean(dim=(2, 3))).squeeze(1),
        )
