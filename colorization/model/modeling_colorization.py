"""The model: a grey picture in, the two color planes of CIE Lab out."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import Dinov2Config, PreTrainedModel
from transformers.utils import ModelOutput, can_return_tuple

from .ab_bins import ab_centers, annealed_mean
from .color import full_precision
from .configuration_colorization import ColorizationConfig
from .dinov2_network import Dinov2ColorNetwork
from .networks import ColorUNet, RawOutput, ResNetEncoder

_CALIBRATION_RANGE = (0.7, 1.6)  # factors on chroma beyond these are more often wrong than right


@dataclass
class ColorizationOutput(ModelOutput):
    """Output of [`ColorizationModel`] for ``pixel_values`` [B, 3, h, w]; s is the output stride, 4 for our network.

    Args:
        ab: [B, 2, h/s, w/s] float32, CIE a* and b* (not scaled): the colors.
        regressed: [B, 2, h/s, w/s] float32, CIE ab of the regression head alone, where there is one.
        logits: [B, Q, h/s, w/s] float32 over the bins of ab (``ab_bins.ab_centers``), where there is a
            classifier.
        log_chroma: [B] float32, natural logarithm of the predicted mean chroma (CIE units), of guided networks.
        log_chroma_variance: [B] float32, logarithm of the variance of that.
        coarse: [B, 2, h/16, w/16] float32, CIE ab of the whole picture before the decoder; trained beside it.
    """

    ab: torch.Tensor = None  # type: ignore[assignment] # always there; a ModelOutput wants defaults
    regressed: torch.Tensor | None = None
    logits: torch.Tensor | None = None
    log_chroma: torch.Tensor | None = None
    log_chroma_variance: torch.Tensor | None = None
    coarse: torch.Tensor | None = None


class ColorizationModel(PreTrainedModel):
    """Network that predicts CIE ab from a grey picture. Losses live in training; there is no ``labels`` argument."""

    config: ColorizationConfig
    network: Any
    config_class = ColorizationConfig
    base_model_prefix = "colorization"
    main_input_name = "pixel_values"
    input_modalities = ("image",)
    _no_split_modules = ["BasicBlock", "DecoderLevel"]
    stored_dtype: torch.dtype | None = None
    """In which the weights are written, where that is not what they are computed in."""

    def __init__(self, config: ColorizationConfig) -> None:
        super().__init__(config)
        self.network = self._build_network()
        if torch.get_default_dtype() == torch.bfloat16:  # from_pretrained builds a model under the type asked for
            self._keep_in_fp32_modules_strict = {"backbone"}
        self.post_init()

    @property
    def dtype(self) -> torch.dtype:
        """That of the weights, but for a backbone's, which stays in float32 where the others are in bfloat16."""
        return next(weight.dtype for name, weight in self.named_parameters() if "backbone" not in name)

    def _build_network(self) -> nn.Module:
        """Make the network that the configuration names: pixel_values to a :class:`RawOutput`."""
        config = self.config
        if config.architecture == "dinov2":
            return Dinov2ColorNetwork(
                Dinov2Config(**(config.backbone or {}), attn_implementation="sdpa"),
                config.taps,
                config.attention_width,
                config.attention_layers,
                config.attention_heads,
                config.encoder_widths,
                config.decoder_widths,
                len(ab_centers()),
                config.detail_dropout,
            )
        return ColorUNet(
            ResNetEncoder(config.encoder_widths),
            config.context_width,
            config.decoder_widths,
            channels=0 if config.head == "classification" else 2,
            bins=0 if config.head == "regression" else len(ab_centers()),
            guided=config.guided,
        )

    @torch.no_grad()
    def _init_weights(self, module: Any) -> None:
        if module in (self.network.head, getattr(self.network, "coarse", None)):  # begin near grey
            nn.init.normal_(module.weight, std=self.config.initializer_range / self.config.ab_scale)
            nn.init.zeros_(module.bias)
        elif self.config.guided and module in (*self.network.guidance.joins, self.network.guidance.palette):
            nn.init.zeros_(module.weight)  # a trained network that learns to be guided begins as it was
        elif isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
        elif isinstance(module, Dinov2ColorNetwork):
            nn.init.zeros_(module.feature_mean)
            nn.init.ones_(module.feature_std)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
            for name, statistic in module.named_buffers():
                (nn.init.ones_ if name == "running_var" else nn.init.zeros_)(statistic)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=self.config.initializer_range)
            nn.init.zeros_(module.bias)

    def save_pretrained(self, save_directory: str | Path, **kwargs: Any) -> None:
        """Write the model as ``PreTrainedModel`` does, in ``stored_dtype`` where one is set, readable for everybody."""
        if self.stored_dtype not in (None, self.dtype):
            stored = copy.deepcopy(self).to(self.stored_dtype)
            stored.stored_dtype = None
            return stored.save_pretrained(save_directory, **kwargs)
        super().save_pretrained(save_directory, **kwargs)
        # safetensors makes files for the owner alone, and a model is served by others; the rest follow the umask.
        config = Path(save_directory) / "config.json"
        for weights in Path(save_directory).glob("*.safetensors"):
            weights.chmod(config.stat().st_mode & 0o777)

    def get_input_embeddings(self) -> None:
        """None, a picture is not embedded; Accelerate's FSDP asks every model."""

    @can_return_tuple
    def forward(
        self,
        pixel_values: torch.Tensor,
        hints: torch.Tensor | None = None,
        palette: torch.Tensor | None = None,
        features: torch.Tensor | None = None,
        window: tuple[int, int, int, int] | None = None,
        classify: bool = True,
    ) -> ColorizationOutput:
        """Predict color.

        Args:
            pixel_values: [B, 3, h, w], L* / 100 on three equal channels, normalized as ImageNet pictures are;
                made by [`ColorizationImageProcessor`]. Of any floating type: the network computes in that of its
                weights, or of an ``autocast`` around the call, and the output is float32 all the same.
            hints: [B, 3, h/4, w/4], ab in CIE units where a person gave a color and the third channel 1 there,
                all 0 elsewhere; None for no hint. Guided networks only.
            palette: [B, Q] share of each bin of ab in a photograph whose colors are wanted, a row of zeros for none.
                Guided networks only.
            features: "dinov2" only: what ``network.see`` said of the whole picture, when only a window of it is asked
                for: ``pixel_values`` are then those of the window, ``hints`` still of the whole picture.
            window: rows and columns of the whole picture in cells of 16 px, top and left cell of the window in it.
            classify: False where the color alone is wanted. The classifier of "dinov2" is then not asked, if it has no
                share in the color, and ``logits`` is None; the color is the same to the last bit.

        Returns:
            [`ColorizationOutput`] with ``ab`` in CIE units; a plain tuple with ``return_dict=False`` in the call or the
            configuration.

        Raises:
            ValueError: if hints or a palette are given to a network that takes none.
        """
        guidance: dict[str, Any] = {}
        if hints is not None or palette is not None:
            if not self.config.guided:
                raise ValueError("This model takes no hints and no palette (config.guided is false).")
            if hints is not None:
                scale = hints.new_tensor([self.config.ab_scale, self.config.ab_scale, 1])
                guidance["hints"] = (hints / scale[:, None, None]).to(self.dtype)
            guidance["palette"] = None if palette is None else palette.to(self.dtype)
        if features is not None:
            guidance |= {"features": features.to(self.dtype), "window": window}
        if not classify and self.config.architecture == "dinov2" and self.config.classification_share == 0:
            guidance["classify"] = False
        raw = self.network(pixel_values.to(self.dtype), **guidance)
        with full_precision(pixel_values.device.type):
            return self._interpret(raw)

    def _interpret(self, raw: RawOutput) -> ColorizationOutput:
        """From the network's units to colors; never in half precision, where rounding of colors shows."""
        config, output = self.config, ColorizationOutput()
        if raw.color is not None:
            output.regressed = raw.color.float() * config.ab_scale
            output.ab = output.regressed
        if raw.logits is not None:
            output.logits = raw.logits.float()
            if output.regressed is None or config.classification_share > 0:
                output.ab = annealed_mean(output.logits, ab_centers(), config.temperature)
                if output.regressed is not None:
                    output.ab = torch.lerp(output.regressed, output.ab, config.classification_share)
        output.ab = vary(output.ab, config.variety)
        if raw.coarse is not None and raw.log_chroma_variance is not None:
            output.coarse = raw.coarse.float() * config.ab_scale
            output.log_chroma_variance = raw.log_chroma_variance.float()
        if raw.log_chroma is not None:
            output.log_chroma = raw.log_chroma.float()
            output.ab = calibrate(output.ab, output.log_chroma, config.calibration)
        return output


def vary(ab: torch.Tensor, variety: float) -> torch.Tensor:
    """Scale how far each place of a picture is from the picture's mean color.

    Args:
        ab: [B, 2, h, w], CIE units.
        variety: factor from 0 on; 1 changes nothing, 0 leaves one tint.
    """
    if variety == 1:
        return ab
    tint = ab.mean(dim=(2, 3), keepdim=True)
    return tint + variety * (ab - tint)


def calibrate(ab: torch.Tensor, log_chroma: torch.Tensor, strength: float) -> torch.Tensor:
    """Scale each picture so that its mean chroma comes nearer to the predicted one; hues stay.

    Args:
        ab: [B, 2, h, w], CIE units.
        log_chroma: [B], natural logarithm of the mean chroma to reach.
        strength: exponent on the factor in [0, 1]; 0 changes nothing.
    """
    if strength == 0:
        return ab
    factor = log_chroma.exp() / ab.norm(dim=1).mean(dim=(1, 2)).clamp(min=1e-3)
    return ab * (factor**strength).clamp(*_CALIBRATION_RANGE)[:, None, None, None]


# save_pretrained then copies this code beside the weights, for AutoClasses with trust_remote_code.
ColorizationModel.register_for_auto_class("AutoModel")

__all__ = ["ColorizationModel", "ColorizationOutput"]
