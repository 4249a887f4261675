"""Rules about files: which suffix means which format, and that a file is written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import re
import shutil
import struct
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from PIL import Image, TiffImagePlugin

from .provenance import add_directories, read_source_id, result_options

try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be deleted
    fcntl = None  # type: ignore[assignment]

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
PLACE_DIGITS = 12  # of a source_id: those that name a file whatever its age
MAX_NAME = 255  # bytes; the limit of common file systems
_PART = re.compile(r"\.[0-9a-f]{16}\.\d+-\d+\.part")
_BMP_END = b"\nsource id of landscape-colorizer: "  # behind the pixels, where readers of BMP do not look
_LONGEST_SIDE = {"JPEG": 65_500, "WEBP": 16_383}  # px; limits of the file formats


@contextlib.contextmanager
def replace_file(path: str | Path) -> Iterator[Path]:
    """Give the name of a file beside ``path`` to write to, and rename it to ``path`` when the block ends well.

    After an error ``path`` is as it was and nothing is left beside it.
    """
    path = Path(path)
    # Short, whatever the name of the file: a name of 255 bytes is allowed, and one byte more is not.
    digest = _digest(os.fsencode(path.name))[:16]
    fresh = path.with_name(f".{digest}.{os.getpid()}-{threading.get_ident()}.part")
    with contextlib.ExitStack() as stack:
        stack.callback(fresh.unlink, missing_ok=True)
        if fcntl:  # held while this process lives, so that what nobody holds is a leftover
            fcntl.flock(stack.enter_context(fresh.open("ab")), fcntl.LOCK_EX)
        yield fresh
        fresh.replace(path)


@contextlib.contextmanager
def replace_folder(path: Path) -> Iterator[Path]:
    """Give the name of a folder beside ``path`` to fill, and put it in the place of ``path`` in the end."""
    fresh = path.with_name(path.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    yield fresh
    shutil.rmtree(path, ignore_errors=True)
    fresh.rename(path)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all."""
    with replace_file(path) as fresh:
        fresh.write_text(text, encoding="utf-8")


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, says that the disk is full."""
    return error is not None and (getattr(error, "errno", None) == errno.ENOSPC or is_disk_full(error.__cause__))


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
    end = f"~{_digest(os.fsencode(stem))[:8]}{suffix}"
    kept = os.fsencode(stem)[: MAX_NAME - len(os.fsencode(end))]
    return kept.decode(errors="ignore").rstrip() + end


def remove_leftovers(folder: Path) -> None:
    """Delete what processes that are no longer there (killed, without power) had half written in a folder."""
    for path in folder.glob(".*.part"):
        if not _PART.fullmatch(path.name):
            continue
        with contextlib.suppress(OSError):  # held by another process, or not ours to delete
            if fcntl:
                with path.open("ab") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    path.unlink()
            else:
                path.unlink()


def source_id(source: Path) -> str:
    """Name what a result is made of: hexadecimal digits of its place (12), of its age and size (10), and a check (10).

    The check tells it from what cameras write in the same tag, which is as long.

    Raises:
        OSError: if there is no such file.
    """
    status = source.stat()
    age = f"{status.st_mtime_ns} {status.st_size}"
    name = _digest(os.fsencode(source.resolve()))[:PLACE_DIGITS] + _digest(age.encode())[:10]
    return name + _check_of(name)


def _check_of(name: str) -> str:
    return _digest(b"landscape-colorizer " + name.encode())[:10]


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def result_id(path: Path) -> str | None:
    """The ``source_id`` of a result, None of any other file."""
    try:
        if path.suffix.lower() == ".bmp":
            with path.open("rb") as file:
                file.seek(-len(_BMP_END) - 32, os.SEEK_END)
                end = file.read()
            found = end[-32:].decode("ascii") if end.startswith(_BMP_END) else None
        else:
            with Image.open(path, formats=("JPEG", "PNG", "TIFF", "WEBP")) as picture:
                found = read_source_id(picture)
        return found if found and found.endswith(_check_of(found[:-10])) else None
    except Exception:  # Pillow raises anything on what is damaged, and that is no result of ours
        return None


def save_picture(
    picture: Image.Image,
    path: str | Path,
    *,
    quality: int = 95,
    provenance: bool = True,
    source_id: str | None = None,
    more_pages: Iterable[Image.Image] = (),
) -> Path:
    """Write a picture whole or not at all: to a temporary name beside ``path``, then renamed.

    Args:
        picture: RGB or RGBA; what ``info["exif"]`` says of a photograph goes along where the format holds it.
        path: the suffix chooses the format. Formats without alpha get the picture on white.
        quality: of JPEG and WebP, 1 to 100.
        provenance: whether the file says that its colors come from a model: XMP, EXIF Software and description.
        source_id: what it is made of, for :func:`result_id`.
        more_pages: of a TIFF; taken one by one, so that a book need not fit in memory.

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
    options: dict = {"quality": quality} if file_format in ("JPEG", "WEBP") else {}
    if file_format == "TIFF":
        options["compression"] = "tiff_adobe_deflate"
    facts = result_options(
        picture.info.get("exif"),
        picture.size,
        file_format,
        provenance=provenance,
        source_id=source_id,
        name=path.name,
    )
    nested = facts.pop("nested", None)
    with replace_file(path) as fresh:
        try:
            _bare(picture, file_format).save(fresh, file_format, **options, **facts)
        except (ValueError, TypeError, KeyError, SyntaxError, struct.error, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            logger.warning("%s: written without its EXIF, which does not fit (%s).", path.name, error)
            nested = None
            _bare(picture, file_format).save(fresh, file_format, **options)
        with fresh.open("r+b") as file:
            if nested:
                add_directories(file, nested)
            if file_format == "BMP" and source_id:
                file.seek(0, os.SEEK_END)
                file.write(_BMP_END + source_id.encode())
        if file_format == "TIFF":
            _append_pages(fresh, more_pages, options)
    return path


def _bare(picture: Image.Image, file_format: str) -> Image.Image:
    """The picture as the format holds it, without notes that Pillow would write, checked or not."""
    if picture.mode == "RGBA" and file_format in ("JPEG", "BMP"):
        flat = Image.new("RGB", picture.size, "white")
        flat.paste(picture, mask=picture.getchannel("A"))
        return flat
    if picture.info.keys() <= {"exif"}:  # which it writes when it is told only
        return picture
    bare = picture.copy()
    bare.info = {}
    return bare


def _append_pages(path: Path, pages: Iterable[Image.Image], options: dict) -> None:
    writer = None
    for page in pages:
        if writer is None:
            writer = TiffImagePlugin.AppendingTiffWriter(str(path))
        _bare(page, "TIFF").save(writer, "TIFF", **options)
        writer.newFrame()
    if writer is not None:
        writer.close()
