"""Facts about a photograph that go along to its colored copy: an allow list, cleaned.

Layers, thumbnails, file layout and the tags of raw converters describe the old file, so they stay with it.
"""

from __future__ import annotations

import logging
import math
import warnings
from fractions import Fraction
from typing import Any

from PIL import ExifTags, Image, ImageOps, TiffImagePlugin

logger = logging.getLogger(__name__)
# Pillow warns on the console of notes that are damaged, without a file name; such a note is left out here.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\..*")

_MAX_TEXT = 8_000  # bytes of one text
EXIF_IFD, GPS_IFD = int(ExifTags.IFD.Exif), int(ExifTags.IFD.GPSInfo)
X_RESOLUTION, Y_RESOLUTION, DESCRIPTION = 282, 283, 270
_ORIENTATION, _UNIT = 274, 296
# Tag -> kind; a number in the kind is how many values the tag has.
MAIN_TAGS = {
    **dict.fromkeys((DESCRIPTION, 271, 272, 306, 315, 33432), "text"),
    X_RESOLUTION: "rational1",
    Y_RESOLUTION: "rational1",
}
_EXIF = {
    **dict.fromkeys((36867, 36868, 36880, 36881, 36882, 37520, 37521, 37522, 42035, 42036), "text"),
    **dict.fromkeys((33434, 33437, 37378, 37381, 37382, 37386, 41988), "rational1"),
    **dict.fromkeys((37377, 37379, 37380), "signed1"),
    **dict.fromkeys((34850, 34855, 37383, 37384, 37385, 41986, 41987, 41989, 41990), "short1"),
    42034: "rational4",
}
_GPS = {
    **dict.fromkeys((1, 3, 8, 9, 10, 12, 14, 16, 18, 19, 21, 23, 25, 29), "text"),
    **dict.fromkeys((2, 4, 7, 20, 22), "rational3"),
    **dict.fromkeys((6, 11, 13, 15, 17, 24, 26, 31), "rational1"),
    30: "short1",
}


def clean_text(value: object) -> bytes | None:
    if isinstance(value, tuple) and value:
        value = value[0]
    if isinstance(value, str):
        text = value
        try:
            value = text.encode("latin-1")  # Pillow reads bytes as Latin-1, so this gives back what the file says
        except UnicodeEncodeError:
            value = text.encode("utf-8", "replace")
    if not isinstance(value, bytes):
        return None
    value = bytes(byte for byte in value.split(b"\0")[0] if byte >= 32 or byte in b"\t\n\r").strip()
    return value or None


def _rational(value: Any, signed: bool = False) -> TiffImagePlugin.IFDRational | None:
    try:
        exact = getattr(value, "denominator", None)
        ratio = Fraction(int(value.numerator), int(value.denominator)) if exact else Fraction(float(value))
    except (ValueError, TypeError, OverflowError, ZeroDivisionError):
        return None
    if max(abs(ratio.numerator), ratio.denominator) >= 2**31:
        ratio = ratio.limit_denominator(10_000)
    if abs(ratio.numerator) >= 2**31 or (ratio < 0 and not signed):
        return None
    return TiffImagePlugin.IFDRational(ratio.numerator, ratio.denominator)


def _clean(kind: str, value: object) -> object | None:
    """The value as its tag must have it, or None if it is something else."""
    if kind == "text":
        return clean_text(value)
    count = int(kind[-1])
    values = value if isinstance(value, tuple | list) else (value,)
    if count == 1 and values:
        values = values[:1]
    if len(values) != count:
        return None
    if kind.startswith("short"):
        fits = isinstance(values[0], int) and 0 <= values[0] <= 65_535
        return int(values[0]) if fits else None
    values = tuple(_rational(one, kind.startswith("signed")) for one in values)
    return None if None in values else values if count > 1 else values[0]


def read_directory(exif: Image.Exif, ifd: int) -> dict:
    try:
        return dict(exif.get_ifd(ifd))
    except Exception:  # Pillow's parsers raise anything; a broken note is no broken picture
        return {}


def clean_exif(exif: Image.Exif, dpi: tuple[float, float] | None = None, name: str = "picture") -> bytes | None:
    """Keep of an EXIF block what is true of a copy: description, maker, dates, author, exposure, place, resolution.

    Args:
        exif: as Pillow reads it, damaged or not.
        dpi: horizontal and vertical resolution in pixels an inch, where the file says it outside of the block.
        name: what to call the picture in messages.

    Returns:
        A block with known tags of the right types only, without orientation, or None if nothing is left.
    """
    kept, left_out = Image.Exif(), []
    raw = {}
    for tag in {*MAIN_TAGS, _UNIT}:
        try:
            raw[tag] = exif.get(tag)
        except Exception:  # as above
            raw[tag] = None
    nested = ((EXIF_IFD, _EXIF), (GPS_IFD, _GPS))
    for ifd, known, found in ((0, MAIN_TAGS, raw), *((ifd, known, read_directory(exif, ifd)) for ifd, known in nested)):
        block = {}
        for tag, kind in known.items():
            value = None if found.get(tag) is None else _clean(kind, found[tag])
            if isinstance(value, bytes) and len(value) > _MAX_TEXT:
                left_out.append(ExifTags.TAGS.get(tag, str(tag)))
            elif value is not None:
                # Pillow knows the type of texts in the first directory, and guesses it from str in the others.
                block[tag] = value.decode("ascii", "replace") if isinstance(value, bytes) and ifd else value
        if ifd == 0:
            _set_resolution(block, dpi, raw.get(_UNIT))
            for tag, value in block.items():
                kept[tag] = value
        elif block:
            kept.get_ifd(ifd).update(block)
            kept[ifd] = kept.get_ifd(ifd)
    if left_out:
        logger.warning("%s: too long for a copy and left out: %s.", name, ", ".join(left_out))
    return kept.tobytes() if len(kept) else None


def _set_resolution(block: dict, dpi: tuple[float, float] | None, unit: object) -> None:
    """Pixels an inch, from the block itself or from the file around it; nothing that no print could have."""
    scale = {2: 1.0, 3: 2.54}.get(unit if isinstance(unit, int) else 2)
    own = [float(block.pop(tag)) * (scale or 0) for tag in (X_RESOLUTION, Y_RESOLUTION) if tag in block]
    for pair in (dpi, own):
        if pair and len(pair) == 2 and all(math.isfinite(float(one)) and 2 <= float(one) <= 100_000 for one in pair):
            x, y = (_rational(round(float(one), 2)) for one in pair)
            block.update({X_RESOLUTION: x, Y_RESOLUTION: y, _UNIT: 2})
            return


def load_exif(block: bytes | None) -> Image.Exif:
    """Parse a block of :func:`clean_exif`, or of anyone; empty if it cannot be read."""
    exif = Image.Exif()
    if block:
        try:
            exif.load(block)
        except Exception:  # as above
            return Image.Exif()
    return exif


def read_exif(picture: Image.Image) -> Image.Exif:
    """Read the EXIF of a Pillow picture; empty if it cannot be read."""
    try:
        return picture.getexif()
    except Exception:  # as above
        return Image.Exif()


def orientation_of(exif: Image.Exif) -> int:
    """Orientation 1 to 8 of EXIF; 1 where it says nothing sensible."""
    try:
        value = exif.get(_ORIENTATION, 1)
    except Exception:  # as above
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def turn_upright(picture: Image.Image, orientation: int) -> Image.Image:
    """Turn a picture as its EXIF orientation 1 to 8 says."""
    if orientation == 1:
        return picture
    turned = picture.copy()
    turned.getexif()[_ORIENTATION] = orientation
    return ImageOps.exif_transpose(turned)
