"""The one hallway from anything readable to a picture in color; command line, page and harness all go through it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from transformers import AutoModel, Pipeline
from transformers.pipelines import PIPELINE_REGISTRY

from .ab_bins import ab_centers
from .batching import Results, is_several, settle_in_process
from .coloring import fill_in, place_on, read_coloring
from .configuration_colorization import EMBEDDED_MODEL, ColorizationConfig
from .image_processing_colorization import ColorizationImageProcessor, Point
from .images import MAX_MEGAPIXELS, Photo, UnreadableImageError
from .modeling_colorization import ColorizationModel
from .negatives import warn_of_negative
from .painting import put_in_scan
from .prediction import Prediction, join_pictures, place_in, read_outputs
from .scan_borders import Box, Outline
from .scan_pages import Scan, find_scan
from .short_card import write_card
from .sources import TIMEOUT, open_photo
from .tone import tone_of


class ColorizationPipeline(Pipeline):
    """Colors photographs: ``pipe("beach.jpg")`` is a Pillow picture of the same size; see :meth:`__call__`."""

    model: ColorizationModel
    image_processor: ColorizationImageProcessor
    _load_processor = False
    _load_image_processor = True
    _load_feature_extractor = False
    _load_tokenizer = False
    _load_video_processor = False

    def __call__(
        self,
        inputs: Any,
        *,
        strength: float | None = None,
        warmth: float | None = None,
        hints: Sequence[Point] | None = None,
        palette: Any = None,
        look: str | None = None,
        recipe: Any = None,
        page: int | None = None,
        keep_tone: bool | None = None,
        borders: bool | None = None,
        num_variants: int | None = None,
        seed: int | None = None,
        max_megapixels: float | None = None,
        timeout: float | None = None,
        batch_size: int | None = None,
        num_workers: int | None = None,
        **kwargs: Any,
    ) -> Any:
        """Color one photograph or several.

        Args:
            inputs: a picture: path, http(s) or data: address, bytes, open binary file, Pillow picture of any mode,
                array or tensor ([H, W], [H, W, C] or [C, H, W]; uint8, or floating point from 0 to 1) or [`Photo`]; or
                a list or tuple of pictures; or a generator, another iterator or a data set of them.
            strength: factor on chroma, 1; 0 is grey. ``saturation`` is understood, too.
            warmth: shift along daylight, -1 (cool) to 1 (warm), 0.
            hints: colors at points, ``[((x, y), "#rrggbb"), ...]``, in pixels of the photograph; guided models only.
            palette: another photograph, of the same kinds, whose colors are wanted; guided models only.
            look: the name of a palette that comes with the model (``pipe.image_processor.looks`` has them), such as
                "autumn", instead of ``palette``; guided models only.
            recipe: a coloring to repeat (points, look, variant, strength, warmth): a JSON file as the command line
                takes it, its text, a dictionary, or a [`Coloring`]. Where another argument says the same, that counts.
            page: which page or frame of a file that has several, counted from 0; `Photo.pages` says how many.
            keep_tone: True to add the tone of a sepia (or otherwise toned) print to the new colors; by default it
                goes.
            borders: False to color the plain border of a scanned plate too; by default it stays neutral.
            num_variants: K for a list of K distinct colorings of each photograph, the first of which is the ordinary
                one; 1 to 9, models with a classifier only.
            seed: of the variants, 0; the same one gives the same ones.
            max_megapixels: larger pictures are refused, 100.
            timeout: seconds to wait for an address, 30.
            batch_size: how many photographs the network sees at once. Those that it sees in one size share a batch, so
                that sizes may be mixed; the result is that of one by one up to rounding.
            num_workers: processes that read pictures ahead, 0.
            kwargs: none but ``saturation``; any other raises a TypeError.

        Returns:
            A Pillow picture of the photograph's size, mode RGB or, with alpha, RGBA, EXIF in ``info["exif"]``; a list
            of them for a list or a tuple, in its order; for a generator or a data set an iterable that colors as it
            is asked. Where one of several cannot be read, its place holds the [`UnreadableImageError`] that says why,
            and the others are colored.

        Raises:
            UnreadableImageError: if a single picture cannot be read.
            TypeError: if something is no picture at all, or for an unknown argument.
            ValueError: if an argument is out of range.
        """
        given = {
            "strength": strength, "warmth": warmth, "hints": hints, "palette": palette, "look": look,
            "recipe": recipe, "page": page, "keep_tone": keep_tone, "borders": borders, "num_variants": num_variants,
            "seed": seed, "max_megapixels": max_megapixels, "timeout": timeout,
        }  # fmt: skip
        given = {name: value for name, value in given.items() if value is not None} | kwargs
        batch_size = batch_size or self._batch_size or 1
        num_workers = self._num_workers or 0 if num_workers is None else num_workers
        named = self._sanitize_parameters(**given)
        defaults = (self._preprocess_params, self._forward_params, self._postprocess_params)
        steps = [{**usual, **step} for usual, step in zip(defaults, named, strict=True)]
        if not is_several(inputs):
            return self.run_single(inputs, *steps)
        results = self.get_iterator(inputs, num_workers, batch_size, *steps)
        return list(results) if isinstance(inputs, list | tuple) else results

    def save_pretrained(self, save_directory: str | Path, **kwargs: Any) -> None:
        """Save weights, processor, code and, where there is no ``README.md``, a card; leave the model as it was.

        [`Pipeline.save_pretrained`] writes ``custom_pipelines`` into the configuration of the model at hand: saved once
        more by itself, the model would ask whoever loads it to trust code that is not there.
        """
        config = self.model.config
        before = getattr(config, "custom_pipelines", None)
        super().save_pretrained(save_directory, **kwargs)
        config.custom_pipelines = before
        if before is None:
            del config.custom_pipelines
        write_card(Path(save_directory), self.model)

    def _sanitize_parameters(self, **kwargs: Any) -> tuple[dict[str, Any], ...]:
        steps = {
            "preprocess": ("max_megapixels", "hints", "points", "palette", "borders", "page", "timeout"),
            "forward": ("classify",),
            "postprocess": ("strength", "warmth", "keep_tone", "num_variants", "variant", "seed"),
        }
        known = ["look", "recipe", *(name for names in steps.values() for name in names)]
        if unknown := [name for name in kwargs if name not in (*known, "saturation")]:
            raise TypeError(f"Unknown argument: {', '.join(unknown)}. Known are {', '.join(known)}.")
        given = {name: value for name, value in kwargs.items() if value is not None}
        if "saturation" in given:
            if "strength" in given:
                raise TypeError("strength and saturation are one argument; give strength alone.")
            given["strength"] = given.pop("saturation")
        if "recipe" in given:
            given = fill_in(read_coloring(given.pop("recipe")), given)
        if "look" in given:
            if "palette" in given:
                raise ValueError("Give a look or a palette, not both: either says which colors are wanted.")
            given["palette"] = self.image_processor.make_look(given.pop("look"))
        if "palette" in given:  # once a call, not once a photograph
            given["palette"] = self._read_palette(given["palette"], given.get("max_megapixels", MAX_MEGAPIXELS))
        given |= {"classify": True} if "num_variants" in given or given.get("variant", 1) != 1 else {}
        return tuple({name: given[name] for name in names if name in given} for names in steps.values())

    def _read_palette(self, source: Any, max_megapixels: float) -> torch.Tensor:
        if isinstance(source, torch.Tensor) and source.ndim == 2 and source.shape == (1, len(ab_centers())):
            return source  # what make_palette returned
        return self.image_processor.make_palette(open_photo(source, max_megapixels=max_megapixels).rgb)

    def get_iterator(
        self,
        inputs: Any,
        num_workers: int,
        batch_size: int,
        preprocess_params: dict[str, Any],
        forward_params: dict[str, Any],
        postprocess_params: dict[str, Any],
    ) -> Results:
        """Color several pictures, in batches of those that the network sees in one size."""
        return Results(
            inputs,
            partial(self._preprocess_one_of_several, **preprocess_params),
            partial(self.forward, **forward_params),
            partial(self.postprocess, **postprocess_params),
            batch_size,
            num_workers,
        )

    def _preprocess_one_of_several(self, inputs: Any, **kwargs: Any) -> dict | UnreadableImageError:
        try:
            return self.preprocess(inputs, **kwargs)
        except UnreadableImageError as error:
            return error

    def preprocess(
        self,
        inputs: Any,
        max_megapixels: float = MAX_MEGAPIXELS,
        hints: Sequence[Point] = (),
        points: Sequence[tuple[float, float, str]] = (),
        palette: torch.Tensor | None = None,
        borders: bool = True,
        page: int = 0,
        timeout: float | None = TIMEOUT,
    ) -> dict:
        photo = open_photo(inputs, max_megapixels=max_megapixels, page=page, timeout=timeout)
        settle_in_process()
        seen = photo.seen
        notes = (*photo.notes, *warn_of_negative(seen, photo.name))
        scan = find_scan(seen) if borders else Scan((0, 0, photo.width, photo.height))
        boxes = scan.pictures or (scan.inside,)
        given: dict[Box, list[Point]] = {box: [] for box in boxes[: 1 if scan.alike else None]}
        on_photo = [((place_on(x, photo.width), place_on(y, photo.height)), color) for x, y, color in points]
        for (x, y), color in [*on_photo, *hints]:
            box = next((box for box in boxes if box[0] <= x < box[2] and box[1] <= y < box[3]), boxes[0])
            given[box if box in given else boxes[0]].append((place_in(photo, box, (x, y)), color))
        parts = []
        for box, known in given.items():
            picture = Image.fromarray(seen if seen.strides[2] else seen[..., 0])  # one plane is enough of a grey one
            picture = picture if box == (0, 0, *picture.size) else picture.crop(box)
            guidance = {} if palette is None else {"palette": palette}
            if known:
                guidance["hints"] = self.image_processor.make_hints(known, picture.size)
            parts.append({**self.image_processor(picture), **guidance, "photo": photo, "scan": scan, "notes": notes})
        return {**parts[0], "others": parts[1:]}

    def _forward(self, model_inputs: dict | list[dict], classify: bool = False) -> Any:
        """A [`Prediction`] of one picture, or of several that [`preprocess`] made a list, in their order.

        ``classify`` says whether ``logits`` and ``spread`` are wanted; hints want them anyway.
        """
        if isinstance(model_inputs, dict):
            return self._forward([model_inputs], classify)[0]
        settle_in_process()
        flat = [part for one in model_inputs for part in (one, *one["others"])]
        classify = classify or any("hints" in one for one in flat)
        groups: dict[tuple, list[int]] = {}
        for number, one in enumerate(flat):
            groups.setdefault((one["pixel_values"].shape, "hints" in one), []).append(number)
        found: dict[int, Prediction] = {}
        for numbers in groups.values():
            together = [flat[number] for number in numbers]
            named = [name for name in ("pixel_values", "hints", "palette") if name in together[0]]
            tensors = {name: torch.cat([one[name] for one in together]) for name in named}
            outputs = self.model(**tensors, classify=classify)
            for place, (number, one) in enumerate(zip(numbers, together, strict=True)):
                found[number] = read_outputs(outputs, place, one)
        answers = iter(found[number] for number in range(len(flat)))
        predictions = []
        for one in model_inputs:
            parts = [next(answers) for _ in (one, *one["others"])]
            pictures = one["scan"].pictures
            predictions.append(join_pictures(parts, pictures) if pictures else parts[0])
        return predictions

    def postprocess(
        self,
        model_outputs: Prediction,
        strength: float = 1.0,
        num_variants: int | None = None,
        variant: int = 1,
        seed: int = 0,
        warmth: float = 0.0,
        keep_tone: bool = False,
    ) -> Image.Image | list[Image.Image]:
        answer = model_outputs
        if num_variants is not None:
            colorings = list(answer.variants(num_variants, seed))
        else:
            colorings = [answer.ab] if variant == 1 else list(answer.variants(variant, seed)[-1:])
        where = answer.inside, answer.outline
        pictures = [self.apply_ab(answer.photo, ab, strength, warmth, keep_tone, *where) for ab in colorings]
        return pictures[0] if num_variants is None else pictures

    def analyze(self, photo: Any, **kwargs: Any) -> Prediction:
        """Say what the model sees in a photograph, to look into and to put on it later (with [`apply_ab`]).

        Args:
            photo: as in a call, but one.
            kwargs: ``hints``, ``palette``, ``look``, ``borders``, ``page``, ``max_megapixels`` and ``timeout``, as in a
                call.
        """
        preprocess, _, postprocess = self._sanitize_parameters(**kwargs)
        if postprocess:
            raise TypeError(f"Not an argument of analyze: {', '.join(postprocess)}.")
        return self.forward(self.preprocess(photo, **{**self._preprocess_params, **preprocess}), classify=True)

    def apply_ab(
        self,
        photo: Photo,
        ab: torch.Tensor,
        strength: float = 1.0,
        warmth: float = 0.0,
        keep_tone: bool = False,
        inside: Box | None = None,
        outline: Outline | None = None,
    ) -> Image.Image:
        """Put ab [2, h, w] on a photograph: mode RGB, or RGBA where it has alpha, EXIF in ``info["exif"]``.

        ``inside`` is where ab belongs, `Prediction.inside`, and ``outline`` the corners in it of the picture
        or of several, `Prediction.outline`; without ``inside`` a border is looked for again. A border stays neutral.
        """
        if inside is None:
            scan = find_scan(photo.seen)
            inside, outline = scan.inside, scan.outline
        tone = tone_of(photo.seen) if keep_tone else None
        left, top, right, bottom = inside
        inner = photo.rgb[top:bottom, left:right]
        (picture,) = self.image_processor.post_process_colorization(ab[None], [inner], strength, warmth, tone)
        picture = put_in_scan(picture, photo.rgb, inside, outline, None if tone is None else tone.numpy())
        if photo.alpha is not None:
            picture.putalpha(Image.fromarray(photo.alpha))
        if photo.exif:
            picture.info["exif"] = photo.exif
        return picture


def load_pipeline(model: str | Path | None = None, device: str = "auto") -> ColorizationPipeline:
    """Load a model with its processor, ready to color.

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
    config = ColorizationConfig.get_config_dict(source)[0]
    kind = config.get("model_type")
    if kind is None:
        raise ValueError(f"{source}: there is no config.json of a model in it.")
    # Subclasses are baselines; they are known once their package is imported.
    classes = {each.config_class.model_type: each for each in (ColorizationModel, *ColorizationModel.__subclasses__())}
    if kind not in classes:
        raise ValueError(f"{source}: this is a {kind!r} model, not a colorizer of this project.")
    # fp16 is for the file; a CPU computes faster and more exactly in fp32.
    loaded = classes[kind].from_pretrained(source, dtype=torch.float32).eval()
    loaded.stored_dtype = {"float16": torch.float16, "bfloat16": torch.bfloat16}.get(config.get("dtype"))
    loaded.to(memory_format=torch.channels_last)
    processor = ColorizationImageProcessor.from_pretrained(source)
    return ColorizationPipeline(model=loaded, image_processor=processor, device=device)


# With the package installed: pipeline("image-colorization", model=...) without remote code. And the other way round:
# ColorizationPipeline.save_pretrained copies these files beside the weights, for whoever has no package.
if "image-colorization" not in PIPELINE_REGISTRY.supported_tasks:
    PIPELINE_REGISTRY.register_pipeline("image-colorization", ColorizationPipeline, pt_model=AutoModel, type="image")

__all__ = ["ColorizationPipeline", "load_pipeline"]
