"""Rules about files: which suffix means which format, and that a file is written whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import struct
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from .model.metadata import add_directories, read_source_id, result_options

logger = logging.getLogger(__name__)
FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
}
"""Suffixes that pictures can be written with, and Pillow's names of their formats."""
MAX_NAME = 255  # bytes; the limit of common file systems
_PART = re.compile(r"\.[0-9a-f]{16}\.(\d+)-\d+\.part")
_LONGEST_SIDE = {"JPEG": 65_500, "WEBP": 16_383}  # px; limits of the file formats


@contextlib.contextmanager
def replace_file(path: str | Path) -> Iterator[Path]:
    """Give the name of a file beside ``path`` to write to, and rename it to ``path`` when the block ends well.

    After an error ``path`` is as it was and nothing is left beside it.
    """
    path = Path(path)
    # Short, whatever the name of the file: a name of 255 bytes is allowed, and one byte more is not.
    digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
    fresh = path.with_name(f".{digest}.{os.getpid()}-{threading.get_ident()}.part")
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


def fit_name(stem: str, suffix: str) -> str:
    """``stem`` and ``suffix`` as one file name; a stem too long for a file system is cut and numbered."""
    if len(os.fsencode(stem + suffix)) <= MAX_NAME:
        return stem + suffix
    end = f"~{hashlib.sha256(os.fsencode(stem)).hexdigest()[:8]}{suffix}"
    kept = os.fsencode(stem)[: MAX_NAME - len(os.fsencode(end))]
    return kept.decode(errors="ignore").rstrip() + end


def remove_leftovers(folder: Path) -> None:
    """Delete what processes that are no longer there (killed, without power) had half written in a folder."""
    for path in folder.glob(".*.part"):
        match = _PART.fullmatch(path.name)
        if match and not _is_running(int(match[1])):
            path.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return process != os.getpid()  # the number of one that has ended may be ours now, before we have written anything


def source_id(source: Path, page: int | None = None) -> str:
    """Name what a result is made of: 16 hexadecimal digits of its place, 16 of its age and size.

    Raises:
        OSError: if there is no such file.
    """
    status = source.stat()
    place = hashlib.sha256(os.fsencode(source.resolve()) + (b"" if page is None else b"\0%d" % page)).hexdigest()[:16]
    age = hashlib.sha256(f"{status.st_mtime_ns} {status.st_size}".encode()).hexdigest()[:16]
    return place + age


def result_id(path: Path) -> str | None:
    """The ``source_id`` of a result, None of any other file."""
    try:
        with Image.open(path, formats=("JPEG", "PNG", "TIFF", "WEBP")) as picture:
            return read_source_id(picture)
    except Exception:  # Pillow raises anything on what is damaged, and that is no result of ours
        return None


def save_picture(
    picture: Image.Image,
    path: str | Path,
    *,
    quality: int = 95,
    provenance: bool = True,
    source_id: str | None = None,
    more_pages: Sequence[Image.Image] = (),
) -> Path:
    """Write a picture whole or not at all: to a temporary name beside ``path``, then renamed.

    Args:
        picture: RGB or RGBA; what ``info["exif"]`` says of a photograph goes along where the format holds it.
        path: the suffix chooses the format. Formats without alpha get the picture on white.
        quality: of JPEG and WebP, 1 to 100.
        provenance: whether the file says that its colours come from a model: XMP, EXIF Software and description.
        source_id: what it is made of, for :func:`result_id`.
        more_pages: of a TIFF.

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
        if more_pages:
            options |= {"save_all": True, "append_images": list(more_pages)}
    facts = result_options(
        picture.info.get("exif"),
        picture.size,
        file_format,
        provenance=provenance,
        source_id=source_id,
        name=path.name,
    )
    bare = picture.copy() if picture.info else picture
    bare.info = {}  # Pillow would write what it finds there, checked or not
    with replace_file(path) as fresh:
        try:
            _write(bare, fresh, file_format, options, facts)
        except (ValueError, TypeError, KeyError, SyntaxError, struct.error, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            logger.warning("%s: written without its EXIF, which does not fit (%s).", path.name, error)
            _write(bare, fresh, file_format, options, {})
    return path


def _write(picture: Image.Image, path: Path, file_format: str, options: dict, facts: dict) -> None:
    nested = facts.pop("nested", None)
    picture.save(path, file_format, **options, **facts)
    if nested:
        with path.open("r+b") as file:
            add_directories(file, nested)
