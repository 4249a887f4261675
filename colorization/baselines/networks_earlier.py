"""Networks of earlier colorizers, kept to be compared with: the published dilated CNN, U-Nets, autoencoders.

Each takes [B, 3, h, w] of any size from 32 px on and answers with a :class:`RawOutput`, at the input's size unless said
otherwise. They are written from the papers; where a system was never published, from what its authors say of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from ..model.networks import RawOutput


class ZhangNet(nn.Module):
    """Dilated CNN of "Colorful Image Colorization" (Zhang et al. 2016, arXiv:1603.08511, table 4); output at stride 4.

    Eight groups of convolutions, each ending in batch normalization; the fifth and sixth are dilated instead of
    reduced, so that the field of view grows at stride 8.

    Args:
        width: channels of the first group (64 as published).
        channels: of a regressed color, 0 for none.
        bins: classes of the classifier, 0 for none.
    """

    # group: (convolutions, factor on width, stride of the last, dilation)
    _GROUPS = ((2, 1, 2, 1), (2, 2, 2, 1), (3, 4, 2, 1), (3, 8, 1, 1), (3, 8, 1, 2), (3, 8, 1, 2), (3, 8, 1, 1))

    def __init__(self, width: int = 64, channels: int = 0, bins: int = 0) -> None:
        super().__init__()
        layers, inputs = [], 3
        for count, factor, stride, dilation in self._GROUPS:
            for number in range(count):
                step = stride if number == count - 1 else 1
                layers += [
                    nn.Conv2d(inputs, factor * width, 3, step, padding=dilation, dilation=dilation),
                    nn.ReLU(inplace=True),
                ]
                inputs = factor * width
            layers.append(nn.BatchNorm2d(inputs))
        self.body = nn.Sequential(*layers)
        last = 4 * width
        self.rise = nn.Sequential(
            nn.ConvTranspose2d(inputs, last, 4, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(last, last, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(last, last, 3, padding=1),
            nn.ReLU(inplace=True),
        )
        self.head = nn.Conv2d(last, channels, 1) if channels else None
        self.classifier = nn.Conv2d(last, bins, 1) if bins else None

    def forward(self, x: torch.Tensor) -> RawOutput:
        """[B, 3, h, w] to maps [B, C, h/4, w/4]."""
        x = self.rise(self.body(x))
        return RawOutput(
            color=None if self.head is None else self.head(x),
            logits=None if self.classifier is None else self.classifier(x),
        )


class SelfAttention(nn.Module):
    """Attention between all places of a small map, weighed by a gain that begins at 0 (Zhang et al. 2019, SAGAN)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(channels // 8, 1)
        self.query, self.key = nn.Conv2d(channels, inner, 1), nn.Conv2d(channels, inner, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.gain = nn.Parameter(torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        query, key, value = (layer(x).flatten(2).transpose(1, 2) for layer in (self.query, self.key, self.value))
        seen = F.scaled_dot_product_attention(query, key, value)
        return x + self.gain * seen.transpose(1, 2).reshape(x.shape)


def _down(inputs: int, outputs: int, normalized: bool) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=not normalized)]
    if normalized:
        layers.append(nn.BatchNorm2d(outputs))
    return nn.Sequential(*layers, nn.LeakyReLU(0.2, inplace=True))


def _up(inputs: int, outputs: int, dropout: float) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    if dropout:
        layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.ReLU(inplace=True))


def _fit(x: torch.Tensor, size: torch.Size) -> torch.Tensor:
    """``x`` at ``size``: sides that are no multiple of the stride come back a little smaller."""
    return x if x.shape[-2:] == size else F.interpolate(x, size=size, mode="bilinear", align_corners=False)


class UNet(nn.Module):
    """U-Net of strided and transposed 4x4 convolutions, as the generator of pix2pix (Isola et al. 2017,
    arXiv:1611.07004, section 6.1.1) and the five-level U-Nets of landscape colorizers.

    Args:
        widths: channels at stride 2, 4, 8 and so on; as many levels.
        channels: of the color: 2 for ab, 3 for RGB.
        dropout: probability in the three deepest levels of the decoder.
        attention: whether the deepest map attends to itself.
    """

    def __init__(self, widths: Sequence[int], channels: int = 2, dropout: float = 0.0, attention: bool = False) -> None:
        super().__init__()
        self.encoder = nn.ModuleList(
            _down(i, o, normalized=number > 0) for number, (i, o) in enumerate(zip((3, *widths), widths, strict=False))
        )
        self.attention = SelfAttention(widths[-1]) if attention else nn.Identity()
        ups, inputs = [], widths[-1]
        for number, skip in enumerate(reversed(widths[:-1])):
            ups.append(_up(inputs, skip, dropout if number < 3 else 0.0))
            inputs = 2 * skip
        self.decoder = nn.ModuleList(ups)
        self.last = nn.ConvTranspose2d(inputs, widths[0], 4, stride=2, padding=1)
        self.head = nn.Conv2d(widths[0], channels, 1)

    def forward(self, x: torch.Tensor) -> RawOutput:
        """[B, 3, h, w] to color [B, channels, h, w]."""
        size, skips = x.shape[-2:], []
        for level in self.encoder:
            x = level(x)
            skips.append(x)
        x = self.attention(skips.pop())
        for level, skip in zip(self.decoder, reversed(skips), strict=True):
            x = torch.cat((_fit(level(x), skip.shape[-2:]), skip), dim=1)
        return RawOutput(color=self.head(F.relu(_fit(self.last(x), size))))


class Autoencoder(nn.Module):
    """Plain convolutional encoder and decoder, no skips: all detail goes through the narrowest map.

    Args:
        widths: channels at stride 2, 4, 8 and so on.
        channels: of the color: 2 for ab, 3 for RGB.
        scene_width: channels of a second, small CNN whose mean over the picture is joined to the narrowest map (the
            fusion of Iizuka et al. 2016, "Let there be Color!"); 0 for none.
    """

    def __init__(self, widths: Sequence[int], channels: int = 3, scene_width: int = 0) -> None:
        super().__init__()

        def block(inputs: int, outputs: int, stride: int = 1) -> list[nn.Module]:
            return [
                nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(inplace=True),
            ]

        self.encoder = nn.Sequential(
            *(layer for i, o in zip((3, *widths), widths, strict=False) for layer in block(i, o, stride=2))
        )
        self.scene = None
        if scene_width:
            self.scene = nn.Sequential(
                *block(3, scene_width // 4, 2), *block(scene_width // 4, scene_width // 2, 2),
                *block(scene_width // 2, scene_width, 2), *block(scene_width, scene_width, 2),
            )  # fmt: skip
        self.fuse = nn.Sequential(*block(widths[-1] + scene_width, widths[-1]))
        outputs = (*reversed(widths[:-1]), widths[0])
        self.decoder = nn.ModuleList(
            nn.Sequential(*block(i, o)) for i, o in zip((widths[-1], *outputs), outputs, strict=False)
        )
        self.head = nn.Conv2d(widths[0], channels, 3, padding=1)

    def forward(self, x: torch.Tensor) -> RawOutput:
        """[B, 3, h, w] to color [B, channels, h, w]."""
        size, inner = x.shape[-2:], self.encoder(x)
        if self.scene is not None:
            scene = self.scene(x).mean(dim=(2, 3), keepdim=True)
            inner = torch.cat((inner, scene.expand(-1, -1, *inner.shape[-2:])), dim=1)
        x = self.fuse(inner)
        for level in self.decoder:
            x = level(F.interpolate(x, scale_factor=2, mode="nearest"))
        return RawOutput(color=self.head(_fit(x, size)))
