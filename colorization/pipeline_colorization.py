"""The one hallway from anything readable to a picture in colour; command line, page and harness all go through it."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from transformers import AutoModel, Pipeline
from transformers.pipelines import PIPELINE_REGISTRY

from .configuration_colorization import ColorizationConfig
from .image_processing_colorization import ColorizationImageProcessor
from .images import MAX_MEGAPIXELS, Photo, read_photo
from .modeling_colorization import ColorizationModel

EMBEDDED_MODEL = Path(__file__).parent / "pretrained" / "landscape"


class ColorizationPipeline(Pipeline):
    """Colours photographs: ``pipe("beach.jpg")`` is a Pillow picture of the same size.

    Takes a path, bytes, a Pillow picture or a [`Photo`], or a list of them. Alpha and EXIF are kept (EXIF in
    ``picture.info["exif"]``). Keyword arguments of a call: ``saturation`` (factor on chroma, 1.0) and
    ``max_megapixels`` (larger pictures are refused, 100). Raises [`UnreadableImageError`] for what is no picture.
    """

    _load_processor = False
    _load_image_processor = True
    _load_feature_extractor = False
    _load_tokenizer = False

    def _sanitize_parameters(self, saturation: float | None = None, max_megapixels: float | None = None, **kwargs):
        if kwargs:
            raise TypeError(f"Unknown argument: {', '.join(kwargs)}. Known are saturation and max_megapixels.")
        preprocess = {} if max_megapixels is None else {"max_megapixels": max_megapixels}
        postprocess = {} if saturation is None else {"saturation": saturation}
        return preprocess, {}, postprocess

    def preprocess(self, inputs, max_megapixels: float = MAX_MEGAPIXELS) -> dict:
        photo = inputs if isinstance(inputs, Photo) else read_photo(inputs, max_megapixels=max_megapixels)
        return {**self.image_processor(Image.fromarray(photo.rgb)), "photo": photo}

    def _forward(self, model_inputs: dict) -> dict:
        return {"ab": self.model(model_inputs["pixel_values"]).ab, "photo": model_inputs["photo"]}

    def postprocess(self, model_outputs: dict, saturation: float = 1.0) -> Image.Image:
        return self.apply_ab(model_outputs["photo"], model_outputs["ab"][0], saturation)

    def predict_ab(self, photo: Photo) -> torch.Tensor:
        """ab [2, h, w] of a photograph in CIE units, float32 on the CPU: small, to keep and apply again."""
        with torch.inference_mode():
            inputs = self.image_processor(Image.fromarray(photo.rgb))
            return self.model(inputs["pixel_values"].to(self.device)).ab[0].float().cpu()

    def apply_ab(self, photo: Photo, ab: torch.Tensor, saturation: float = 1.0) -> Image.Image:
        """Put ab [2, h, w] on a photograph: mode RGB, or RGBA where it has alpha, EXIF in ``info["exif"]``."""
        (picture,) = self.image_processor.post_process_colorization(ab[None], [photo.rgb], saturation)
        if photo.alpha is not None:
            picture.putalpha(Image.fromarray(photo.alpha))
        if photo.exif:
            picture.info["exif"] = photo.exif
        return picture


def load_pipeline(model: str | Path | None = None, device: str = "auto") -> ColorizationPipeline:
    """Load a model with its processor, ready to colour.

    Args:
        model: a folder or an id on the Hub; None for the model that comes with the project.
        device: "auto" (CUDA where there is one), "cpu", "cuda" or any name PyTorch knows.

    Raises:
        OSError: if the model cannot be found or read.
        ValueError: if it is another kind of model, or the device is not there.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError("There is no CUDA device here; choose --device cpu or auto.")
    source = str(model or EMBEDDED_MODEL)
    kind = ColorizationConfig.get_config_dict(source)[0].get("model_type")
    if kind is None:
        raise ValueError(f"{source}: there is no config.json of a model in it.")
    if kind != ColorizationConfig.model_type:
        raise ValueError(f"{source}: this is a {kind!r} model, not a colorizer of this project.")
    # fp16 is for the file; a CPU computes faster and more exactly in fp32.
    loaded = ColorizationModel.from_pretrained(source, dtype=torch.float32).eval()
    loaded.to(memory_format=torch.channels_last)
    processor = ColorizationImageProcessor.from_pretrained(source)
    return ColorizationPipeline(model=loaded, image_processor=processor, device=device)


# With the package installed: pipeline("image-colorization", model=...) without remote code. And the other way round:
# ColorizationPipeline.save_pretrained copies these files beside the weights, for whoever has no package.
if "image-colorization" not in PIPELINE_REGISTRY.supported_tasks:
    PIPELINE_REGISTRY.register_pipeline("image-colorization", ColorizationPipeline, pt_model=AutoModel, type="image")


__all__ = ["ColorizationPipeline", "load_pipeline"]
