"""The configuration of systems to compare with: all that the release does not use."""

from __future__ import annotations

from huggingface_hub.dataclasses import strict

from ..model.configuration_colorization import HEADS, ColorizationConfig

_OWN_DECODER = ("resnet-unet", "mobilenet-unet")  # the network of the release before, and the same on another encoder
ARCHITECTURES = (*_OWN_DECODER, "unet", "zhang", "autoencoder")


@strict
class BaselineConfig(ColorizationConfig):
    """Architecture of a [`BaselineModel`]; fields that are not named here are those of [`ColorizationConfig`].

    Args:
        architecture: "resnet-unet" as the release, "mobilenet-unet" the same on MobileNetV2; "unet", "zhang" and
            "autoencoder" are earlier systems.
        head: as of the release, or "rgb": sRGB, of which only ab is kept.
        encoder_multiplier: factor on the channels of MobileNetV2; 1 so that ImageNet weights fit.
        widths: of the earlier architectures: channels at stride 2, 4, 8 and so on; "zhang" reads the first alone.
        dropout: probability in the decoder of "unet".
        attention: whether the deepest map of "unet" attends to itself.
        scene_width: channels of the second CNN of "autoencoder", joined to its narrowest map; 0 for none.
        raw_lightness: whether the network wants L* / 100 as it is, without the normalization of ImageNet pictures.
        clahe: clip limit of a local equalization of the lightness that the network sees (2 to 4 is usual); 0 for none.
        squashed: whether raw ab goes through tanh, so that ``ab_scale`` is a bound.
    """

    model_type = "colorization-baseline"
    _auto_class = None  # no copy of its code beside the weights

    encoder_multiplier: float = 1.0
    widths: list[int] | tuple[int, ...] = (64, 128, 256, 512, 512)
    dropout: float = 0.0
    attention: bool = False
    scene_width: int = 0
    raw_lightness: bool = False
    clahe: float = 0.0
    squashed: bool = False

    def validate_architecture(self) -> None:
        """Check, when a configuration is made, that its network exists; a sentence says why not."""
        if self.architecture not in ARCHITECTURES:
            raise ValueError(f"architecture is one of {', '.join(ARCHITECTURES)}, not {self.architecture!r}.")
        if self.head not in (*HEADS, "rgb"):
            raise ValueError(f"head is one of {', '.join((*HEADS, 'rgb'))}, not {self.head!r}.")
        if self.head in ("classification", "both") and self.architecture not in (*_OWN_DECODER, "zhang"):
            raise ValueError(f"{self.architecture} has no classifier; head is 'regression' or 'rgb'.")
        if self.guided and self.architecture not in _OWN_DECODER:
            raise ValueError(f"Only {' and '.join(_OWN_DECODER)} can be guided.")

    def validate_baseline_values(self) -> None:
        """Check the numbers that the release does not have."""
        if not self.widths or min(self.widths) < 1:
            raise ValueError("widths names at least one level, each of at least 1 channel.")
        if self.encoder_multiplier <= 0:
            raise ValueError(f"encoder_multiplier is a factor above 0, not {self.encoder_multiplier}.")
        if self.clahe and self.clahe < 1:
            raise ValueError(f"clahe is a clip limit from 1 on, or 0 for none, not {self.clahe}.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is a probability in [0, 1), not {self.dropout}.")


__all__ = ["BaselineConfig"]
