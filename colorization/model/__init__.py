"""The model, flat: these files go to the Hub beside the weights, and no others."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .configuration_colorization import ColorizationConfig as ColorizationConfig
    from .image_processing_colorization import ColorizationImageProcessor as ColorizationImageProcessor
    from .modeling_colorization import ColorizationModel as ColorizationModel
    from .modeling_colorization import ColorizationOutput as ColorizationOutput
    from .pipeline_colorization import ColorizationPipeline as ColorizationPipeline
    from .pipeline_colorization import load_pipeline as load_pipeline

_HOMES = {
    "ColorizationConfig": "configuration_colorization",
    "ColorizationImageProcessor": "image_processing_colorization",
    "ColorizationModel": "modeling_colorization",
    "ColorizationOutput": "modeling_colorization",
    "ColorizationPipeline": "pipeline_colorization",
    "load_pipeline": "pipeline_colorization",
}
__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    """Load a class when it is first asked for (PEP 562), PyTorch with it, and make it known to the Auto classes."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _register()
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def _register() -> None:
    """Let the Auto classes load the model without remote code."""
    from transformers import AutoConfig, AutoImageProcessor, AutoModel

    from .configuration_colorization import ColorizationConfig
    from .image_processing_colorization import ColorizationImageProcessor
    from .modeling_colorization import ColorizationModel

    AutoConfig.register(ColorizationConfig.model_type, ColorizationConfig, exist_ok=True)
    AutoModel.register(ColorizationConfig, ColorizationModel, exist_ok=True)
    AutoImageProcessor.register(
        ColorizationConfig,
        image_processor_classes={"torchvision": ColorizationImageProcessor, "pil": ColorizationImageProcessor},
        exist_ok=True,
    )
