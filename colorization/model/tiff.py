"""TIFF beyond what Pillow reads rightly: 16 and 32 bits, floats, both byte orders, planes, alpha, Lab, many pages."""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass
from typing import BinaryIO, cast

import numpy as np
from PIL import Image

from .depth import NotAPhotographError, to_8_bits

try:
    import tifffile
except ImportError:  # on the Hub, without the package
    tifffile = None  # type: ignore[assignment]

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what is damaged is said here, with the file's name
INSTALL = "pip install 'landscape-colorizer[formats]'"
NOT_KNOWN = f"this kind of TIFF needs more: {INSTALL}; or save it with 8 bits"
MAX_PAGES = 10_000
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _MASK, _CMYK, _YCBCR, _LAB, _ICC_LAB = 0, 1, 2, 3, 4, 5, 6, 8, 9
_CHANNELS = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _PALETTE: 1, _CMYK: 4, _YCBCR: 3, _LAB: 3, _ICC_LAB: 3}
_RAW = (32803, 34892)  # a color filter array, and linear raw
_FAX = (2, 3, 4)  # compressions whose 0 is white where nothing is said
# What the libtiff of Pillow decodes; it reads colors as YCbCr only where that is compressed.
_CODECS_OF_PILLOW = (1, *_FAX, 5, 6, 7, 8, 32773, 32946)
_WEBP = 50001


class TiffError(ValueError):
    """A TIFF that cannot be read; the message is the end of a sentence that says why and what to do.

    ``codec`` is true where a library for its compression is missing, so that another one may still read it.
    """

    codec = False


class RawError(TiffError):
    """The file of a raw converter or camera: its picture has to be developed first."""


@dataclass(frozen=True)
class TiffPages:
    """What a TIFF holds.

    Attributes:
        places: numbers of its pages among all of its directories; thumbnails and masks are not counted.
        width, height: of the page asked for, in pixels as stored.
        plain: whether Pillow reads that page rightly: 8 bits or fewer, of a common kind.
    """

    places: tuple[int, ...]
    width: int
    height: int
    plain: bool


def open_tiff(file: BinaryIO) -> tifffile.TiffFile | None:
    """Parse the directories of a TIFF; None where the library is missing or the file is beyond it."""
    if tifffile is None:
        return None
    try:
        file.seek(0)
        return tifffile.TiffFile(file)
    except Exception:  # whatever a parser stumbles over: Pillow may still read it
        return None


def refuse_misread(picture: Image.Image) -> None:
    """Refuse a TIFF that Pillow would show as something else; for where the library made for TIFF is missing.

    Raises:
        TiffError: for all but 8 bits of the common kinds, and black-is-zero grey of 16 bits or in floating point.
    """
    tags = getattr(picture, "tag_v2", {})
    bits, samples = tags.get(258, (1,)), tags.get(339, (1,))
    photometric, extra = tags.get(262), tags.get(338, ())
    deep_grey = (bits == (16,) and samples == (1,)) or (bits == (32,) and samples == (3,))
    alpha = extra and (photometric != _RGB or len(bits) != 4)
    small = tags.get(254, 0) & 1 or tags.get(255) == 2
    common = (
        tags.get(32_997, 1) == 1
        and not (small and getattr(picture, "n_frames", 1) > 1)
        and not (photometric == _PALETTE and max(tags.get(320, (0,))) <= 255)
        and not (photometric == _YCBCR and tags.get(259, 1) == 1)
        and tags.get(259) != _WEBP
        and max(bits) <= 8
        and set(samples) <= {1, 4}
        and photometric in _CHANNELS.keys() - {_LAB, _ICC_LAB}
    )
    if not (common and not alpha) and not (deep_grey and photometric == _BLACK_IS_ZERO):
        raise TiffError(NOT_KNOWN if is_missing() else "this TIFF is damaged, or of a kind that is not known")


def is_missing() -> bool:
    """Whether the library made for TIFF is not there."""
    return tifffile is None


def look(tif: tifffile.TiffFile, page: int) -> TiffPages:
    """Count the pages of a TIFF and look at one of them.

    Raises:
        TiffError: if it has no page of that number, or what is no picture.
        RawError: if it is a raw file.
    """
    places, kinds = [], []
    for number in range(MAX_PAGES):
        try:
            one = page_of(tif, number)
        except Exception:  # the end, or damage behind the pages that can be read
            break
        kinds.append(_kind_of(one))
        if not kinds[-1] & 5:
            places.append(number)
    if not kinds:
        raise TiffError("there is no picture in this TIFF")
    places = places or [0]
    first = page_of(tif, 0)
    if first.photometric in _RAW or (kinds[0] & 1 and 330 in first.tags):
        raise RawError("this is a raw file of a camera")
    if not 0 <= page < len(places):
        raise TiffError(f"there is no page {page + 1}; it has {len(places)}")
    chosen = page_of(tif, places[page])
    bits = chosen.bitspersample
    samples = chosen.samplesperpixel
    plain = (
        isinstance(bits, int)
        and bits <= 8
        and chosen.sampleformat in (1, 4)
        and chosen.photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR)
        and chosen.compression in _CODECS_OF_PILLOW
        and 262 in chosen.tags
        and not (chosen.photometric == _YCBCR and chosen.compression == 1)
        and not (
            chosen.photometric == _PALETTE and np.max(chosen.colormap if chosen.colormap is not None else 0) <= 255
        )
        and (samples == _CHANNELS[chosen.photometric] or (chosen.photometric == _RGB and samples == 4))
        and chosen.imagedepth == 1
        and 0 not in chosen.databytecounts  # a strip or tile of nothing
    )
    return TiffPages(tuple(places), chosen.imagewidth, chosen.imagelength, plain)


def page_of(tif: tifffile.TiffFile, place: int) -> tifffile.TiffPage:
    return cast("tifffile.TiffPage", tif.pages[place])  # frames are only for those who ask for them


def _kind_of(page: tifffile.TiffPage) -> int:
    """NewSubfileType, or what its predecessor says: bit 0 is a smaller copy of another page, bit 2 a mask."""
    kind, old = page.tags.get(254), page.tags.get(255)
    if kind is not None and isinstance(kind.value, int):
        return kind.value
    return int(old is not None and old.value == 2)


@dataclass(frozen=True)
class TiffPicture:
    """Pixels of one page: ``mode`` L, RGB, CMYK or LAB (as Pillow means it), uint8 [H, W] or [H, W, C], and alpha."""

    mode: str
    pixels: np.ndarray
    alpha: np.ndarray | None
    icc: bytes | None


def read_page(tif: tifffile.TiffFile, place: int) -> TiffPicture:
    """Decode one page.

    Raises:
        TiffError: if a codec is missing, or it is of a kind that is no photograph.
    """
    page = page_of(tif, place)
    photometric = int(page.photometric)
    if 262 not in page.tags and page.compression not in _FAX:  # as libtiff takes it
        photometric = _RGB if page.samplesperpixel >= 3 else _BLACK_IS_ZERO
    if photometric not in _CHANNELS:
        raise TiffError(f"its kind of color ({_name(page.photometric)}) is not known; save it as RGB or grey")
    if page.imagedepth > 1:
        raise TiffError("this is a stack of planes (a volume), not a photograph")
    if photometric == _YCBCR and page.compression == 1 and page.subsampling not in (None, (1, 1)):
        raise TiffError("its YCbCr has fewer samples of color than of light, and is not compressed; save it as RGB")
    try:
        values = page.asarray()
    except Exception as error:  # the codecs raise anything
        wrong = TiffError(_reason(page, error))
        wrong.codec = "imagecodecs" in str(error) or isinstance(error, ImportError)
        raise wrong from None
    if values.size == 0:
        raise TiffError("the picture has no pixels")
    values = _channels_last(values, page)
    channels, icc = _CHANNELS[photometric], _profile(page)
    if values.shape[2] < channels:
        raise TiffError(f"it has {values.shape[2]} channels where {channels} belong; the file is damaged")
    if values.dtype.kind == "c" or values.dtype.kind not in "uifb":
        raise TiffError("its pixel values are complex numbers; this is data, not a photograph")
    bits = page.bitspersample if isinstance(page.bitspersample, int) else None
    if bits == 24 and values.dtype == np.uint32 and values.max() >= 2**24:  # tifffile's, of a big-endian file
        values = values >> 8
    try:
        colors, alpha = _scaled(values, page, photometric, channels, bits)
    except NotAPhotographError as error:
        raise TiffError(str(error)) from None
    mode = {_CMYK: "CMYK", _LAB: "LAB", _ICC_LAB: "LAB", _YCBCR: "YCbCr"}.get(photometric)
    if mode == "YCbCr" and page.compression == 7:
        mode = "RGB"  # the JPEG codec has already converted it
    if mode is None:
        mode = "RGB" if colors.ndim == 3 else "L"
    return TiffPicture(mode, colors, alpha, icc)


def _scaled(
    values: np.ndarray, page: tifffile.TiffPage, photometric: int, channels: int, bits: int | None
) -> tuple[np.ndarray, np.ndarray | None]:
    colors, alpha = values[..., :channels], None
    kinds = tuple(int(kind) for kind in page.extrasamples or ())
    if values.shape[2] > channels and kinds and kinds[0] in (1, 2):
        alpha = to_8_bits(values[..., channels], bits)
    if photometric == _PALETTE:
        return _look_up(colors[..., 0], page), alpha
    colors = _lab_bytes(colors, photometric) if photometric in (_LAB, _ICC_LAB) else colors
    if photometric not in (_LAB, _ICC_LAB):
        colors = to_8_bits(colors, bits, _limits(page))
    if alpha is not None and kinds[0] == 1 and photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB):
        colors = _straight(colors, alpha)
    if photometric == _WHITE_IS_ZERO:
        colors = 255 - colors
    return np.ascontiguousarray(colors[..., 0] if channels == 1 else colors), alpha


def _straight(colors: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Colors that were multiplied by alpha, divided again."""
    whole = colors.astype(np.float32) * 255 / np.maximum(alpha, 1)[..., None]
    return np.where(alpha[..., None] == 0, 0, (whole + 0.5).clip(0, 255)).astype(np.uint8)


def _channels_last(values: np.ndarray, page: tifffile.TiffPage) -> np.ndarray:
    axes = page.axes
    if "S" not in axes:
        values = values[..., None]
    elif axes.index("S") != len(axes) - 1:
        values = np.moveaxis(values, axes.index("S"), -1)
    if values.ndim != 3:
        raise TiffError("this is a stack of planes (a volume), not a photograph")
    return values


def _lab_bytes(values: np.ndarray, photometric: int) -> np.ndarray:
    """Lab as Pillow takes it from a file: L* in 0 to 255, a* and b* signed."""
    if values.dtype.kind == "f":
        raise TiffError("Lab in floating point is not known; save it as RGB")
    depth = 8 * values.dtype.itemsize
    whole = values.astype(np.int64) % 2**depth
    white = 0xFF00 if photometric == _ICC_LAB and depth == 16 else 2**depth - 1
    result = np.empty(values.shape, np.uint8)
    result[..., 0] = ((whole[..., 0] * 255 + white // 2) // white).clip(0, 255)
    result[..., 1:] = whole[..., 1:] >> (depth - 8)
    if photometric == _ICC_LAB:  # unsigned, with grey in the middle
        result[..., 1:] ^= 128
    return result


def _look_up(indices: np.ndarray, page: tifffile.TiffPage) -> np.ndarray:
    colormap = page.colormap
    if colormap is None or indices.dtype.kind != "u":
        raise TiffError("its palette is missing; the file is damaged")
    table = np.asarray(colormap).T.astype(np.float64) / (257 if np.asarray(colormap).max() > 255 else 1)
    return (table + 0.5).astype(np.uint8)[np.minimum(indices, len(table) - 1)]


def _limits(page: tifffile.TiffPage) -> tuple[float, float] | None:
    """Black and white that a file of floating point names."""
    black, white = page.tags.get(340), page.tags.get(341)
    if black is None or white is None:
        return None
    try:
        low, high = float(np.min(black.value)), float(np.max(white.value))
    except (TypeError, ValueError):
        return None
    return (low, high) if np.isfinite([low, high]).all() and high > low else None


def _profile(page: tifffile.TiffPage) -> bytes | None:
    tag = page.tags.get(34675)
    return bytes(tag.value) if tag is not None and isinstance(tag.value, bytes) else None


def _name(value: object) -> str:
    return str(getattr(value, "name", value)).replace("_", " ").lower()


def _reason(page: tifffile.TiffPage, error: Exception) -> str:
    text = str(error)
    if "imagecodecs" in text or isinstance(error, ImportError):
        return f"its compression ({_name(page.compression)}) needs more: {INSTALL}, or save it without compression"
    if isinstance(error, MemoryError):
        return "there is not enough memory to decode this picture"
    if isinstance(error, EOFError | io.UnsupportedOperation) or "too short" in text or "corrupted" in text.lower():
        return "the file is cut off in the middle of the picture, or damaged"
    return f"the picture is damaged, or of a kind of TIFF that is not known ({' '.join(text.split())[:120]})"
