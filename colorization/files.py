"""Rules about files: which suffix means which format, and that a file is written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
}
"""Suffixes that pictures can be written with, and Pillow's names of their formats."""
_LONGEST_SIDE = {"JPEG": 65_500, "WEBP": 16_383}  # px; limits of the file formats


@contextlib.contextmanager
def replace_file(path: str | Path) -> Iterator[Path]:
    """Give the name of a file beside ``path`` to write to, and rename it to ``path`` when the block ends well.

    After an error ``path`` is as it was and nothing is left beside it.
    """
    path = Path(path)
    fresh = path.with_name(f".{path.name[-100:]}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        yield fresh
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def output_format(path: Path) -> str:
    """Pillow's name of the format that the suffix of ``path`` asks for.

    Raises:
        ValueError: if the suffix names none that can be written.
    """
    try:
        return FORMATS[path.suffix.lower()]
    except KeyError:
        raise ValueError(f"{path.name}: pictures can be written as {', '.join(FORMATS)}.") from None


def save_picture(picture: Image.Image, path: str | Path, *, quality: int = 95) -> Path:
    """Write a picture whole or not at all: to a temporary name beside ``path``, then renamed.

    Args:
        picture: RGB or RGBA; ``info["exif"]`` is written where the format holds it.
        path: the suffix chooses the format. Formats without alpha get the picture on white.
        quality: of JPEG and WebP, 1 to 100.

    Returns:
        ``path``.

    Raises:
        ValueError: if the suffix is unknown or the format cannot hold a picture of this size.
        OSError: if the file cannot be written.
    """
    path = Path(path)
    file_format = output_format(path)
    longest = _LONGEST_SIDE.get(file_format)
    if longest and max(picture.size) > longest:
        raise ValueError(f"{path.name}: {file_format} holds at most {longest:,} pixels a side; choose PNG or TIFF.")
    if picture.mode == "RGBA" and file_format in ("JPEG", "BMP"):
        flat = Image.new("RGB", picture.size, "white")
        flat.paste(picture, mask=picture.getchannel("A"))
        flat.info = picture.info
        picture = flat
    options: dict = {"quality": quality} if file_format in ("JPEG", "WEBP") else {}
    if file_format == "TIFF":
        options["compression"] = "tiff_adobe_deflate"
    exif = picture.info.get("exif")
    if exif and file_format != "BMP":
        options["exif"] = exif
    with replace_file(path) as fresh:
        picture.save(fresh, file_format, **options)
    return path
