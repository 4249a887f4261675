"""Read files and pictures as a ``Photo``: the edge where bad input becomes a sentence."""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageChops, ImageCms, ImageOps, UnidentifiedImageError

logger = logging.getLogger(__name__)

MAX_MEGAPIXELS = 100.0
# MPO, which many phones write into .jpg files, is opened through JPEG.
READABLE = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "GIF", "PPM", "AVIF")
_SAME_COLOUR = 2  # largest difference of 255 between profiles that both mean sRGB
_BAND = 256  # rows handled at once, so that no second full-size copy is needed

# How a TIFF file is laid out is not a fact about the photograph, and wrong for the copy.
_LAYOUT_TAGS = {
    *range(254, 260),
    *(262, 266, 273, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 330, 338, 339, 347),
    *(ExifTags.Base.InterColorProfile, ExifTags.Base.Orientation),
}
_pillow_lock = threading.Lock()


class UnreadableImageError(ValueError):
    """A file that is no picture, a damaged one, or one over the limit; the message is a sentence that names it."""


@dataclass(frozen=True)
class Photo:
    """A photograph as everything behind the edge sees it.

    Attributes:
        rgb: uint8 [H, W, 3], upright, display sRGB.
        alpha: uint8 [H, W], or None where the file has none.
        exif: EXIF block without orientation (the pixels are upright), or None.
        format: Pillow's name of the file format, or None for a picture that was never a file.
        name: what to call it in messages.
    """

    rgb: np.ndarray
    alpha: np.ndarray | None = None
    exif: bytes | None = None
    format: str | None = None
    name: str = "picture"

    @property
    def height(self) -> int:
        return self.rgb.shape[0]

    @property
    def width(self) -> int:
        return self.rgb.shape[1]


def read_photo(
    source: str | Path | bytes | BinaryIO | Image.Image,
    *,
    name: str | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
) -> Photo:
    """Read a picture: upright, in sRGB, 8 bits a channel, with its alpha and EXIF.

    Args:
        source: a path, the bytes of a file, an open binary file, or a Pillow picture.
        name: what to call it in messages; by default the file's name.
        max_megapixels: more pixels than this are refused before they are decoded.

    Raises:
        UnreadableImageError: for anything that does not become a picture, with the reason.
    """
    picture, alpha, exif, file_format, name = _decoded(source, name, max_megapixels)
    rgb = _to_array(picture)
    if rgb.ndim == 2:
        rgb = np.repeat(rgb[:, :, None], 3, axis=2)
    return Photo(rgb, None if alpha is None else _to_array(alpha), exif, file_format, name)


def read_picture(
    source: str | Path | bytes | BinaryIO | Image.Image,
    *,
    name: str | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
) -> Image.Image:
    """As :func:`read_photo`, but only the colours, as a Pillow picture of mode RGB: no copy is made for an array."""
    picture = _decoded(source, name, max_megapixels)[0]
    return picture if picture.mode == "RGB" else picture.convert("RGB")


# Picture of mode RGB or L, alpha, EXIF, file format, name.
_Decoded = tuple[Image.Image, Image.Image | None, bytes | None, str | None, str]


def _decoded(source: str | Path | bytes | BinaryIO | Image.Image, name: str | None, max_megapixels: float) -> _Decoded:
    if isinstance(source, Image.Image):
        name = name or getattr(source, "filename", None) or "picture"
        return _decode(source, str(name), max_megapixels, ours=False)
    if isinstance(source, str | Path):
        path = Path(source)
        name = name or path.name
        with _open_file(path, name) as file:
            return _read(file, name, max_megapixels)
    file = io.BytesIO(source) if isinstance(source, bytes | bytearray) else source
    return _read(file, name or Path(str(getattr(file, "name", "picture"))).name, max_megapixels)


def _open_file(path: Path, name: str) -> BinaryIO:
    try:
        if path.is_dir():
            raise UnreadableImageError(f"{name}: this is a folder, not a picture.")
        if path.exists() and not path.is_file():
            # A pipe or a device would block or never end.
            raise UnreadableImageError(f"{name}: this is not a regular file.")
        return path.open("rb")
    except FileNotFoundError:
        raise UnreadableImageError(f"{name}: there is no such file.") from None
    except PermissionError:
        raise UnreadableImageError(f"{name}: no permission to read this file.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableImageError(f"{name}: the file cannot be opened ({reason}).") from None


def _read(file: BinaryIO, name: str, max_megapixels: float) -> _Decoded:
    head = file.read(512)
    file.seek(0)
    if not head:
        raise UnreadableImageError(f"{name}: the file is empty.")
    if b"<svg" in head.lower() or head.lstrip().startswith((b"<?xml", b"<!DOCTYPE svg")):
        raise UnreadableImageError(f"{name}: this is a vector drawing (SVG), not a photograph; export it as PNG first.")
    try:
        with _pixel_limit(max_megapixels):
            picture = Image.open(file, formats=READABLE)
        with picture:
            return _decode(picture, name, max_megapixels)
    except UnidentifiedImageError:
        known = "JPEG, PNG, TIFF, WebP, BMP, GIF, PPM or AVIF"
        raise UnreadableImageError(f"{name}: this is not a picture in a known format ({known}).") from None
    except Image.DecompressionBombError:
        raise UnreadableImageError(_too_large(name, "far more pixels", max_megapixels)) from None
    except MemoryError:
        raise UnreadableImageError(f"{name}: there is not enough memory to decode this picture.") from None
    except UnreadableImageError:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, OverflowError, KeyError, IndexError, TypeError) as error:
        # The decoders of Pillow raise all of these on damaged files.
        if "truncated" in str(error).lower() or isinstance(error, EOFError):
            raise UnreadableImageError(f"{name}: the file is cut off in the middle of the picture.") from None
        raise UnreadableImageError(f"{name}: the picture is damaged ({error}).") from None


@contextlib.contextmanager
def _pixel_limit(max_megapixels: float) -> Iterator[None]:
    """Give Pillow our limit while it reads a header; ours is checked exactly in ``_decode``, with a sentence."""
    with _pillow_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, int(max_megapixels * 1e6)
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _too_large(name: str, pixels: str, max_megapixels: float) -> str:
    return f"{name}: {pixels} than the limit of {max_megapixels:g} megapixels; make it smaller first."


def _decode(picture: Image.Image, name: str, max_megapixels: float, ours: bool = True) -> _Decoded:
    width, height = picture.size
    if width < 1 or height < 1:
        raise UnreadableImageError(f"{name}: the picture has no pixels ({width} × {height}).")
    if width * height > max_megapixels * 1e6:
        size = f"{width:,} × {height:,} = {width * height / 1e6:.1f} megapixels, more"
        raise UnreadableImageError(_too_large(name, size, max_megapixels))
    file_format, icc = picture.format, picture.info.get("icc_profile")
    picture.load()
    upright, exif = _upright(picture, name, ours)
    alpha = None
    if upright.has_transparency_data:
        if upright.mode not in ("RGBA", "LA"):
            upright = upright.convert("RGBA")
        alpha = upright.getchannel("A")
        upright = upright.convert("RGB" if upright.mode == "RGBA" else "L")
    return _to_srgb(_to_8_bits(upright, name), icc, name), alpha, exif, file_format, name


def _to_8_bits(picture: Image.Image, name: str) -> Image.Image:
    """Grey of 16 and 32 bits and floating point to 8 bits, rounded; Pillow's own ``convert`` would clip it."""
    if picture.mode.startswith("I;16") or picture.mode in ("I", "F"):
        values = np.asarray(picture)
        low, high = float(values.min()), float(values.max())
        if not np.isfinite([low, high]).all() or low < 0:
            raise UnreadableImageError(f"{name}: pixel values below 0 or not finite; this is data, not a photograph.")
        if picture.mode == "F" and high <= 1:
            white = 1.0
        elif picture.mode.startswith("I;16") or 255 < high <= 65535:
            white = 65535.0
        else:
            white = max(high, 255.0)
        return Image.fromarray((values * (255 / white) + 0.5).astype(np.uint8))
    return picture


def _to_srgb(picture: Image.Image, icc: bytes | None, name: str) -> Image.Image:
    """To mode RGB, or L for plain grey, through the embedded ICC profile where it says something else than sRGB."""
    if picture.mode in ("P", "PA", "RGBX"):
        picture = picture.convert("RGB")
    elif picture.mode == "1":
        picture = picture.convert("L")
    if icc and picture.mode in ("RGB", "L", "CMYK", "LAB"):
        try:
            if transform := _transform_to_srgb(icc, picture.mode):
                return ImageCms.applyTransform(picture, transform) or picture
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
            logger.warning("%s: the colour profile cannot be used and is ignored (%s).", name, error)
    return picture if picture.mode in ("RGB", "L") else picture.convert("RGB")


@functools.lru_cache(maxsize=64)  # more than the profiles of a usual collection
def _transform_to_srgb(icc: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From a profile to sRGB, None where it is sRGB already; to build one costs as much as a small photograph.

    What a profile is called says nothing: what it makes of colours does. Profiles of sRGB differ by their rounding.
    """
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), mode, "RGB")
    if mode == "RGB":
        before = _colour_chart()
        apart = ImageChops.difference(before, ImageCms.applyTransform(before, transform))
        if max(high for _, high in apart.getextrema()) <= _SAME_COLOUR:
            return None
    return transform


@functools.cache
def _colour_chart() -> Image.Image:
    """Every colour whose channels are multiples of 15, as a picture."""
    levels = np.arange(0, 256, 15, np.uint8)
    return Image.fromarray(np.stack(np.meshgrid(levels, levels, levels), -1).reshape(len(levels), -1, 3))


def _upright(picture: Image.Image, name: str, ours: bool) -> tuple[Image.Image, bytes | None]:
    """The picture turned as its EXIF says, and the EXIF block without orientation and file layout."""
    if ours and picture.format == "JPEG" and not {"exif", "xmp"} & picture.info.keys():
        return picture, None
    try:
        if ours:  # a picture of our own is copied only if it has to be turned
            upright = picture
            ImageOps.exif_transpose(picture, in_place=True)
        else:
            upright = ImageOps.exif_transpose(picture)
        exif = upright.getexif()
        for tag in _LAYOUT_TAGS & set(exif):
            del exif[tag]
        return upright, exif.tobytes() if len(exif) else None
    except Exception as error:  # Pillow raises whatever its parsers do; a broken note is no broken picture
        logger.warning("%s: the EXIF block cannot be read and is dropped (%s).", name, error)
        return picture, None


def _to_array(picture: Image.Image) -> np.ndarray:
    """uint8 [H, W] or [H, W, 3], copied in bands: ``np.asarray`` alone holds two more copies for a moment."""
    width, height = picture.size
    if height <= _BAND:
        return np.array(picture)
    array = np.empty((height, width) if picture.mode == "L" else (height, width, 3), np.uint8)
    for top in range(0, height, _BAND):
        bottom = min(top + _BAND, height)
        array[top:bottom] = np.asarray(picture.crop((0, top, width, bottom)))
    return array
