"""Landscape Colorizer: a grey landscape photograph in, the same photograph in believable colour out."""

from .configuration_colorization import ColorizationConfig
from .modeling_colorization import ColorizationModel, ColorizationOutput

__all__ = ["ColorizationConfig", "ColorizationModel", "ColorizationOutput"]
