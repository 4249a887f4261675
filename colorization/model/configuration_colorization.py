"""The configuration that travels with every checkpoint: the architecture, the units it speaks, how colours are read."""

from __future__ import annotations

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig

# What L* / 100 is normalised by, on three equal channels: what ImageNet encoders were trained with (torchvision).
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PRETRAINED = ("resnet-unet", "mobilenet-unet")  # ours, whose encoders can start from ImageNet
ARCHITECTURES = (*PRETRAINED, "unet", "zhang", "autoencoder")
HEADS = ("regression", "classification", "both", "rgb")


@strict
class ColorizationConfig(PreTrainedConfig):
    """Architecture of a [`ColorizationModel`].

    Args:
        architecture: "mobilenet-unet" and "resnet-unet" are ours, by their encoder; "unet", "zhang" and "autoencoder"
            are earlier systems to compare with.
        head: "regression" of ab, "classification" over bins of ab, "both", or "rgb" (sRGB, of which only ab is kept).
        encoder_widths: channels of the stem and of the residual stages at stride 4, 8 and 16. The default is ResNet-18
            up to ``layer3``, so that ImageNet weights fit. Of "resnet-unet" alone.
        encoder_width: factor on the channels of MobileNetV2; 1 so that ImageNet weights fit. Of "mobilenet-unet" alone.
        context_width: channels of the stage at stride 32, which sees the whole picture. This and the next two: of ours.
        decoder_widths: channels of the decoder at stride 16, 8 and 4, and 2 and 1 where there are four or five.
        guided: whether the network takes hints and a palette and predicts the mean chroma of the picture; needs a
            classifier.
        widths: of the earlier architectures: channels at stride 2, 4, 8 and so on; "zhang" reads the first alone.
        dropout: probability in the decoder of "unet".
        attention: whether the deepest map of "unet" attends to itself.
        scene_width: channels of the second CNN of "autoencoder", joined to its narrowest map; 0 for none.
        raw_lightness: whether the network wants L* / 100 as it is, without the normalisation of ImageNet pictures.
        clahe: clip limit of a local equalisation of the lightness that the network sees (2 to 4 is usual); 0 for none.
        ab_scale: CIE units of ab that a raw network output of 1 stands for.
        squashed: whether raw ab goes through tanh, so that ``ab_scale`` is a bound.
        temperature: of the annealed mean that turns the classifier's distribution into a colour: 1 is the mean,
            towards 0 the most probable bin.
        classification_share: with both heads, share of the classifier in the colour; the rest is the regression's.
        calibration: how far the mean chroma of the result follows the predicted one: exponent in [0, 1] on the factor
            that would make both equal; 0 leaves the colours as they are.
    """

    model_type = "colorization"

    architecture: str = "resnet-unet"
    head: str = "regression"
    encoder_widths: list[int] | tuple[int, ...] = (64, 64, 128, 256)
    encoder_width: float = 1.0
    context_width: int = 256
    decoder_widths: list[int] | tuple[int, ...] = (192, 128, 64)
    guided: bool = False
    widths: list[int] | tuple[int, ...] = (64, 128, 256, 512, 512)
    dropout: float = 0.0
    attention: bool = False
    scene_width: int = 0
    raw_lightness: bool = False
    clahe: float = 0.0
    ab_scale: float = 64.0
    squashed: bool = False
    temperature: float = 0.4
    classification_share: float = 0.5
    calibration: float = 0.0
    initializer_range: float = 0.02

    def validate_architecture(self) -> None:
        """Called when a configuration is made; a sentence says why the fields do not make a network."""
        if self.architecture not in ARCHITECTURES:
            raise ValueError(f"architecture is one of {', '.join(ARCHITECTURES)}, not {self.architecture!r}.")
        if self.head not in HEADS:
            raise ValueError(f"head is one of {', '.join(HEADS)}, not {self.head!r}.")
        if len(self.encoder_widths) != 4:
            raise ValueError(f"encoder_widths names the stem and three stages, not {len(self.encoder_widths)} widths.")
        if not 3 <= len(self.decoder_widths) <= 5:
            raise ValueError(
                f"decoder_widths names the levels at stride 16, 8 and 4 (and 2 and 1), not {len(self.decoder_widths)} "
                "widths."
            )
        if not self.widths:
            raise ValueError("widths names at least one level.")
        if min(*self.encoder_widths, *self.decoder_widths, self.context_width, *self.widths) < 1:
            raise ValueError("All widths must be at least 1.")
        if self.encoder_width <= 0:
            raise ValueError(f"encoder_width is a factor above 0, not {self.encoder_width}.")
        if self.ab_scale <= 0:
            raise ValueError(f"ab_scale is a number of CIE units above 0, not {self.ab_scale}.")
        if self.clahe and self.clahe < 1:
            raise ValueError(f"clahe is a clip limit from 1 on, or 0 for none, not {self.clahe}.")
        if self.temperature < 0:
            raise ValueError(f"temperature is a number from 0 on, not {self.temperature}.")
        for name in ("classification_share", "calibration"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is in [0, 1], not {getattr(self, name)}.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is a probability in [0, 1), not {self.dropout}.")
        if self.head in ("classification", "both") and self.architecture not in (*PRETRAINED, "zhang"):
            raise ValueError(f"{self.architecture} has no classifier; head is 'regression' or 'rgb'.")
        if self.guided and self.architecture not in PRETRAINED:
            raise ValueError(f"Only {' and '.join(PRETRAINED)} can be guided.")
        if self.guided and self.head not in ("classification", "both"):
            raise ValueError("A guided network needs a classifier: head is 'classification' or 'both'.")


# save_pretrained then copies this code beside the weights, for AutoClasses with trust_remote_code.
ColorizationConfig.register_for_auto_class()

__all__ = ["ColorizationConfig"]
