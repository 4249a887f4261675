"""The pair around the model: pictures to ``pixel_values``, and predicted ab with the originals to coloured pictures."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageColor
from transformers import BatchFeature
from transformers.image_processing_utils import BaseImageProcessor

from .ab_bins import ab_centres, ab_histogram, soft_encode
from .color import full_precision, join, lightness, rgb_to_lab, warm
from .configuration_colorization import IMAGENET_MEAN, IMAGENET_STD
from .halftone import descreen

# Pixels of a band of rows at full size: small enough for the cache, large enough that two cores share the work.
_BAND_PIXELS = 1 << 18
_BANDS_AT_ONCE = 4
_HINT_STRIDE = 4  # px of the working picture in a cell of hints; ColorizationModel.forward says so
_GREY_PALETTE = 2.0  # CIE units of mean chroma; scans of grey prints stay below

Point = tuple[tuple[float, float], str | Sequence[int]]


def normalize_lightness(lightness: torch.Tensor) -> torch.Tensor:
    """L* as the network wants it: L* / 100 on three equal channels, normalised as ImageNet pictures are.

    Args:
        lightness: L* [B, 1, h, w] in [0, 100].

    Returns:
        pixel_values [B, 3, h, w].
    """
    mean = lightness.new_tensor(IMAGENET_MEAN)[:, None, None]
    std = lightness.new_tensor(IMAGENET_STD)[:, None, None]
    return (lightness / 100 - mean) / std


class ColorizationImageProcessor(BaseImageProcessor):
    """Prepares pictures for [`ColorizationModel`] and puts its colours on them at their own size.

    Args:
        working_size: side, in pixels, of a square with as many pixels as the picture the network sees.
        size_multiple: height and width of that picture are multiples of this.
        looks: named palettes, each a list of [a, b, share]: CIE ab of a color and how much of a picture has it.
    """

    model_input_names = ["pixel_values"]

    def __init__(
        self,
        working_size: int = 256,
        size_multiple: int = 16,
        looks: dict[str, list[list[float]]] | None = None,
        **kwargs,
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
        """Height and width at which the network sees a picture: true aspect, about working_size**2 pixels."""
        scale = self.working_size / math.sqrt(height * width)

        def fit(length: int) -> int:
            # At most 16 times the side: the network's cost stays bounded for a strip of a picture too.
            multiples = round(length * scale / self.size_multiple)
            return min(max(multiples, 1), 16 * self.working_size // self.size_multiple) * self.size_multiple

        return fit(height), fit(width)

    def preprocess(self, images, return_tensors: str | None = "pt", **kwargs) -> BatchFeature:
        """Make the picture the network sees: small, and without the dots of a print.

        Args:
            images: one picture or a list: Pillow pictures of any mode, or uint8 arrays or tensors [H, W] or [H, W, 3].
            return_tensors: "pt" (the default) or "np".

        Returns:
            ``pixel_values`` [B, 3, h, w] float32.

        Raises:
            ValueError: if a picture is of another type, or the pictures of a batch need different working shapes.
        """
        pictures = [_to_pillow(image) for image in (images if isinstance(images, list | tuple) else [images])]
        if not pictures:
            raise ValueError("There is no picture to prepare.")
        shapes = {self.working_shape(picture.height, picture.width) for picture in pictures}
        if len(shapes) > 1:
            raise ValueError(
                f"Pictures of different aspect cannot share a batch (working shapes {sorted(shapes)}): squashing them "
                "would change their colours. Pass them one at a time, or sort them by aspect."
            )
        (height, width) = shapes.pop()
        small = [_shrink(picture, width, height) for picture in pictures]
        rgb = torch.stack([torch.from_numpy(np.array(picture)) for picture in small]).permute(0, 3, 1, 2)
        with full_precision():
            pixel_values = normalize_lightness(descreen(rgb_to_lab(rgb.float() / 255)[:, :1]))
        return BatchFeature(data={"pixel_values": pixel_values}, tensor_type=return_tensors or "pt")

    def make_hints(self, points: Sequence[Point], size: tuple[int, int]) -> torch.Tensor:
        """Colours that a person gives at points of a picture, as a guided model takes them.

        Only a* and b* of a colour count; the picture keeps its own lightness. Points in one cell are averaged.

        Args:
            points: pairs ((x, y), colour). x, y: pixels of the original, from its upper left one, which is (0, 0);
                colour: "#rrggbb" or another CSS colour, or three sRGB values from 0 to 255.
            size: width and height of the original, px.

        Returns:
            [1, 3, h/4, w/4] float32, CIE ab and 1 in cells with a point, 0 elsewhere; h, w: [`working_shape`].

        Raises:
            ValueError: if a point is outside of the picture, or a colour cannot be read.
        """
        width, height = size
        rows, columns = (side // _HINT_STRIDE for side in self.working_shape(height, width))
        cells = torch.zeros(3, rows, columns, dtype=torch.float32, device="cpu")
        for (x, y), colour in points:
            if not (0 <= x <= width - 1 and 0 <= y <= height - 1):
                raise ValueError(
                    f"The point ({x:g}, {y:g}) is outside of the picture: x goes from 0 to {width - 1}, "
                    f"y to {height - 1}."
                )
            # The middle of a pixel counts, so that the last one falls into the last cell.
            across, down = (x + 0.5) / width, (y + 0.5) / height
            row, column = min(int(down * rows), rows - 1), min(int(across * columns), columns - 1)
            rgb = cells.new_tensor(_read_colour(colour))[:, None, None] / 255
            with full_precision():
                cells[:2, row, column] += rgb_to_lab(rgb)[1:, 0, 0]
            cells[2, row, column] += 1
        cells[:2] /= cells[2].clamp(min=1)
        cells[2].clamp_(max=1)
        return cells[None]

    def make_palette(self, reference) -> torch.Tensor:
        """The colours of a photograph whose mood is wanted, as a guided model takes them.

        Args:
            reference: a colour picture, as [`preprocess`] takes them; only its colours count, not where they are.

        Returns:
            [1, Q] float32, share of each bin of ab; they sum to one.

        Raises:
            ValueError: if the picture has hardly any colour, or is of another type.
        """
        picture = _to_pillow(reference)
        height, width = self.working_shape(picture.height, picture.width)
        rgb = torch.from_numpy(np.array(_shrink(picture, width, height))).permute(2, 0, 1)[None].float() / 255
        with full_precision():
            ab = rgb_to_lab(rgb)[:, 1:]
        ab = F.avg_pool2d(ab, _HINT_STRIDE)  # at the scale on which the model chooses colours
        chroma = ab.norm(dim=1).mean().item()
        if chroma < _GREY_PALETTE:
            raise ValueError(
                f"The reference for the palette is grey (mean chroma {chroma:.1f}, at least {_GREY_PALETTE:g} is "
                "needed); choose a photograph in colour."
            )
        return ab_histogram(ab)

    def make_look(self, name: str) -> torch.Tensor:
        """Make the palette of a named look, as a guided model takes it.

        Args:
            name: one of ``looks``; case, hyphens and underscores do not matter.

        Returns:
            [1, Q] float32, share of each bin of ab; they sum to one.

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
        a, b, share = torch.tensor(known[_plain(name)], dtype=torch.float32).T
        bins, weights = soft_encode(torch.stack((a, b))[None, :, :, None])
        palette = torch.zeros(1, len(ab_centres()))
        palette.scatter_add_(1, bins.flatten(1), (weights * share[None, None, :, None]).flatten(1))
        return palette / palette.sum()

    def post_process_colorization(
        self,
        outputs,
        originals,
        saturation: float = 1.0,
        warmth: float = 0.0,
        tone: torch.Tensor | None = None,
    ) -> list[Image.Image]:
        """Put predicted colours on the originals: their size, their luminance.

        Args:
            outputs: [`ColorizationOutput`], or its ``ab`` [B, 2, h, w] in CIE units.
            originals: B pictures, as [`preprocess`] takes them; their own colours are ignored.
            saturation: factor on chroma, 0 for grey.
            warmth: shift along daylight, -1 (cool) to 1 (warm), see ``color.warm``.
            tone: [2, 101], CIE ab to add at L* 0, 1, ..., 100: that of a toned print which shall stay.

        Returns:
            B Pillow pictures, mode RGB, each of its original's size.

        Raises:
            ValueError: if the number of pictures differs, ab is not finite, saturation is negative, or warmth is not
                in [-1, 1].
        """
        ab = outputs if isinstance(outputs, torch.Tensor) else outputs.ab
        originals = originals if isinstance(originals, list | tuple) else [originals]
        if ab.ndim != 4 or ab.shape[1] != 2 or len(ab) != len(originals):
            raise ValueError(f"{len(originals)} originals do not fit predictions of shape {tuple(ab.shape)}.")
        if not math.isfinite(saturation) or saturation < 0:
            raise ValueError(f"saturation is a factor from 0 on, not {saturation}.")
        if not bool(torch.isfinite(ab).all()):
            raise ValueError("The predicted colours are not finite numbers; the model's weights are damaged.")
        with full_precision():
            ab = warm(ab.detach().float().cpu() * saturation, warmth)
            return [_colour(original, plane, tone) for original, plane in zip(originals, ab, strict=True)]


def _plain(name: str) -> str:
    return name.lower().replace("-", " ").replace("_", " ").strip()


def _to_pillow(image) -> Image.Image:
    if isinstance(image, Image.Image):
        return image
    array = image.cpu().numpy() if isinstance(image, torch.Tensor) else np.asarray(image)
    if array.dtype != np.uint8 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[-1] == 3)) or not array.size:
        raise ValueError(
            f"A picture is a Pillow picture or a uint8 array [H, W] or [H, W, 3], not {array.dtype} {array.shape}."
        )
    return Image.fromarray(array)


def _read_colour(colour: str | Sequence[int]) -> tuple[float, ...]:
    """Three sRGB values from 0 to 255."""
    if isinstance(colour, str):
        try:
            return tuple(map(float, ImageColor.getrgb(colour)[:3]))
        except ValueError:
            raise ValueError(f"{colour!r} is no colour; write it as #rrggbb.") from None
    values = tuple(map(float, colour))
    if len(values) != 3 or not all(0 <= value <= 255 for value in values):
        raise ValueError(f"A colour is #rrggbb or three values from 0 to 255, not {tuple(colour)}.")
    return values


def _shrink(picture: Image.Image, width: int, height: int) -> Image.Image:
    """RGB of the given size, antialiased; a large picture is first reduced by a whole factor, which is much faster."""
    if picture.mode not in ("RGB", "L"):
        picture = picture.convert("RGB")
    return picture.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0).convert("RGB")


def _colour(original, ab: torch.Tensor, tone: torch.Tensor | None = None) -> Image.Image:
    """One picture in the colours of ab [2, h, w], in bands of rows: no second full-size copy, no full-size floats."""
    is_picture = isinstance(original, Image.Image)
    if is_picture and original.mode != "RGB":
        original = original.convert("RGB")
    array = None if is_picture else np.asarray(original)
    width, height = original.size if is_picture else (array.shape[1], array.shape[0])
    coloured = Image.new("RGB", (width, height))
    wide = _enlarge_width(ab, width)
    rows = max(1, _BAND_PIXELS // width)

    def paint(top: int) -> None:
        bottom = min(top + rows, height)
        if is_picture:
            band = np.array(original.crop((0, top, width, bottom)))
        else:
            band = array[top:bottom] if array.ndim == 3 else np.repeat(array[top:bottom, :, None], 3, axis=2)
        light = lightness(torch.from_numpy(np.ascontiguousarray(band)))
        colours = _enlarge_rows(wide, top, bottom, height)
        if tone is not None:
            colours = colours + tone[:, light.round().long().clamp_(0, tone.shape[1] - 1)]
        rgb = join(light, colours)
        coloured.paste(Image.fromarray(rgb.numpy()), (0, top))

    list(_painters().map(paint, range(0, height, rows)))
    return coloured


@functools.lru_cache(maxsize=1)
def _painters() -> ThreadPoolExecutor:
    """Threads for whole bands side by side, since not every step of a band uses more than one core by itself.

    Kept for the life of the process: each new thread would start PyTorch's own threads anew.
    """
    return ThreadPoolExecutor(min(torch.get_num_threads(), _BANDS_AT_ONCE), "painter")


def _bicubic(length: int, enlarged: int, start: int, stop: int) -> tuple[int, torch.Tensor]:
    """Bicubic weights (Keys 1981, a = -0.75 as in PyTorch, align_corners=False) of ``enlarged`` places start..stop.

    Returns:
        The first of the ``n`` of ``length`` samples that matter, and the weights [stop - start, n].
    """
    centres = (torch.arange(start, stop, dtype=torch.float64, device="cpu") + 0.5) * length / enlarged - 0.5
    floor = centres.floor()
    taps = floor[:, None] + torch.arange(-1, 3, dtype=torch.float64, device="cpu")
    distance = (centres[:, None] - taps).abs()
    near = (1.25 * distance - 2.25) * distance**2 + 1
    far = -0.75 * (((distance - 5) * distance + 8) * distance - 4)
    weights = torch.where(distance <= 1, near, far).float()
    samples = taps.long().clamp(0, length - 1)
    first = int(samples.min())
    table = weights.new_zeros(stop - start, int(samples.max()) - first + 1)
    return first, table.scatter_add_(1, samples - first, weights)


def _enlarge_width(ab: torch.Tensor, width: int) -> torch.Tensor:
    """ab [2, h, w] to [h, 2, width], bicubic; narrower pictures than ab are averaged over."""
    if width < ab.shape[2]:
        return F.interpolate(ab[None], size=(ab.shape[1], width), mode="area")[0].transpose(0, 1).contiguous()
    columns = max(1, _BAND_PIXELS // max(1, ab.shape[1]))
    parts = []
    for left in range(0, width, columns):
        first, table = _bicubic(ab.shape[2], width, left, min(left + columns, width))
        parts.append(ab[:, :, first : first + table.shape[1]].transpose(0, 1) @ table.T)
    return torch.cat(parts, dim=2)


def _enlarge_rows(wide: torch.Tensor, top: int, bottom: int, height: int) -> torch.Tensor:
    """Rows top..bottom of ``height`` out of [h, 2, width], bicubic: [2, bottom - top, width]."""
    if height < wide.shape[0]:
        rows = F.interpolate(wide.permute(1, 0, 2)[None], size=(height, wide.shape[2]), mode="area")[0]
        return rows[:, top:bottom]
    first, table = _bicubic(wide.shape[0], height, top, bottom)
    rows = table @ wide[first : first + table.shape[1]].flatten(1)
    return rows.view(bottom - top, 2, -1).transpose(0, 1)


# save_pretrained then copies this code beside the weights, for AutoClasses with trust_remote_code.
ColorizationImageProcessor.register_for_auto_class("AutoImageProcessor")

__all__ = ["ColorizationImageProcessor"]
