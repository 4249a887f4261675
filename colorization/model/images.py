"""Read files and pictures as a ``Photo``: the edge where bad input becomes a sentence."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from .cut_off import CutOffError, Mended, ends_in_zeros, mend
from .depth import NotAPhotographError, to_8_bits, to_array
from .limits import pixel_limit
from .metadata import clean_exif, orientation_of, read_exif, turn_upright
from .png import Png, mask_of_key, open_png, to_srgb_levels
from .profiles import to_srgb
from .readers import MissingReaderError, deep_jpeg2000, develop, is_raw, readable, refuse, unknown
from .tiff import NOT_KNOWN, RawError, TiffError, is_missing, look, open_tiff, read_page, refuse_misread

logger = logging.getLogger(__name__)

MAX_MEGAPIXELS = 100.0
_ANIMATED = ("GIF", "WEBP", "PNG", "AVIF", "TIFF", "HEIF")


class UnreadableImageError(ValueError):
    """A file that is no picture, a damaged one, or one over the limit; the message is a sentence that names it."""


@dataclass(frozen=True)
class Photo:
    """A photograph as everything behind the edge sees it.

    Attributes:
        rgb: uint8 [H, W, 3], upright, display sRGB; to be read only, as the planes of a grey picture are one.
        alpha: uint8 [H, W], or None where the file has none.
        exif: EXIF block of what is true of a copy too, as ``metadata.clean_exif`` keeps it, or None.
        format: Pillow's name of the file format, or None for a picture that was never a file.
        name: what to call it in messages.
        pages: how many pages or frames its file has.
        notes: sentences about the file that whoever brought it should read, such as that its end is missing.
    """

    rgb: np.ndarray
    alpha: np.ndarray | None = None
    exif: bytes | None = None
    format: str | None = None
    name: str = "picture"
    pages: int = 1
    notes: tuple[str, ...] = ()

    @property
    def seen(self) -> np.ndarray:
        """``rgb``, with pixels that alpha hides wholly in the mean color of the others: what lies there is unseen."""
        if self.alpha is None or self.alpha.all():
            return self.rgb
        hidden, seen = self.alpha == 0, self.rgb.copy()
        seen[hidden] = 128 if hidden.all() else (self.rgb[~hidden].mean(axis=0) + 0.5).astype(np.uint8)
        return seen

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
    page: int = 0,
    whole: bool = False,
) -> Photo:
    """Read a picture: upright, in sRGB, 8 bits a channel, with its alpha and EXIF.

    Of a JPEG, PNG, TIFF or WebP that ends too early, nine tenths are enough: what is missing is plain, which is logged
    and in the notes.

    Args:
        source: a path, the bytes of a file, an open binary file, or a Pillow picture.
        name: what to call it in messages; by default the file's name.
        max_megapixels: more pixels than this are refused before they are decoded.
        page: of a file with several pages or frames, counted from 0.
        whole: refuse whatever ends too early, as for a picture that others are measured by.

    Raises:
        UnreadableImageError: for anything that does not become a picture, with the reason.
    """
    found = _decoded(source, name, max_megapixels, page, whole)
    for note in found.notes:
        logger.warning("%s: %s", found.name, note)
    rgb = to_array(found.picture)
    if rgb.ndim == 2:
        rgb = np.broadcast_to(rgb[:, :, None], (*rgb.shape, 3))  # one plane, shown three times: a third of the memory
    alpha = None if found.alpha is None else to_array(found.alpha)
    return Photo(rgb, alpha, found.exif, found.format, found.name, found.pages, found.notes)


def read_picture(
    source: str | Path | bytes | BinaryIO | Image.Image,
    *,
    name: str | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
) -> Image.Image:
    """As :func:`read_photo`, but whole and only the colors, as a Pillow picture of mode RGB: no copy is made."""
    picture = _decoded(source, name, max_megapixels, 0, whole=True).picture
    return picture if picture.mode == "RGB" else picture.convert("RGB")


@dataclass(frozen=True)
class _Decoded:
    """A picture of mode RGB or L, its alpha, EXIF, file format, name, how many pages its file has, and notes."""

    picture: Image.Image
    alpha: Image.Image | None
    exif: bytes | None
    format: str | None
    name: str
    pages: int = 1
    notes: tuple[str, ...] = ()


def _decoded(
    source: str | Path | bytes | BinaryIO | Image.Image,
    name: str | None,
    max_megapixels: float,
    page: int,
    whole: bool,
) -> _Decoded:
    if isinstance(source, Image.Image):
        name = name or getattr(source, "filename", None) or "picture"
        return _decode(source, str(name), max_megapixels, ours=False)
    if isinstance(source, str | Path):
        path = Path(source)
        name = name or path.name
        with _open_file(path, name) as file:
            return _read_or_mend(file, name, max_megapixels, page, whole)
    file = io.BytesIO(source) if isinstance(source, bytes | bytearray) else source
    name = name or Path(str(getattr(file, "name", "picture"))).name
    return _read_or_mend(file, name, max_megapixels, page, whole)


def _open_file(path: Path, name: str) -> BinaryIO:
    try:
        if path.is_dir():
            raise UnreadableImageError(f"{name}: this is a folder, not a picture.")
        if path.exists() and not path.is_file():
            # A pipe or a device would block or never end.
            raise UnreadableImageError(f"{name}: this is not a regular file.")
        return path.open("rb")
    except UnreadableImageError:
        raise
    except FileNotFoundError:
        raise UnreadableImageError(f"{name}: there is no such file.") from None
    except PermissionError:
        raise UnreadableImageError(f"{name}: no permission to read this file.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableImageError(f"{name}: the file cannot be opened ({reason}).") from None


class _DamagedError(UnreadableImageError):
    """Whatever comes of an end that is missing, or of other damage."""


def _read_or_mend(file: BinaryIO, name: str, max_megapixels: float, page: int, whole: bool) -> _Decoded:
    mended = None
    try:
        if ends_in_zeros(file):
            mended = _mend(file, name, max_megapixels, page)
        if mended is None:
            return _read(file, name, max_megapixels, page)
    except _DamagedError:
        mended = _mend(file, name, max_megapixels, page)
        if mended is None:
            raise
    if whole and mended.share < 1:
        raise UnreadableImageError(f"{name}: {mended.note}.")
    return replace(_read(mended.file, name, max_megapixels, page), notes=(f"{mended.note}.",))


def _mend(file: BinaryIO, name: str, max_megapixels: float, page: int) -> Mended | None:
    try:
        with pixel_limit(max_megapixels):
            return mend(file, page)
    except CutOffError as error:
        raise UnreadableImageError(f"{name}: {error}.") from None


def _read(file: BinaryIO, name: str, max_megapixels: float, page: int) -> _Decoded:
    try:
        file.seek(0)
        head = file.read(512)
        file.seek(0)
        if not head:
            raise UnreadableImageError(f"{name}: the file is empty.")
        if refusal := refuse(head):
            raise UnreadableImageError(f"{name}: {refusal}")
        if is_raw(head):
            return _decode(develop(file), name, max_megapixels, file_format="RAW")
        if head[:2] in (b"II", b"MM"):
            return _read_tiff(file, name, max_megapixels, page)
        png = open_png(file) if head.startswith(b"\x89PNG") else None
        return _read_with_pillow(png.file if png else file, name, max_megapixels, page, png)
    except UnidentifiedImageError:
        raise UnreadableImageError(f"{name}: {unknown(file)}") from None
    except Image.DecompressionBombError:
        raise UnreadableImageError(_too_large(name, "far more pixels", max_megapixels)) from None
    except MemoryError:
        raise UnreadableImageError(f"{name}: there is not enough memory to decode this picture.") from None
    except UnreadableImageError:
        raise
    except (MissingReaderError, NotAPhotographError) as error:
        raise UnreadableImageError(f"{name}: {error}.") from None
    except TiffError as error:
        raise _DamagedError(f"{name}: {error}.") from None
    except Exception as error:
        # The decoders of Pillow raise anything on damaged files.
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        if "truncated" in reason.lower() or isinstance(error, EOFError):
            raise _DamagedError(f"{name}: the file is cut off in the middle of the picture.") from None
        raise _DamagedError(f"{name}: the picture is damaged ({reason}).") from None


def _read_with_pillow(
    file: BinaryIO,
    name: str,
    max_megapixels: float,
    page: int,
    png: Png | None = None,
    pages: int | None = None,
    check: Callable[[Image.Image], None] | None = None,
) -> _Decoded:
    with pixel_limit(max_megapixels):
        picture = Image.open(file, formats=readable())
    with picture:
        if pages is None:
            pages = getattr(picture, "n_frames", 1) if picture.format in _ANIMATED else 1
            if not 0 <= page < pages:
                raise TiffError(f"there is no page {page + 1}; it has {pages}")
        if page:
            # Of a phone's file the first is the one that it names, wherever it stands.
            first = picture.tell()
            picture.seek(page - 1 if page <= first else page)
        if check:
            check(picture)
        _check_size(*picture.size, name, max_megapixels)
        deep = deep_jpeg2000(file) if picture.format == "JPEG2000" else None
        found = _decode(deep or picture, name, max_megapixels, png=png, file_format=picture.format)
    return replace(found, pages=pages)


def _read_tiff(file: BinaryIO, name: str, max_megapixels: float, page: int) -> _Decoded:
    """Through Pillow what it reads rightly, through tifffile the rest, and either stands in for the other."""
    tif = open_tiff(file)
    if tif is None:
        file.seek(0)
        try:
            return _read_with_pillow(file, name, max_megapixels, page, check=refuse_misread)
        except UnidentifiedImageError:
            raise TiffError(NOT_KNOWN if is_missing() else "this TIFF is damaged at its beginning") from None
    try:
        seen = look(tif, page)
    except RawError:
        return _decode(develop(file), name, max_megapixels, file_format="RAW")
    _check_size(seen.width, seen.height, name, max_megapixels)
    place = seen.places[page]
    if seen.plain:
        try:
            file.seek(0)
            return _read_with_pillow(file, name, max_megapixels, place, pages=len(seen.places))
        except UnidentifiedImageError:
            pass
    try:
        found = read_page(tif, place)
    except TiffError as error:
        if not error.codec:
            raise
        try:  # Pillow's own codecs; 16 bits of a color become 8 by their upper half
            file.seek(0)
            return _read_with_pillow(file, name, max_megapixels, place, pages=len(seen.places))
        except UnreadableImageError:
            raise
        except Exception:
            raise error from None
    exif = Image.Exif()
    with contextlib.suppress(Exception):  # a broken note is no broken picture
        file.seek(0)
        exif.load_from_fp(file)
    pixels = Image.fromarray(found.pixels) if found.mode in ("L", "RGB") else None
    if pixels is None:
        size = found.pixels.shape[1::-1]
        pixels = Image.frombuffer(
            found.mode, size, np.ascontiguousarray(found.pixels).tobytes(), "raw", found.mode, 0, 1
        )
    alpha = None if found.alpha is None else Image.fromarray(found.alpha)
    turn = orientation_of(exif)
    pixels = turn_upright(to_srgb(pixels, found.icc, name), turn)
    alpha = alpha and turn_upright(alpha, turn)
    return _Decoded(pixels, alpha, clean_exif(exif, name=name), "TIFF", name, len(seen.places))


def _too_large(name: str, pixels: str, max_megapixels: float) -> str:
    return f"{name}: {pixels} than the limit of {max_megapixels:g} megapixels; make it smaller first."


def _check_size(width: int, height: int, name: str, max_megapixels: float) -> None:
    if width < 1 or height < 1:
        raise UnreadableImageError(f"{name}: the picture has no pixels ({width} × {height}).")
    if width * height > max_megapixels * 1e6:
        size = f"{width:,} × {height:,} = {width * height / 1e6:.1f} megapixels, more"
        raise UnreadableImageError(_too_large(name, size, max_megapixels))


def _decode(
    picture: Image.Image, name: str, max_megapixels: float, ours: bool = True, png: Png | None = None,
    file_format: str | None = None,
) -> _Decoded:  # fmt: skip
    _check_size(*picture.size, name, max_megapixels)
    file_format, icc = file_format or picture.format, picture.info.get("icc_profile") or (png.icc if png else None)
    picture.load()
    # A plain JPEG, of which there are many, has nothing to parse.
    bare = ours and file_format == "JPEG" and not {"exif", "xmp", "dpi"} & picture.info.keys()
    exif = Image.Exif() if bare else read_exif(picture)
    turn, facts = orientation_of(exif), clean_exif(exif, picture.info.get("dpi"), name)
    alpha = mask_of_key(picture, png.file, png.key) if png and png.key else None
    if png and png.gamma:
        picture = to_srgb_levels(picture, png)
    deep = picture.mode.startswith("I;16") or picture.mode in ("I", "F")
    if deep:
        # Pillow scales a PGM of more than 8 bits to 16, whatever its own white.
        bits = 16 if picture.mode.startswith("I;16") or file_format in ("PPM", "PNG", "JPEG2000") else None
        values = np.asarray(picture)
        picture = Image.fromarray(to_8_bits(values.astype(np.uint32) if bits and picture.mode == "I" else values, bits))
    elif alpha is None and picture.has_transparency_data:
        if picture.mode not in ("RGBA", "LA"):
            picture = picture.convert("RGBA")
        alpha = picture.getchannel("A")
        picture = picture.convert("RGB" if picture.mode == "RGBA" else "L")
    picture = turn_upright(to_srgb(picture, icc, name), turn)
    return _Decoded(picture, alpha and turn_upright(alpha, turn), facts, file_format, name)
