"""The configuration that travels with every checkpoint: the architecture, the units it speaks, how colors are read."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig

EMBEDDED_MODEL = Path(__file__).parents[1] / "pretrained" / "landscape"
"""The model that comes with the project."""
# What L* / 100 is normalized by, on three equal channels: what ImageNet encoders were trained with (torchvision).
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
ARCHITECTURES = ("resnet-unet", "dinov2")
HEADS = ("regression", "classification", "both")


@strict
class ColorizationConfig(PreTrainedConfig):
    """Architecture of a [`ColorizationModel`].

    Args:
        architecture: "resnet-unet", a U-Net on ResNet-18, or "dinov2", a decoder on a frozen DINOv2 that sees the whole
            picture; that one always has both heads and is guided.
        head: "regression" of ab, "classification" over bins of ab, or "both".
        encoder_widths: channels of the stem and of the residual stages at stride 4, 8 and 16. The default is ResNet-18
            up to ``layer3``, so that ImageNet weights fit. "dinov2" has the first three, up to ``layer2``.
        context_width: channels of the stage at stride 32, which sees the whole picture.
        decoder_widths: channels of the decoder at stride 16, 8 and 4, and 2 and 1 where there are four or five; of
            "dinov2" the two at stride 8 and 4.
        backbone: of "dinov2": fields of ``Dinov2Config`` that differ from its defaults.
        taps: of "dinov2": after which blocks of the backbone features are taken.
        attention_width: of "dinov2": channels of the attention blocks over the backbone's tokens.
        attention_layers: their number.
        attention_heads: heads of each.
        detail_dropout: of "dinov2", in training: how often a picture goes without the convolutional path.
        guided: whether the network takes hints and a palette and predicts the mean chroma of the picture; needs a
            classifier.
        ab_scale: CIE units of ab that a raw network output of 1 stands for.
        temperature: of the annealed mean that turns the classifier's distribution into a color: 1 is the mean,
            towards 0 the most probable bin.
        classification_share: with both heads, share of the classifier in the color; the rest is the regression's.
        variety: factor on how far each place is from the mean color of the picture. What is expected of a place lies
            nearer to the mean than what is there, so that one tint lies over all; above 1 takes that back.
        calibration: how far the mean chroma of the result follows the predicted one: exponent in [0, 1] on the factor
            that would make both equal; 0 leaves the colors as they are.
    """

    model_type = "colorization"

    architecture: str = "resnet-unet"
    head: str = "regression"
    encoder_widths: list[int] | tuple[int, ...] = (64, 64, 128, 256)
    context_width: int = 256
    decoder_widths: list[int] | tuple[int, ...] = (192, 128, 64)
    backbone: dict | None = None
    taps: list[int] | tuple[int, ...] = (4, 7, 9)
    attention_width: int = 256
    attention_layers: int = 2
    attention_heads: int = 4
    detail_dropout: float = 0.25
    guided: bool = False
    ab_scale: float = 64.0
    temperature: float = 0.4
    classification_share: float = 0.5
    variety: float = 1.0
    calibration: float = 0.0
    initializer_range: float = 0.02

    def validate_architecture(self) -> None:
        """Check, when a configuration is made, that its network exists; a sentence says why not."""
        if self.architecture not in ARCHITECTURES:
            raise ValueError(
                f"architecture is one of {', '.join(ARCHITECTURES)}, not {self.architecture!r}; systems to compare "
                "with are BaselineModels."
            )
        if self.head not in HEADS:
            raise ValueError(f"head is one of {', '.join(HEADS)}, not {self.head!r}.")

    def validate_values(self) -> None:
        """Check the numbers, and that a guided network has what it needs."""
        if self.architecture == "dinov2":
            self._validate_dinov2()
        elif len(self.encoder_widths) != 4:
            raise ValueError(f"encoder_widths names the stem and three stages, not {len(self.encoder_widths)} widths.")
        elif not 3 <= len(self.decoder_widths) <= 5:
            raise ValueError(
                f"decoder_widths names the levels at stride 16, 8 and 4 (and 2 and 1), not {len(self.decoder_widths)} "
                "widths."
            )
        if min(*self.encoder_widths, *self.decoder_widths, self.context_width) < 1:
            raise ValueError("All widths must be at least 1.")
        if self.variety < 0:
            raise ValueError(f"variety is a factor from 0 on, not {self.variety}.")
        if self.ab_scale <= 0:
            raise ValueError(f"ab_scale is a number of CIE units above 0, not {self.ab_scale}.")
        if self.temperature < 0:
            raise ValueError(f"temperature is a number from 0 on, not {self.temperature}.")
        for name in ("classification_share", "calibration", "detail_dropout"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is in [0, 1], not {getattr(self, name)}.")
        if self.guided and self.head not in ("classification", "both"):
            raise ValueError("A guided network needs a classifier: head is 'classification' or 'both'.")

    def _validate_dinov2(self) -> None:
        if len(self.encoder_widths) != 3 or len(self.decoder_widths) != 2:
            raise ValueError(
                "dinov2 has three encoder_widths (stem, stride 4 and 8) and two decoder_widths (stride 8 and 4), not "
                f"{len(self.encoder_widths)} and {len(self.decoder_widths)}."
            )
        if self.head != "both" or not self.guided:
            raise ValueError("dinov2 has both heads and is guided: head is 'both' and guided true.")
        layers = (self.backbone or {}).get("num_hidden_layers", 12)
        if not self.taps or not all(0 <= tap <= layers for tap in self.taps):
            raise ValueError(f"taps name blocks of the backbone, 0 to {layers}, not {list(self.taps)}.")
        if self.attention_width % self.attention_heads:
            raise ValueError(
                f"attention_width ({self.attention_width}) is a multiple of attention_heads ({self.attention_heads})."
            )


# save_pretrained then copies this code beside the weights, for AutoClasses with trust_remote_code.
ColorizationConfig.register_for_auto_class()

__all__ = ["ColorizationConfig"]
