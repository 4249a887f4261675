"""The configuration that travels with every checkpoint: the architecture and the units it speaks."""

from __future__ import annotations

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig


@strict
class ColorizationConfig(PreTrainedConfig):
    """Architecture of a [`ColorizationModel`].

    Args:
        encoder_widths: channels of the stem and of the residual stages at stride 4, 8 and 16. The default is ResNet-18
            up to ``layer3``, so that ImageNet weights fit.
        context_width: channels of the stage at stride 32, which sees the whole picture.
        decoder_widths: channels of the decoder at stride 16, 8 and 4.
        ab_scale: CIE units of ab that a raw network output of 1 stands for.
    """

    model_type = "colorization"

    encoder_widths: list[int] | tuple[int, ...] = (64, 64, 128, 256)
    context_width: int = 256
    decoder_widths: list[int] | tuple[int, ...] = (192, 128, 64)
    ab_scale: float = 64.0
    initializer_range: float = 0.02

    def validate_architecture(self) -> None:
        """Called when a configuration is made; a sentence says why the fields do not make a network."""
        if len(self.encoder_widths) != 4:
            raise ValueError(f"encoder_widths names the stem and three stages, not {len(self.encoder_widths)} widths.")
        if len(self.decoder_widths) != 3:
            raise ValueError(
                f"decoder_widths names the levels at stride 16, 8 and 4, not {len(self.decoder_widths)} widths."
            )
        if min(*self.encoder_widths, *self.decoder_widths, self.context_width) < 1:
            raise ValueError("All widths must be at least 1.")
        if self.ab_scale <= 0:
            raise ValueError(f"ab_scale is a number of CIE units above 0, not {self.ab_scale}.")


# save_pretrained then copies this code beside the weights, for AutoClasses with trust_remote_code.
ColorizationConfig.register_for_auto_class()

__all__ = ["ColorizationConfig"]
