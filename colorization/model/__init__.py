"""The model, flat: these files go to the Hub beside the weights, and no others."""

from transformers import AutoConfig, AutoImageProcessor, AutoModel

from .configuration_colorization import ColorizationConfig
from .image_processing_colorization import ColorizationImageProcessor
from .modeling_colorization import ColorizationModel, ColorizationOutput
from .pipeline_colorization import ColorizationPipeline, load_pipeline

# With this package imported, the Auto classes know the model without remote code.
AutoConfig.register(ColorizationConfig.model_type, ColorizationConfig, exist_ok=True)
AutoModel.register(ColorizationConfig, ColorizationModel, exist_ok=True)
AutoImageProcessor.register(
    ColorizationConfig,
    image_processor_classes={"torchvision": ColorizationImageProcessor, "pil": ColorizationImageProcessor},
    exist_ok=True,
)

__all__ = [
    "ColorizationConfig",
    "ColorizationImageProcessor",
    "ColorizationModel",
    "ColorizationOutput",
    "ColorizationPipeline",
    "load_pipeline",
]
