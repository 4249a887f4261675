"""The model: a grey picture in, the two colour planes of CIE Lab out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torchvision.models import MobileNet_V2_Weights, ResNet18_Weights
from transformers import PreTrainedModel
from transformers.utils import ModelOutput, logging

from .ab_bins import ab_centres, annealed_mean
from .clahe import equalize_locally
from .color import rgb_to_lab
from .configuration_colorization import IMAGENET_MEAN, IMAGENET_STD, PRETRAINED, ColorizationConfig
from .networks import ColorUNet, MobileNetEncoder, RawOutput, ResNetEncoder
from .networks_earlier import Autoencoder, UNet, ZhangNet

logger = logging.get_logger(__name__)

_CALIBRATION_RANGE = (0.7, 1.6)  # factors on chroma beyond these are more often wrong than right


@dataclass
class ColorizationOutput(ModelOutput):
    """Output of [`ColorizationModel`] for ``pixel_values`` [B, 3, h, w]; s is the output stride, 4 for our network.

    Args:
        ab: [B, 2, h/s, w/s] float32, CIE a* and b* (not scaled): the colours.
        regressed: [B, 2, h/s, w/s] float32, CIE ab of the regression head alone, where there is one.
        logits: [B, Q, h/s, w/s] float32 over the bins of ab (``ab_bins.ab_centres``), where there is a
            classifier.
        log_chroma: [B] float32, natural logarithm of the predicted mean chroma (CIE units), of guided networks.
        rgb: [B, 3, h/s, w/s] float32 in [0, 1], of networks that predict sRGB; ``ab`` is that of these colours.
    """

    ab: torch.FloatTensor | None = None
    regressed: torch.FloatTensor | None = None
    logits: torch.FloatTensor | None = None
    log_chroma: torch.FloatTensor | None = None
    rgb: torch.FloatTensor | None = None


class ColorizationModel(PreTrainedModel):
    """U-Net that predicts CIE ab from a grey picture. Losses live in training; there is no ``labels`` argument."""

    config_class = ColorizationConfig
    base_model_prefix = "colorization"
    main_input_name = "pixel_values"
    input_modalities = ("image",)
    _no_split_modules = ["BasicBlock", "InvertedResidual", "DecoderLevel"]

    def __init__(self, config: ColorizationConfig) -> None:
        super().__init__(config)
        self.network = _build(config)
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if module is self.network.head:  # begin near grey
            nn.init.normal_(module.weight, std=self.config.initializer_range / self.config.ab_scale)
            nn.init.zeros_(module.bias)
        elif self.config.guided and module in (*self.network.guidance.joins, self.network.guidance.palette):
            nn.init.zeros_(module.weight)  # a trained network that learns to be guided begins as it was
        elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
            nn.init.zeros_(module.running_mean)
            nn.init.ones_(module.running_var)
            nn.init.zeros_(module.num_batches_tracked)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=self.config.initializer_range)
            nn.init.zeros_(module.bias)

    def get_input_embeddings(self) -> None:
        """None, a picture is not embedded; Accelerate's FSDP asks every model."""

    def forward(
        self,
        pixel_values: torch.Tensor,
        hints: torch.Tensor | None = None,
        palette: torch.Tensor | None = None,
        return_dict: bool | None = None,
    ) -> ColorizationOutput | tuple:
        """Predict colour.

        Args:
            pixel_values: [B, 3, h, w], L* / 100 on three equal channels, normalised as ImageNet pictures are;
                made by [`ColorizationImageProcessor`].
            hints: [B, 3, h/4, w/4], ab in CIE units where a person gave a colour and the third channel 1 there,
                all 0 elsewhere; None for no hint. Guided networks only.
            palette: [B, Q] share of each bin of ab in a photograph whose colours are wanted, a row of zeros for none.
                Guided networks only.
            return_dict: False for a plain tuple.

        Returns:
            [`ColorizationOutput`] with ``ab`` in CIE units.

        Raises:
            ValueError: if hints or a palette are given to a network that takes none.
        """
        guidance = {}
        if hints is not None or palette is not None:
            if not self.config.guided:
                raise ValueError("This model takes no hints and no palette (config.guided is false).")
            if hints is not None:
                scale = hints.new_tensor([self.config.ab_scale, self.config.ab_scale, 1])
                guidance["hints"] = hints / scale[:, None, None]
            guidance["palette"] = palette
        output = self._interpret(self.network(self._prepare(pixel_values), **guidance))
        return output.to_tuple() if return_dict is False else output

    def _prepare(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """What the network wants to see."""
        config = self.config
        if not config.raw_lightness and not config.clahe:
            return pixel_values
        mean, std = (pixel_values.new_tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
        lightness = pixel_values * std + mean
        if config.clahe:
            lightness = equalize_locally(lightness[:, :1], config.clahe).expand_as(lightness)
        return lightness if config.raw_lightness else (lightness - mean) / std

    def _interpret(self, raw: RawOutput) -> ColorizationOutput:
        """From the network's units to colours; never in half precision, where rounding of colours shows."""
        config, output = self.config, ColorizationOutput()
        if config.head == "rgb":
            output.rgb = raw.colour.float().sigmoid()
            output.ab = rgb_to_lab(output.rgb)[:, 1:]
            return output
        if raw.colour is not None:
            colour = raw.colour.float()
            output.regressed = (colour.tanh() if config.squashed else colour) * config.ab_scale
            output.ab = output.regressed
        if raw.logits is not None:
            output.logits = raw.logits.float()
            output.ab = annealed_mean(output.logits, ab_centres(), config.temperature)
            if output.regressed is not None:
                output.ab = torch.lerp(output.regressed, output.ab, config.classification_share)
        if raw.log_chroma is not None:
            output.log_chroma = raw.log_chroma.float()
            output.ab = calibrate(output.ab, output.log_chroma, config.calibration)
        return output


def _build(config: ColorizationConfig) -> nn.Module:
    channels = {"regression": 2, "both": 2, "rgb": 3, "classification": 0}[config.head]
    bins = len(ab_centres()) if config.head in ("classification", "both") else 0
    if config.architecture == "unet":
        return UNet(config.widths, channels, config.dropout, config.attention)
    if config.architecture == "zhang":
        return ZhangNet(config.widths[0], channels, bins)
    if config.architecture == "autoencoder":
        return Autoencoder(config.widths, channels, config.scene_width)
    if config.architecture == "mobilenet-unet":
        encoder = MobileNetEncoder(config.encoder_width)
    else:
        encoder = ResNetEncoder(config.encoder_widths)
    return ColorUNet(encoder, config.context_width, config.decoder_widths, channels, bins, config.guided)


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


def load_encoder(model: ColorizationModel, weights: str | Path | None = "imagenet") -> None:
    """Start the encoder from weights trained on ImageNet, and log what was loaded and what was not.

    Args:
        model: its encoder is changed in place.
        weights: ``"imagenet"`` for torchvision's ResNet-18 or MobileNetV2 (downloaded once), a safetensors or PyTorch
            file with torchvision's names, or None to leave the encoder as it is.

    Raises:
        FileNotFoundError: if the file does not exist.
        ValueError: if the file has no tensor that fits the encoder.
    """
    if weights is None:
        logger.warning("Encoder: random weights, as asked.")
        return
    if model.config.architecture not in PRETRAINED:
        raise ValueError(f"{model.config.architecture} has no encoder of ImageNet; train it with --encoder none.")
    encoder = model.network.encoder
    if weights == "imagenet":
        known = MobileNet_V2_Weights if isinstance(encoder, MobileNetEncoder) else ResNet18_Weights
        state = known.IMAGENET1K_V1.get_state_dict(progress=True)
        origin = f"torchvision's {known.__name__}.IMAGENET1K_V1"
    else:
        state, origin = _read_state(Path(weights)), str(weights)
    own = encoder.state_dict()
    fitting = {name: value for name, value in state.items() if name in own and value.shape == own[name].shape}
    if not fitting:
        raise ValueError(f"{origin}: no tensor in it has the name and shape of one in this model's encoder.")
    missing = encoder.load_state_dict(fitting, strict=False).missing_keys
    # Batch counters are bookkeeping; older files lack them.
    missing = sorted(name for name in missing if not name.endswith("num_batches_tracked"))
    unused = sorted({name.split(".")[0] for name in state.keys() - fitting.keys()})
    logger.warning(
        f"Encoder from {origin}: {len(fitting)} tensors loaded; "
        f"missing in the file: {', '.join(missing) or 'none'}; not used: {', '.join(unused) or 'none'}; "
        "the context stage and the decoder start at random."
    )


def _read_state(path: Path) -> dict[str, torch.Tensor]:
    if not path.is_file():
        raise FileNotFoundError(f"Encoder weights: there is no file {path}.")
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


# save_pretrained then copies this code beside the weights, for AutoClasses with trust_remote_code.
ColorizationModel.register_for_auto_class("AutoModel")

__all__ = ["ColorizationModel", "ColorizationOutput"]
