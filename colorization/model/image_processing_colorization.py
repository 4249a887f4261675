"""The pair around the model: pictures to ``pixel_values``, and predicted ab with the originals to colored pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from huggingface_hub.dataclasses import validate_typed_dict
from PIL import Image, ImageColor
from transformers.image_processing_utils import BaseImageProcessor
from transformers.processing_utils import Unpack

from .ab_bins import ab_centers, ab_histogram, soft_encode
from .arrays import is_array, to_pillow
from .batching import settle_in_process
from .color import full_precision, rgb_to_lab, to_tensor, warm
from .configuration_colorization import IMAGENET_MEAN, IMAGENET_STD
from .depth import to_8_bits
from .painting import paint
from .processor_types import ColorizationFeatures, ColorizationImagesKwargs
from .seeing import see, shrink, working_shape

_HINT_STRIDE = 4  # px of the working picture in a cell of hints; ColorizationModel.forward says so
_LOOK_STRENGTH = 3.0  # chosen by looking: at 1 autumn is hardly told from summer, at 6 all is orange
_GREY_PALETTE = 2.0  # CIE units of mean chroma; scans of grey prints stay below

Point = tuple[tuple[float, float], str | Sequence[int]]


def normalize_lightness(lightness: torch.Tensor) -> torch.Tensor:
    """L* as the network wants it: L* / 100 on three equal channels, normalized as ImageNet pictures are.

    Args:
        lightness: L* [B, 1, h, w] in [0, 100].

    Returns:
        pixel_values [B, 3, h, w].
    """
    mean = lightness.new_tensor(IMAGENET_MEAN)[:, None, None]
    std = lightness.new_tensor(IMAGENET_STD)[:, None, None]
    return (lightness / 100 - mean) / std


class ColorizationImageProcessor(BaseImageProcessor):
    """Prepares pictures for [`ColorizationModel`] and puts its colors on them at their own size.

    Args:
        working_size: side, in pixels, of a square with as many pixels as the picture the network sees.
        size_multiple: height and width of that picture are multiples of this.
        looks: named palettes, each a list of [a, b, share]: CIE ab of a color and how much of a picture has it.
    """

    model_input_names = ["pixel_values"]
    valid_kwargs = ColorizationImagesKwargs

    def __init__(
        self,
        working_size: int = 256,
        size_multiple: int = 16,
        looks: dict[str, list[list[float]]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if size_multiple < 4 or size_multiple % 4:
            raise ValueError(
                f"size_multiple must be a multiple of 4, the output stride of the network, not {size_multiple}."
            )
        if working_size < size_multiple:
            raise ValueError(f"working_size must be at least size_multiple ({size_multiple}), not {working_size}.")
        self.working_size = working_size
        self.size_multiple = size_multiple
        self.looks = looks or {}

    def working_shape(self, height: int, width: int) -> tuple[int, int]:
        """Find height and width at which the network sees a picture: true aspect, about working_size**2 pixels."""
        return working_shape(height, width, self.working_size, self.size_multiple)

    def preprocess(self, images: Any, **kwargs: Unpack[ColorizationImagesKwargs]) -> ColorizationFeatures:
        """Make the picture the network sees: small, and without the dots of a print.

        Args:
            images: one picture or a list: Pillow pictures of any mode, arrays or tensors as ``arrays.to_pillow`` takes
                them; or an array or tensor of several, [B, H, W, C] or [B, C, H, W].
            kwargs: see [`ColorizationImagesKwargs`].

        Returns:
            ``pixel_values`` [B, 3, h, w] float32, or a list of [3, h, w] with ``return_tensors=None``, and the pictures
            in ``originals``, for [`post_process_colorization`].

        Raises:
            TypeError: if a picture is none, or for an argument that there is not.
            ValueError: if an array's shape, type or range is none of a picture, or, unless ``return_tensors`` is None,
                the pictures of a batch need different working shapes.
        """
        known = ColorizationImagesKwargs.__annotations__
        if unknown := kwargs.keys() - known.keys():
            raise TypeError(f"Unknown argument: {', '.join(sorted(unknown))}. Known are {', '.join(known)}.")
        validate_typed_dict(ColorizationImagesKwargs, kwargs)  # type: ignore[type-var]
        own = {name: kwargs[name] for name in ("working_size", "size_multiple") if kwargs.get(name) is not None}
        sizes = ColorizationImageProcessor(
            **{"working_size": self.working_size, "size_multiple": self.size_multiple} | own
        )
        layout = {name: kwargs.get(name) for name in ("input_data_format", "do_rescale", "rescale_factor")}
        originals = [_as_picture(image, **layout) for image in _listed(images)]
        if not originals:
            raise ValueError("There is no picture to prepare.")
        shapes = [sizes.working_shape(*_size_of(original)[::-1]) for original in originals]
        tensors = kwargs.get("return_tensors", "pt")
        if len(set(shapes)) > 1 and tensors is not None:
            raise ValueError(
                f"Pictures of different aspect cannot share a batch (working shapes {sorted(set(shapes))}): squashing "
                "them would change their colors. Pass them one at a time, sort them by aspect, or take a list of "
                "tensors with return_tensors=None."
            )
        settle_in_process()
        planes = (see(original, *shape) for original, shape in zip(originals, shapes, strict=True))
        values = [normalize_lightness(torch.from_numpy(plane)[None, None]) for plane in planes]
        pixel_values = [value[0] for value in values] if tensors is None else torch.cat(values)
        features = ColorizationFeatures(data={"pixel_values": pixel_values}, tensor_type=tensors)
        features.originals = originals
        return features if kwargs.get("device") is None else features.to(kwargs["device"])

    def make_hints(
        self, points: Sequence[Point], size: tuple[int, int], working_size: int | None = None
    ) -> torch.Tensor:
        """Colors that a person gives at points of a picture, as a guided model takes them.

        Only a* and b* of a color count; the picture keeps its own lightness. Points in one cell are averaged.

        Args:
            points: pairs ((x, y), color). x, y: pixels of the original, from its upper left one, which is (0, 0);
                color: "#rrggbb" or another CSS color, or three sRGB values from 0 to 255.
            size: width and height of the original, px.
            working_size: where [`preprocess`] was given another than the processor's.

        Returns:
            [1, 3, h/4, w/4] float32, CIE ab and 1 in cells with a point, 0 elsewhere; h, w: [`working_shape`].

        Raises:
            ValueError: if a point is outside of the picture, or a color cannot be read.
        """
        width, height = size
        sizes = self if working_size is None else ColorizationImageProcessor(working_size, self.size_multiple)
        rows, columns = (side // _HINT_STRIDE for side in sizes.working_shape(height, width))
        cells = torch.zeros(3, rows, columns, dtype=torch.float32, device="cpu")
        for (x, y), color in points:
            if not (0 <= x < width and 0 <= y < height):
                raise ValueError(
                    f"The point ({x:g}, {y:g}) is outside of the picture: x goes from 0 to {width - 1}, "
                    f"y to {height - 1}."
                )
            # The middle of a pixel counts, so that the last one falls into the last cell.
            across, down = (x + 0.5) / width, (y + 0.5) / height
            row, column = min(int(down * rows), rows - 1), min(int(across * columns), columns - 1)
            rgb = cells.new_tensor(_read_color(color))[:, None, None] / 255
            with full_precision():
                cells[:2, row, column] += rgb_to_lab(rgb)[1:, 0, 0]
            cells[2, row, column] += 1
        cells[:2] /= cells[2].clamp(min=1)
        cells[2].clamp_(max=1)
        return cells[None]

    def make_palette(self, reference: Any) -> torch.Tensor:
        """The colors of a photograph whose mood is wanted, as a guided model takes them.

        Args:
            reference: a color picture, as [`preprocess`] takes them; only its colors count, not where they are.

        Returns:
            [1, Q] float32, share of each bin of ab; they sum to one.

        Raises:
            ValueError: if the picture has hardly any color, or is of another type.
        """
        picture = _as_picture(reference)
        height, width = self.working_shape(*_size_of(picture)[::-1])
        rgb = to_tensor(shrink(picture, height, width))
        with full_precision():
            ab = rgb_to_lab(rgb)[:, 1:]
        ab = F.avg_pool2d(ab, _HINT_STRIDE)  # at the scale on which the model chooses colors
        chroma = ab.norm(dim=1).mean().item()
        if chroma < _GREY_PALETTE:
            raise ValueError(
                f"The reference for the palette is grey (mean chroma {chroma:.1f}, at least {_GREY_PALETTE:g} is "
                "needed); choose a photograph in color."
            )
        return ab_histogram(ab)

    def make_look(self, name: str) -> torch.Tensor:
        """Make the palette of a named look, as a guided model takes it.

        Args:
            name: one of ``looks``; case, hyphens and underscores do not matter.

        Returns:
            [1, Q] float32, share of each bin of ab, three times over: a look is meant to be seen, where the palette of
            a photograph is a hint at its mood.

        Raises:
            ValueError: if there is no such look.
        """
        known = {_plain(look): colors for look, colors in self.looks.items()}
        if _plain(name) not in known:
            raise ValueError(
                f"There is no look {name!r}; this model has {', '.join(self.looks)}."
                if self.looks
                else "This model has no looks."
            )
        a, b, share = torch.tensor(known[_plain(name)], dtype=torch.float32, device="cpu").T
        bins, weights = soft_encode(torch.stack((a, b))[None, :, :, None])
        palette = weights.new_zeros(1, len(ab_centers()))
        palette.scatter_add_(1, bins.flatten(1), (weights * share[None, None, :, None]).flatten(1))
        return _LOOK_STRENGTH * palette / palette.sum()

    def post_process_colorization(
        self,
        outputs: Any,
        originals: Any,
        strength: float = 1.0,
        warmth: float = 0.0,
        tone: torch.Tensor | None = None,
        saturation: float | None = None,
    ) -> list[Image.Image]:
        """Put predicted colors on the originals: their size, their luminance.

        Args:
            outputs: [`ColorizationOutput`], or its ``ab`` [B, 2, h, w] in CIE units.
            originals: what [`preprocess`] returned, or B pictures as it takes them; their own colors are ignored.
            strength: factor on chroma, 0 for grey.
            warmth: shift along daylight, -1 (cool) to 1 (warm), see ``color.warm``.
            tone: [2, 101], CIE ab to add at L* 0, 1, ..., 100: that of a toned print which shall stay.
            saturation: an earlier name of ``strength``.

        Returns:
            B Pillow pictures, mode RGB, each of its original's size.

        Raises:
            ValueError: if the number of pictures differs, ab is not finite, strength is negative, or warmth is not
                in [-1, 1].
        """
        strength = strength if saturation is None else saturation
        ab = outputs if isinstance(outputs, torch.Tensor) else outputs.ab
        originals = getattr(originals, "originals", originals)
        originals = [_as_picture(original) for original in _listed(originals)]
        if ab.ndim != 4 or ab.shape[1] != 2 or len(ab) != len(originals):
            raise ValueError(f"{len(originals)} originals do not fit predictions of shape {tuple(ab.shape)}.")
        if not math.isfinite(strength) or strength < 0:
            raise ValueError(f"strength is a factor from 0 on, not {strength}.")
        if not bool(torch.isfinite(ab).all()):
            raise ValueError("The predicted colors are not finite numbers; the model's weights are damaged.")
        settle_in_process()
        with full_precision():
            ab = warm(ab.detach().float().cpu() * strength, warmth)
        added = None if tone is None else tone.numpy()
        pairs = zip(originals, ab.numpy(), strict=True)
        return [paint(original, plane, added, torch.get_num_threads()) for original, plane in pairs]


def _plain(name: str) -> str:
    return name.lower().replace("-", " ").replace("_", " ").strip()


def _listed(images: Any) -> list:
    if isinstance(images, list | tuple):
        return list(images)
    return list(images) if is_array(images) and images.ndim == 4 else [images]


def _as_picture(image: Any, **layout: Any) -> Image.Image | np.ndarray:
    """A Pillow picture of mode L or RGB, or uint8 [H, W] or [H, W, 3]: an array that is one is not copied."""
    if isinstance(image, Image.Image):
        if image.mode in ("RGB", "L"):
            return image
        if image.mode.startswith("I;16") or image.mode in ("I", "F"):
            return Image.fromarray(to_8_bits(np.asarray(image), 16 if image.mode.startswith("I;16") else None))
        return image.convert("RGB")
    if not is_array(image):
        raise TypeError(
            f"A picture is a Pillow picture, an array or a tensor, not {type(image).__name__}; the pipeline reads "
            "files and addresses, too."
        )
    plain = isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.size and not any(layout.values())
    if plain and (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
        return image
    picture = to_pillow(image, **layout)
    return picture if picture.mode in ("RGB", "L") else picture.convert("RGB")


def _size_of(picture: Image.Image | np.ndarray) -> tuple[int, int]:
    """Width and height."""
    return picture.size if isinstance(picture, Image.Image) else picture.shape[1::-1]


def _read_color(color: str | Sequence[int]) -> tuple[float, ...]:
    """Three sRGB values from 0 to 255."""
    if isinstance(color, str):
        try:
            return tuple(map(float, ImageColor.getrgb(color)[:3]))
        except ValueError:
            raise ValueError(f"{color!r} is no color; write it as #rrggbb.") from None
    values = tuple(map(float, color))
    if len(values) != 3 or not all(0 <= value <= 255 for value in values):
        raise ValueError(f"A color is #rrggbb or three values from 0 to 255, not {tuple(color)}.")
    return values


# save_pretrained then copies this code beside the weights, for AutoClasses with trust_remote_code.
ColorizationImageProcessor.register_for_auto_class("AutoImageProcessor")

__all__ = ["ColorizationImageProcessor"]
