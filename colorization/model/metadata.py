"""Facts about a photograph that go along to its coloured copy: an allow list, cleaned; and that it was coloured.

Layers, thumbnails, file layout and the tags of raw converters describe the old file, so they stay with it.
"""

from __future__ import annotations

import functools
import io
import logging
import math
import struct
import warnings
from fractions import Fraction
from typing import Any
from xml.sax.saxutils import escape

from PIL import ExifTags, Image, ImageCms, ImageOps, TiffImagePlugin

logger = logging.getLogger(__name__)
# Pillow warns on the console of notes that are damaged, without a file name; such a note is left out here.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\..*")

SOFTWARE = "Landscape Colorizer"
SENTENCE = "Coloured by Landscape Colorizer: the colours are a model's guess."
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
MAX_BYTES = 60_000  # of a whole EXIF block; a JPEG segment holds 65,533
_MAX_TEXT = 8_000  # bytes of one text
_EXIF_IFD, _GPS_IFD = int(ExifTags.IFD.Exif), int(ExifTags.IFD.GPSInfo)
_ORIENTATION, _UNIT, _X, _Y, _SOFTWARE, _DESCRIPTION = 274, 296, 282, 283, 305, 270
_STRIPS = 273
_UNIQUE_ID, _WIDTH, _HEIGHT, _COLOR_SPACE = 42016, 40962, 40963, 40961
# Tag -> kind; a number in the kind is how many values the tag has.
_IFD0 = {**dict.fromkeys((_DESCRIPTION, 271, 272, 306, 315, 33432), "text"), _X: "rational1", _Y: "rational1"}
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


def _text(value: object) -> bytes | None:
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
        return _text(value)
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


def _read_ifd(exif: Image.Exif, ifd: int) -> dict:
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
    for tag in {*_IFD0, _UNIT}:
        try:
            raw[tag] = exif.get(tag)
        except Exception:  # as above
            raw[tag] = None
    nested = ((_EXIF_IFD, _EXIF), (_GPS_IFD, _GPS))
    for ifd, known, found in ((0, _IFD0, raw), *((ifd, known, _read_ifd(exif, ifd)) for ifd, known in nested)):
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
    own = [float(block.pop(tag)) * (scale or 0) for tag in (_X, _Y) if tag in block]
    for pair in (dpi, own):
        if pair and len(pair) == 2 and all(math.isfinite(float(one)) and 2 <= float(one) <= 100_000 for one in pair):
            x, y = (_rational(round(float(one), 2)) for one in pair)
            block.update({_X: x, _Y: y, _UNIT: 2})
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


def result_options(
    block: bytes | None,
    size: tuple[int, int],
    file_format: str,
    *,
    provenance: bool = True,
    source_id: str | None = None,
    name: str = "picture",
) -> dict:
    """Say what ``Image.save`` needs to write a result with its facts.

    Args:
        block: EXIF of the photograph, or None.
        size: width and height of the result in pixels.
        file_format: Pillow's name: JPEG, PNG, TIFF, WEBP or BMP, which holds the resolution only.
        provenance: whether to say that the colours come from a model.
        source_id: 32 hexadecimal digits that name what the result was made of, see ``files.source_id``.
        name: what to call the picture in messages.

    Returns:
        Options of ``Image.save``; of TIFF also ``"nested"``, the directories that :func:`add_directories` appends.
    """
    exif = load_exif(clean_exif(load_exif(block), name=name))
    options: dict = {"icc_profile": srgb_profile()}
    if _X in exif:
        options["dpi"] = (float(exif[_X]), float(exif[_Y]))
    if file_format == "BMP":
        return {"dpi": options["dpi"]} if "dpi" in options else {}
    description = _text(exif.get(_DESCRIPTION)) or b""
    if provenance:
        exif[_SOFTWARE] = SOFTWARE
        if SENTENCE.encode() not in description:
            description = b" ".join(filter(None, (description, SENTENCE.encode())))
    for tag in _IFD0:  # as bytes again: Pillow would write "?" for each letter outside of ASCII
        if _IFD0[tag] == "text" and (value := _text(exif.get(tag))):
            exif[tag] = value
    if description:
        exif[_DESCRIPTION] = description
    inner = exif.get_ifd(_EXIF_IFD)
    inner.update({36864: b"0232", _WIDTH: size[0], _HEIGHT: size[1], _COLOR_SPACE: 1})
    if source_id:
        inner[_UNIQUE_ID] = source_id
    exif[_EXIF_IFD] = inner
    xmp = _xmp(description) if provenance else None
    if file_format == "TIFF":
        return {**options, **_tiff_options(exif, xmp)}
    options["exif"] = exif.tobytes()
    if xmp and file_format == "PNG":
        from PIL.PngImagePlugin import PngInfo

        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp.decode())
    elif xmp:
        options["xmp"] = xmp
    return options


def _tiff_options(exif: Image.Exif, xmp: bytes | None) -> dict:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for tag in (*_IFD0, _SOFTWARE):
        if tag in exif and tag not in (_X, _Y):
            tags[tag] = exif[tag]
    if xmp:
        tags.tagtype[700] = 1
        tags[700] = xmp
    nested = {ifd: exif.get_ifd(ifd) for ifd in (_EXIF_IFD, _GPS_IFD) if ifd in exif}
    return {"tiffinfo": tags, "nested": nested}


def add_directories(file: io.BufferedRandom, nested: dict[int, dict]) -> None:
    """Append EXIF and GPS to a TIFF that Pillow has written with libtiff, which cannot write them itself.

    Args:
        file: open for reading and writing; little- or big-endian, not BigTIFF.
        nested: directory tag -> its tags; the first directory of the file is written anew at the end with them.
    """
    head = file.read(8)
    order = "<" if head[:2] == b"II" else ">"
    first = TiffImagePlugin.ImageFileDirectory_v2(head)
    file.seek(struct.unpack(f"{order}L", head[4:])[0])
    first.load(file)
    following = first.next or 0
    for tag in list(first):
        value = first[tag]  # decoded now: what nobody has asked for would not be written
        if isinstance(value, str):  # bytes again, as above
            first[tag] = value.encode("latin-1", "replace")
    for ifd, tags in nested.items():
        first.tagtype[ifd] = 4
        first[ifd] = tags
    file.seek(0, io.SEEK_END)
    if file.tell() % 2:
        file.write(b"\0")
    offset, strips = file.tell(), first[_STRIPS]
    first.tagtype[_STRIPS] = 4
    block = bytearray(first.tobytes(offset))
    # Pillow counts strips from the end of the block that it writes; these stand where they stood.
    entry = 2 + 12 * sorted(first).index(_STRIPS)
    place = entry + 8 if len(strips) == 1 else struct.unpack_from(f"{order}L", block, entry + 8)[0] - offset
    struct.pack_into(f"{order}{len(strips)}L", block, place, *strips)
    struct.pack_into(f"{order}L", block, 2 + 12 * len(first), following)
    file.write(block)
    file.seek(4)
    file.write(struct.pack(f"{order}L", offset))


def _xmp(description: bytes) -> bytes:
    try:
        text = description.decode()
    except UnicodeDecodeError:
        text = description.decode("latin-1")
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmp:CreatorTool="{SOFTWARE}" Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}">
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{escape(text)}</rdf:li></rdf:Alt></dc:description>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>""".encode()


@functools.cache
def srgb_profile() -> bytes:
    """The ICC profile of sRGB, always the same bytes: without the moment at which it was made."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[24:36] = struct.pack(">6H", 2020, 1, 1, 0, 0, 0)
    profile[84:100] = bytes(16)
    return bytes(profile)


def read_source_id(picture: Image.Image) -> str | None:
    """The ``source_id`` that a result was written with, or None of a picture that is no result of ours."""
    value = _text(_read_ifd(read_exif(picture), _EXIF_IFD).get(_UNIQUE_ID))
    return value.decode("ascii", "replace") if value and len(value) == 32 else None
