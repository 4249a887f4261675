"""Systems that the release is compared with: earlier networks, and single changes that did not pay.

They share the forward contract and the image processor of the release, and never travel with it. A checkpoint of one
that was saved when all systems had one configuration is read and saved again once::

    BaselineModel.from_pretrained("old").save_pretrained("new")
"""

from transformers import AutoConfig, AutoImageProcessor, AutoModel

from ..model.image_processing_colorization import ColorizationImageProcessor
from .configuration_baseline import BaselineConfig
from .modeling_baseline import BaselineModel, BaselineOutput

AutoConfig.register(BaselineConfig.model_type, BaselineConfig, exist_ok=True)
AutoModel.register(BaselineConfig, BaselineModel, exist_ok=True)
AutoImageProcessor.register(
    BaselineConfig,
    image_processor_classes={"torchvision": ColorizationImageProcessor, "pil": ColorizationImageProcessor},
    exist_ok=True,
)

__all__ = ["BaselineConfig", "BaselineModel", "BaselineOutput"]
