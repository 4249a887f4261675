"""Formats that need a library of their own (HEIC, raw files of cameras), and what to say of those that none reads."""

from __future__ import annotations

import functools
import io
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from .depth import to_8_bits
from .tiff import INSTALL

_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
RAW_SUFFIXES = {
    *(".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".srf", ".raf", ".orf", ".rw2", ".rwl", ".pef"),
    *(".srw", ".mrw", ".kdc", ".dcr", ".erf", ".3fr", ".fff", ".iiq", ".mos", ".x3f"),
}
_RAW_HEADS = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"II\x1a\0\0\0HEAPCCDR", b"\0MRM", b"FOVb")
READABLE_SUFFIXES = RAW_SUFFIXES | {
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".tif", ".tiff", ".webp", ".bmp", ".dib", ".gif"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".avif", ".avifs", ".heic", ".heif", ".hif", ".mpo"),
    *(".jp2", ".j2k", ".jpx", ".jpf", ".jpc", ".j2c"),
}
"""Endings of files that can be read, some of them with the extra ``formats`` only."""
KNOWN_SUFFIXES = READABLE_SUFFIXES | {
    *(".psd", ".psb", ".svg", ".pdf", ".jxl", ".xcf", ".eps", ".ai", ".kra", ".djvu", ".exr", ".hdr", ".tga", ".pcx"),
    *(".sgi", ".ico", ".pam", ".qoi", ".jxr", ".wdp", ".jls", ".fits", ".fit", ".dcm", ".wmf", ".emf"),
}
"""Endings of pictures, readable or not: the others in a folder are no pictures."""
_MAGIC = {
    b"8BPS": "a Photoshop file (PSD); save a flat copy as TIFF or PNG first",
    b"%PDF": "a PDF; export its pages as TIFF or PNG first",
    b"\xff\x0a": "a JPEG XL file; save it as PNG or JPEG first",
    b"\0\0\0\x0cJXL ": "a JPEG XL file; save it as PNG or JPEG first",
    b"gimp xcf": "a GIMP file (XCF); export it as TIFF or PNG first",
    b"%!PS": "a PostScript drawing; export it as PNG first",
    b"AT&TFORM": "a DjVu document; export its pages as TIFF or PNG first",
    b"\x76\x2f\x31\x01": "an OpenEXR file; save it as TIFF first",
    b"#?RADIANCE": "a Radiance HDR file; save it as TIFF first",
    b"PK\x03\x04": "a zip archive or an office document; take the pictures out first",
    b"\0\x05\x16\x07": "a note that macOS keeps beside a file, not a picture",
    b"II\xbc": "a JPEG XR file; save it as TIFF or PNG first",
    b"PF\n": "a PFM in color; save it as TIFF first",
    b"P7\n": "a PAM file; save it as PNG or TIFF first",
    b"qoif": "a QOI file; save it as PNG first",
    b"SIMPLE  =": "a FITS file, which holds measurements; save its picture as TIFF or PNG first",
    b"Rar!": "an archive; take the pictures out first",
    b"7z\xbc\xaf": "an archive; take the pictures out first",
    b"\x1f\x8b": "a packed file (gzip); unpack it first",
    b"version https://git-lfs": "a note of Git LFS that stands for a file; fetch it with git lfs pull",
}
# LibRaw reads files of many makers with little defence: what kills it may only kill a child.
_DEVELOP = """
import sys, rawpy, numpy
with rawpy.imread(sys.argv[1]) as raw:
    rgb = raw.postprocess(use_camera_wb=True, output_bps=8)
sys.stdout.buffer.write(b"%d %d\\n" % (rgb.shape[1], rgb.shape[0]))
sys.stdout.buffer.write(numpy.ascontiguousarray(rgb).tobytes())
"""
_DEVELOP_SECONDS = 120


class MissingReaderError(ValueError):
    """A library is missing, or has failed; the message is the end of a sentence that says what to do."""


@functools.cache
def readable() -> tuple[str, ...]:
    """Pillow's names of the formats that are read here; MPO, which phones write into .jpg, goes through JPEG."""
    formats = ("JPEG", "PNG", "TIFF", "WEBP", "BMP", "DIB", "GIF", "PPM", "AVIF", "JPEG2000")
    try:
        import pillow_heif
    except ImportError:
        return formats
    pillow_heif.register_heif_opener()
    return (*formats, "HEIF")


def is_heic(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and (head[8:12] in _HEIC or any(brand in head[16:64] for brand in _HEIC[:3]))


def is_raw(head: bytes) -> bool:
    """Whether a file begins as those raw files do that are no TIFF, or only look like one."""
    return head.startswith(_RAW_HEADS) or (head[8:10] == b"CR" and head[:2] == b"II") or head[4:12] == b"ftypcrx "


def refuse(head: bytes) -> str | None:
    """What to say of a file by its first bytes, where it is known to be no photograph that can be read here."""
    start = head.lstrip()[:200].lower()
    if b"<svg" in head.lower() or start.startswith((b"<?xml", b"<!doctype svg")):
        return "this is a vector drawing (SVG), not a photograph; export it as PNG first."
    if start.startswith((b"<!doctype html", b"<html")):
        return "this is a web page, not a picture; download the picture itself."
    for magic, what in _MAGIC.items():
        if head.startswith(magic):
            return f"this is {what}."
    return None


def unknown(file: BinaryIO) -> str:
    """What to say of a file that no reader knows."""
    file.seek(0)
    head = file.read(512)
    if is_heic(head) and "HEIF" not in readable():
        return f"pictures of phones (HEIC) need more: {INSTALL}; or save it as JPEG."
    if head[128:132] == b"DICM":
        return "this is a DICOM file; save its picture as TIFF or PNG first."
    if head.startswith(b"\xff\xd8\xff") and (kind := _rare_jpeg(file)):
        return f"this is a JPEG {kind}, which is not known here; save it as TIFF or PNG first."
    known = "JPEG, PNG, TIFF, WebP, BMP, GIF, PPM, AVIF, JPEG 2000, HEIC or camera raw"
    return f"this is not a picture in a known format ({known}), or its beginning is damaged; save it as PNG or TIFF."


def _rare_jpeg(file: BinaryIO) -> str | None:
    """What is special about a JPEG whose frame is of another kind than libjpeg reads, else None."""
    file.seek(2)
    while len(head := file.read(4)) == 4 and head[0] == 0xFF:
        marker, length = head[1], int.from_bytes(head[2:])
        if marker == 0xF7:
            return "without loss (JPEG-LS)"
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            bits = file.read(1)
            if marker in (0xC3, 0xC7, 0xCB, 0xCF):
                return "without loss"
            return f"of {bits[0]} bits" if bits != b"\x08" else None
        file.seek(length - 2, io.SEEK_CUR)
    return None


def deep_jpeg2000(file: BinaryIO) -> Image.Image | None:
    """Decode a JPEG 2000 with colors or alpha of more than 8 bits: Pillow's rounding makes black of its white.

    Returns:
        Mode L, LA, RGB or RGBA; None for any other file, which Pillow reads rightly.

    Raises:
        MissingReaderError: if the library for it is missing or cannot read it.
    """
    file.seek(0)
    start = file.read(1 << 20)
    place = start.find(b"\xff\x4f\xff\x51")
    if place < 0 or len(start) < place + 45:
        return None
    channels = int.from_bytes(start[place + 40 : place + 42])
    bits = (start[place + 42] & 127) + 1
    if channels == 1 or bits <= 8:
        return None
    try:
        import imagecodecs
    except ImportError:
        raise MissingReaderError(f"JPEG 2000 of more than 8 bits needs more: {INSTALL}; or save it as TIFF") from None
    file.seek(0)
    try:
        values = imagecodecs.jpeg2k_decode(file.read())
    except Exception:  # the codecs raise anything
        raise MissingReaderError("this JPEG 2000 is damaged, or of a kind that is not known") from None
    if start[place + 42] & 128 or values.ndim != 3 or b"colr\1\0\0\0\0\0\x12" in start[:place]:
        raise MissingReaderError("this kind of JPEG 2000 (signed, or YCC) is not known; save it as TIFF")
    return Image.fromarray(to_8_bits(values, bits))


def develop(file: BinaryIO) -> Image.Image:
    """Develop a raw file with rawpy in a child process.

    Raises:
        MissingReaderError: if rawpy is missing, or cannot read it.
    """
    if find_spec("rawpy") is None:
        raise MissingReaderError(f"raw files of cameras need more: {INSTALL}; or develop it to TIFF or JPEG first")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.raw"
        file.seek(0)
        path.write_bytes(file.read())
        try:
            result = subprocess.run(
                [sys.executable, "-c", _DEVELOP, str(path)], capture_output=True, timeout=_DEVELOP_SECONDS, check=True
            )
        except (subprocess.SubprocessError, OSError):
            raise MissingReaderError("this raw file cannot be developed; save it as TIFF or JPEG first") from None
    size, _, pixels = result.stdout.partition(b"\n")
    width, height = map(int, size.split())
    return Image.frombytes("RGB", (width, height), io.BytesIO(pixels).read())
