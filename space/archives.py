"""Zip archives from strangers: listed and read within bounds, into memory only, never unpacked to a path they name."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from colorization.data.archives import ArchiveError, zip_problem
from space.language import number, say

MAX_DIRECTORY_BYTES = 2**20
"""Of an archive's list of files: honest lists of a hundred files take some kilobytes, and each entry costs memory."""
_PIECE = 2**16
_BOOKKEEPING = {"__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"}


class _BoundedFile(io.FileIO):
    """A file that is never read in one large piece, whatever size its own directory claims to have."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY_BYTES:
            raise ArchiveError(say("archive_long"))
        return super().read(size)


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip archive, closed afterwards.

    Raises:
        ArchiveError: if it is no zip, damaged, or its list of files takes more than ``MAX_DIRECTORY_BYTES``.
    """
    with _BoundedFile(path) as file:
        try:
            archive = zipfile.ZipFile(file)
        except ArchiveError:
            raise
        except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError):
            raise ArchiveError(say("archive_damaged")) from None
        with archive:
            yield archive


def files_of(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files in an archive, without folders and what systems leave behind unasked (``__MACOSX``, ``.DS_Store``)."""
    return [
        info
        for info in archive.infolist()
        if not info.is_dir()
        and not _BOOKKEEPING & set(PurePosixPath(info.filename).parts)
        and not PurePosixPath(info.filename).name.startswith("._")
    ]


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    """The bytes of one file.

    Args:
        archive: from :func:`opened`.
        info: from :func:`files_of`.
        most: bytes; what turns out to be larger is not read to its end, whatever size was declared.

    Raises:
        ArchiveError: if the file is damaged, too large, or not one to read.
    """
    if problem := zip_problem(info):
        raise ArchiveError(say(problem[0]))
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # Others take as much memory to unpack as the archive says.
        raise ArchiveError(say("archive_unusual"))
    too_large = say("file_large", most=number(most / 1e6))
    if info.file_size > most:
        raise ArchiveError(too_large)
    content = bytearray()
    try:
        with archive.open(info) as file:
            while piece := file.read(_PIECE):
                content += piece
                if len(content) > most:
                    raise ArchiveError(too_large)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError) as error:
        raise ArchiveError(say("archive_member_damaged", reason=error)) from None
    return bytes(content)
