"""Landscape Colorizer: a grey landscape photograph in, the same photograph in believable color out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .model import __all__

if TYPE_CHECKING:
    from .model import ColorizationConfig as ColorizationConfig
    from .model import ColorizationImageProcessor as ColorizationImageProcessor
    from .model import ColorizationModel as ColorizationModel
    from .model import ColorizationOutput as ColorizationOutput
    from .model import ColorizationPipeline as ColorizationPipeline
    from .model import load_pipeline as load_pipeline


def __getattr__(name: str) -> Any:
    """Load the model's classes, and PyTorch with them, when one of them is first asked for (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import model

    return getattr(model, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
