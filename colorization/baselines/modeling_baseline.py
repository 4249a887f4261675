"""Systems to compare with, under the forward contract of the release: ``pixel_values`` in, CIE ab out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from transformers.utils import can_return_tuple

from ..model.ab_bins import ab_centers
from ..model.color import rgb_to_lab
from ..model.configuration_colorization import IMAGENET_MEAN, IMAGENET_STD
from ..model.modeling_colorization import ColorizationModel, ColorizationOutput
from ..model.networks import ColorUNet, RawOutput, ResNetEncoder
from .clahe import equalize_locally
from .configuration_baseline import BaselineConfig
from .mobilenet import MobileNetEncoder
from .networks_earlier import Autoencoder, UNet, ZhangNet


@dataclass
class BaselineOutput(ColorizationOutput):
    """Output of [`BaselineModel`]: that of the release, and what networks of RGB predict.

    Args:
        rgb: [B, 3, h/s, w/s] float32 in [0, 1], of networks that predict sRGB; ``ab`` is that of these colors.
    """

    rgb: torch.Tensor | None = None


class BaselineModel(ColorizationModel):
    """A colorizer that the release is compared with; it is trained, saved and loaded alike, and goes to no Hub."""

    config_class = BaselineConfig
    _auto_class = None  # no copy of its code beside the weights
    _no_split_modules = ["BasicBlock", "InvertedResidual", "DecoderLevel"]

    def _build_network(self) -> nn.Module:
        config = self.config
        channels = {"regression": 2, "both": 2, "rgb": 3, "classification": 0}[config.head]
        bins = len(ab_centers()) if config.head in ("classification", "both") else 0
        if config.architecture == "unet":
            return UNet(config.widths, channels, config.dropout, config.attention)
        if config.architecture == "zhang":
            return ZhangNet(config.widths[0], channels, bins)
        if config.architecture == "autoencoder":
            return Autoencoder(config.widths, channels, config.scene_width)
        if config.architecture == "mobilenet-unet":
            encoder: nn.Module = MobileNetEncoder(config.encoder_multiplier)
        else:
            encoder = ResNetEncoder(config.encoder_widths)
        return ColorUNet(encoder, config.context_width, config.decoder_widths, channels, bins, config.guided)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)

    @can_return_tuple
    def forward(
        self,
        pixel_values: torch.Tensor,
        hints: torch.Tensor | None = None,
        palette: torch.Tensor | None = None,
        classify: bool = True,
    ) -> ColorizationOutput:
        """Predict color as the release does; see :meth:`ColorizationModel.forward`."""
        return super().forward(self._prepare(pixel_values), hints, palette, classify=classify)

    def _prepare(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """Undo the normalization or equalize the lightness, where the network wants it so."""
        config = self.config
        if not config.raw_lightness and not config.clahe:
            return pixel_values
        mean, std = (pixel_values.new_tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
        lightness = pixel_values * std + mean
        if config.clahe:
            lightness = equalize_locally(lightness[:, :1], config.clahe).expand_as(lightness)
        return lightness if config.raw_lightness else (lightness - mean) / std

    def _interpret(self, raw: RawOutput) -> ColorizationOutput:
        if self.config.head == "rgb" and raw.color is not None:
            rgb = raw.color.float().sigmoid()
            return BaselineOutput(ab=rgb_to_lab(rgb)[:, 1:], rgb=rgb)
        if self.config.squashed and raw.color is not None:
            raw = raw._replace(color=raw.color.float().tanh())
        return super()._interpret(raw)


__all__ = ["BaselineModel", "BaselineOutput"]
