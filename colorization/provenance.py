"""What a result says of itself in its file: the facts of the photograph, and that its colors come from a model."""

from __future__ import annotations

import functools
import io
import struct
from xml.sax.saxutils import escape

from PIL import Image, ImageCms, TiffImagePlugin

from .model.metadata import (
    DESCRIPTION,
    EXIF_IFD,
    GPS_IFD,
    MAIN_TAGS,
    X_RESOLUTION,
    Y_RESOLUTION,
    clean_exif,
    clean_text,
    load_exif,
    read_directory,
    read_exif,
)

SOFTWARE = "Landscape Colorizer"
SENTENCE = "Colored by Landscape Colorizer: the colors are a model's guess."
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
_SOFTWARE, _STRIPS = 305, 273
_UNIQUE_ID, _WIDTH, _HEIGHT, _COLOR_SPACE = 42016, 40962, 40963, 40961


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
        provenance: whether to say that the colors come from a model.
        source_id: 32 hexadecimal digits that name what the result was made of, see ``files.source_id``.
        name: what to call the picture in messages.

    Returns:
        Options of ``Image.save``; of TIFF also ``"nested"``, the directories that :func:`add_directories` appends.
    """
    exif = load_exif(clean_exif(load_exif(block), name=name))
    options: dict = {"icc_profile": srgb_profile()}
    if X_RESOLUTION in exif:
        options["dpi"] = (float(exif[X_RESOLUTION]), float(exif[Y_RESOLUTION]))
    if file_format == "BMP":
        return {"dpi": options["dpi"]} if "dpi" in options else {}
    description = clean_text(exif.get(DESCRIPTION)) or b""
    if provenance:
        exif[_SOFTWARE] = SOFTWARE
        if SENTENCE.encode() not in description:
            description = b" ".join(filter(None, (description, SENTENCE.encode())))
    for tag in MAIN_TAGS:  # as bytes again: Pillow would write "?" for each letter outside of ASCII
        if MAIN_TAGS[tag] == "text" and (value := clean_text(exif.get(tag))):
            exif[tag] = value
    if description:
        exif[DESCRIPTION] = description
    inner = exif.get_ifd(EXIF_IFD)
    inner.update({36864: b"0232", _WIDTH: size[0], _HEIGHT: size[1], _COLOR_SPACE: 1})
    if source_id:
        inner[_UNIQUE_ID] = source_id
    exif[EXIF_IFD] = inner
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
    for tag in (*MAIN_TAGS, _SOFTWARE):
        if tag in exif and tag not in (X_RESOLUTION, Y_RESOLUTION):
            tags[tag] = exif[tag]
    if xmp:
        tags.tagtype[700] = 1
        tags[700] = xmp
    nested = {ifd: exif.get_ifd(ifd) for ifd in (EXIF_IFD, GPS_IFD) if ifd in exif}
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
    value = clean_text(read_directory(read_exif(picture), EXIF_IFD).get(_UNIQUE_ID))
    return value.decode("ascii", "replace") if value and len(value) == 32 else None
