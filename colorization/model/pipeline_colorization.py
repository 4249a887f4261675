"""The one hallway from anything readable to a picture in colour; command line, page and harness all go through it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from transformers import AutoModel, Pipeline
from transformers.pipelines import PIPELINE_REGISTRY

from .color import full_precision
from .configuration_colorization import EMBEDDED_MODEL, ColorizationConfig
from .image_processing_colorization import ColorizationImageProcessor, Point
from .images import MAX_MEGAPIXELS, Photo, read_photo
from .modeling_colorization import ColorizationModel
from .prediction import Prediction, place_in, spread_of
from .scan_borders import Box, find_picture, tone_of
from .variants import follow_hints


class ColorizationPipeline(Pipeline):
    """Colours photographs: ``pipe("beach.jpg")`` is a Pillow picture of the same size.

    Takes a path, bytes, a Pillow picture or a [`Photo`], or a list of them. Alpha and EXIF are kept (EXIF in
    ``picture.info["exif"]``). Raises [`UnreadableImageError`] for what is no picture. Keyword arguments of a call:

    * ``saturation``: factor on chroma, 1.0;
    * ``warmth``: shift along daylight, -1 (cool) to 1 (warm), 0.0;
    * ``max_megapixels``: larger pictures are refused, 100;
    * ``hints``: colours at points, ``[((x, y), "#rrggbb"), ...]``, in pixels of the photograph; guided models only;
    * ``palette``: another photograph (path, bytes or picture) whose colours are wanted; guided models only;
    * ``look``: the name of a palette that comes with the model (``pipe.image_processor.looks`` has them), such as
      "autumn"; guided models only;
    * ``page``: which page or frame of a file that has several, counted from 0; `Photo.pages` says how many;
    * ``keep_tone``: True to add the tone of a sepia (or otherwise toned) print to the new colours; by default it goes;
    * ``borders``: False to colour the plain border of a scanned plate too; by default it stays neutral;
    * ``num_variants``: K for a list of K distinct colourings, the first of which is the ordinary one; 1 to 9, models
      with a classifier only. The same ``seed`` (0) gives the same ones.
    """

    _load_processor = False
    _load_image_processor = True
    _load_feature_extractor = False
    _load_tokenizer = False

    def _sanitize_parameters(self, **kwargs):
        steps = {
            "preprocess": ("max_megapixels", "hints", "palette", "look", "borders", "page"),
            "forward": (),
            "postprocess": ("saturation", "warmth", "keep_tone", "num_variants", "seed"),
        }
        known = [name for names in steps.values() for name in names]
        if unknown := [name for name in kwargs if name not in known]:
            raise TypeError(f"Unknown argument: {', '.join(unknown)}. Known are {', '.join(known)}.")
        given = {name: value for name, value in kwargs.items() if value is not None}
        if "look" in given:
            if "palette" in given:
                raise ValueError("Give a look or a palette, not both: either says which colours are wanted.")
            given["palette"] = self.image_processor.make_look(given.pop("look"))
        if "palette" in given:  # once a call, not once a photograph
            given["palette"] = self._read_palette(given["palette"], given.get("max_megapixels", MAX_MEGAPIXELS))
        return tuple({name: given[name] for name in names if name in given} for names in steps.values())

    def _read_palette(self, source, max_megapixels: float) -> torch.Tensor:
        if isinstance(source, torch.Tensor):
            return source
        photo = source if isinstance(source, Photo) else read_photo(source, max_megapixels=max_megapixels)
        return self.image_processor.make_palette(photo.seen)

    def preprocess(
        self,
        inputs,
        max_megapixels: float = MAX_MEGAPIXELS,
        hints: Sequence[Point] = (),
        palette: torch.Tensor | None = None,
        borders: bool = True,
        page: int = 0,
    ) -> dict:
        photo = inputs if isinstance(inputs, Photo) else read_photo(inputs, max_megapixels=max_megapixels, page=page)
        seen = photo.seen
        inside = find_picture(seen) if borders else (0, 0, photo.width, photo.height)
        picture = Image.fromarray(seen)
        if inside != (0, 0, photo.width, photo.height):
            picture = picture.crop(inside)
        guidance = {}
        if hints:
            points = [(place_in(photo, inside, point), colour) for point, colour in hints]
            guidance["hints"] = self.image_processor.make_hints(points, picture.size)
        if palette is not None:
            guidance["palette"] = palette
        return {**self.image_processor(picture), **guidance, "photo": photo, "inside": inside}

    def _forward(self, model_inputs: dict) -> Prediction:
        guidance = {name: model_inputs[name] for name in ("hints", "palette") if name in model_inputs}
        outputs = self.model(model_inputs["pixel_values"], **guidance)
        prediction = {name: model_inputs[name] for name in ("photo", "inside")}
        prediction["ab"] = outputs.ab[0].float().cpu()
        if outputs.logits is not None:
            prediction["logits"] = outputs.logits[0].float().cpu()
            with full_precision():
                if "hints" in guidance:
                    prediction["ab"] = follow_hints(prediction["ab"], prediction["logits"], guidance["hints"][0].cpu())
                prediction["spread"] = spread_of(prediction["logits"], prediction["ab"])
        return Prediction(**prediction)

    def postprocess(
        self,
        model_outputs: Prediction,
        saturation: float = 1.0,
        num_variants: int | None = None,
        seed: int = 0,
        warmth: float = 0.0,
        keep_tone: bool = False,
    ) -> Image.Image | list[Image.Image]:
        said, several = model_outputs, num_variants is not None
        pictures = [
            self.apply_ab(said.photo, ab, saturation, warmth, keep_tone, said.inside)
            for ab in (said.variants(num_variants, seed) if several else [said.ab])
        ]
        return pictures if several else pictures[0]

    def predict(self, photo, **kwargs) -> Prediction:
        """What the model says of a photograph, to look into and to put on it later (with [`apply_ab`]).

        Args:
            photo: as in a call, but one.
            kwargs: ``hints``, ``palette``, ``borders`` and ``max_megapixels``, as in a call.
        """
        preprocess, _, postprocess = self._sanitize_parameters(**kwargs)
        if postprocess:
            raise TypeError(f"Not an argument of predict: {', '.join(postprocess)}.")
        return self.forward(self.preprocess(photo, **preprocess))

    def predict_ab(self, photo: Photo) -> torch.Tensor:
        """ab [2, h, w] of a photograph in CIE units, float32 on the CPU: small, to keep and apply again."""
        return self.predict(photo).ab

    def apply_ab(
        self,
        photo: Photo,
        ab: torch.Tensor,
        saturation: float = 1.0,
        warmth: float = 0.0,
        keep_tone: bool = False,
        inside: Box | None = None,
    ) -> Image.Image:
        """Put ab [2, h, w] on a photograph: mode RGB, or RGBA where it has alpha, EXIF in ``info["exif"]``.

        ``inside`` is where ab belongs, `Prediction.inside`; None to look for a border again. A border stays neutral.
        """
        inside = inside or find_picture(photo.seen)
        tone = tone_of(photo.seen) if keep_tone else None
        left, top, right, bottom = inside
        inner = photo.rgb[top:bottom, left:right]
        post_process = self.image_processor.post_process_colorization
        (picture,) = post_process(ab[None], [inner], saturation, warmth, tone)
        if inner.shape != photo.rgb.shape:
            (whole,) = post_process(ab.new_zeros(1, 2, 1, 1), [photo.rgb], tone=tone)
            whole.paste(picture, (left, top))
            picture = whole
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
    # Subclasses are baselines; they are known once their package is imported.
    classes = {each.config_class.model_type: each for each in (ColorizationModel, *ColorizationModel.__subclasses__())}
    if kind not in classes:
        raise ValueError(f"{source}: this is a {kind!r} model, not a colorizer of this project.")
    # fp16 is for the file; a CPU computes faster and more exactly in fp32.
    loaded = classes[kind].from_pretrained(source, dtype=torch.float32).eval()
    loaded.to(memory_format=torch.channels_last)
    processor = ColorizationImageProcessor.from_pretrained(source)
    return ColorizationPipeline(model=loaded, image_processor=processor, device=device)


# With the package installed: pipeline("image-colorization", model=...) without remote code. And the other way round:
# ColorizationPipeline.save_pretrained copies these files beside the weights, for whoever has no package.
if "image-colorization" not in PIPELINE_REGISTRY.supported_tasks:
    PIPELINE_REGISTRY.register_pipeline("image-colorization", ColorizationPipeline, pt_model=AutoModel, type="image")


__all__ = ["ColorizationPipeline", "load_pipeline"]
