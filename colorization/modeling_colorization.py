"""The model: a grey picture in, the two colour planes of CIE Lab out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedModel
from transformers.utils import ModelOutput, logging

from .configuration_colorization import ColorizationConfig
from .networks import ResNetUNet

logger = logging.get_logger(__name__)


@dataclass
class ColorizationOutput(ModelOutput):
    """Output of [`ColorizationModel`].

    Args:
        ab: [B, 2, h/4, w/4] float32, CIE a* and b* (not scaled) of the picture in ``pixel_values`` [B, 3, h, w].
    """

    ab: torch.FloatTensor | None = None


class ColorizationModel(PreTrainedModel):
    """U-Net that predicts CIE ab from a grey picture. Losses live in training; there is no ``labels`` argument."""

    config_class = ColorizationConfig
    base_model_prefix = "colorization"
    main_input_name = "pixel_values"
    input_modalities = ("image",)
    _no_split_modules = ["BasicBlock", "DecoderLevel"]

    def __init__(self, config: ColorizationConfig) -> None:
        super().__init__(config)
        self.network = ResNetUNet(config.encoder_widths, config.context_width, config.decoder_widths)
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if module is self.network.head:  # begin near grey
            nn.init.normal_(module.weight, std=self.config.initializer_range / self.config.ab_scale)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Conv2d):
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

    def forward(self, pixel_values: torch.Tensor, return_dict: bool | None = None) -> ColorizationOutput | tuple:
        """Predict colour.

        Args:
            pixel_values: [B, 3, h, w], L* / 100 on three equal channels, normalised as ImageNet pictures are;
                made by [`ColorizationImageProcessor`].
            return_dict: False for a plain tuple.

        Returns:
            [`ColorizationOutput`] with ``ab`` [B, 2, h/4, w/4] in CIE units.
        """
        # Colour is in units where 8-bit rounding shows: never leave the network in half precision.
        ab = self.network(pixel_values).float() * self.config.ab_scale
        if return_dict is False:
            return (ab,)
        return ColorizationOutput(ab=ab)


def load_encoder(model: ColorizationModel, weights: str | Path | None = "imagenet") -> None:
    """Start the encoder from weights trained on ImageNet, and log what was loaded and what was not.

    Args:
        model: its encoder is changed in place.
        weights: ``"imagenet"`` for torchvision's ResNet-18 (downloaded once), a safetensors or PyTorch file with
            torchvision's names, or None to leave the encoder as it is.

    Raises:
        FileNotFoundError: if the file does not exist.
        ValueError: if the file has no tensor that fits the encoder.
    """
    if weights is None:
        logger.warning("Encoder: random weights, as asked.")
        return
    if weights == "imagenet":
        from torchvision.models import ResNet18_Weights

        state, origin = (
            ResNet18_Weights.IMAGENET1K_V1.get_state_dict(progress=True),
            "torchvision ResNet-18 ImageNet V1",
        )
    else:
        state, origin = _read_state(Path(weights)), str(weights)
    encoder = model.network.encoder
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
