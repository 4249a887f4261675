"""Zip and tar archives as sources of pictures: listed with care, read one bounded member at a time, never unpacked."""

from __future__ import annotations

import functools
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..files import replace_file

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
MAX_MEMBER_BYTES = 200 * 2**20
MAX_RATIO = 100  # pictures are compressed already: what unpacks to a hundred times its size is a trap
_COPY = 2**20


class ArchiveError(ValueError):
    """An archive that cannot be opened or is not safe; the message is a sentence."""


@dataclass(frozen=True)
class Member:
    """A file in an archive; ``problem`` says why it must not be read. Offset and size are those of a tar's bytes."""

    name: str
    offset: int = -1
    size: int = 0
    problem: tuple[str, str] | None = None


def is_archive(path: str) -> bool:
    return path.lower().endswith(ARCHIVES)


def members_of(path: Path, spool: Path) -> tuple[Path, Iterator[Member]]:
    """The file to read members from, and what is in it, in the archive's order.

    Args:
        path: a zip or tar file.
        spool: where a compressed tar is written uncompressed, because its members cannot be reached otherwise.

    Raises:
        ArchiveError: if the archive cannot be opened.
        OSError: if the disk is full or the file cannot be read.
    """
    if path.name.lower().endswith(".zip"):
        try:
            archive = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
            raise ArchiveError(f"this zip archive is damaged ({error})") from None
        return path, _zip_members(archive)
    if not path.name.lower().endswith(".tar"):
        path = _uncompress(path, spool)
    if not tarfile.is_tarfile(path):
        raise ArchiveError("this is not a tar archive, or it is damaged")
    return path, _tar_members(path)


def _unsafe_name(name: str) -> bool:
    """Names that lead out of the folder one unpacks into. Nothing is unpacked here, but who writes so is hostile."""
    slashed = name.replace("\\", "/")
    return slashed.startswith("/") or ".." in PurePosixPath(slashed).parts or slashed[1:2] == ":" or "\0" in name


def zip_problem(info: zipfile.ZipInfo) -> tuple[str, str] | None:
    """Why a member of a zip must not be read: what is wrong and the detail; None where nothing is.

    Judges what the archive declares; whoever reads the member has to count its bytes too.
    """
    if _unsafe_name(info.filename):
        return "unsafe path in archive", info.filename
    if stat.S_ISLNK(info.external_attr >> 16):
        return "link in archive", info.filename
    if info.flag_bits & 1:
        return "encrypted", "give the archive without a password"
    if info.file_size > MAX_MEMBER_BYTES or (
        info.file_size > 2**20 and info.file_size > MAX_RATIO * max(1, info.compress_size)
    ):
        return "archive bomb", f"{info.compress_size} bytes unpack to {info.file_size}"
    return None


def _zip_members(archive: zipfile.ZipFile) -> Iterator[Member]:
    with archive:
        for info in archive.infolist():
            if not info.is_dir():
                yield Member(info.filename, size=info.file_size, problem=zip_problem(info))


def _tar_members(path: Path) -> Iterator[Member]:
    try:
        with tarfile.open(path, "r:") as archive:
            while (info := archive.next()) is not None:
                archive.members = []  # type: ignore[attr-defined] # tarfile would remember every member
                if info.isdir():
                    continue
                problem = None
                if _unsafe_name(info.name):
                    problem = ("unsafe path in archive", info.name)
                elif not info.isreg() or info.issparse():
                    problem = ("link in archive", info.linkname or "neither a file nor a folder")
                elif info.size > MAX_MEMBER_BYTES:
                    problem = ("archive bomb", f"{info.size} bytes")
                yield Member(info.name, info.offset_data, info.size, problem)
    except (tarfile.TarError, EOFError, ValueError) as error:
        yield Member("", problem=("damaged archive", f"the rest is lost ({error})"))


def _uncompress(path: Path, spool: Path) -> Path:
    """Write a compressed tar out as a plain one, within bounds."""
    import bz2
    import gzip
    import lzma

    name = path.name.lower()
    opener = gzip.open if name.endswith(("gz", "tgz")) else bz2.open if name.endswith("bz2") else lzma.open
    spool.parent.mkdir(parents=True, exist_ok=True)
    limit = max(MAX_MEMBER_BYTES, MAX_RATIO * path.stat().st_size)
    written = 0
    try:
        with replace_file(spool) as fresh, opener(path, "rb") as packed, fresh.open("wb") as plain:
            while block := packed.read(_COPY):
                written += len(block)
                if written > limit or written > shutil.disk_usage(spool.parent).free:
                    raise ArchiveError(f"this archive unpacks to more than {written} bytes: a bomb, or no room for it")
                plain.write(block)
    except (gzip.BadGzipFile, lzma.LZMAError, zlib.error, EOFError) as error:
        raise ArchiveError(f"this archive is damaged ({error})") from None
    return spool


@functools.lru_cache(maxsize=4)
def _open_zip(path: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)


def read_zip_member(path: str, name: str) -> bytes:
    """The bytes of a member, never more than ``MAX_MEMBER_BYTES`` whatever the archive claims.

    Raises:
        ArchiveError: if the member is damaged or larger than it claims to be.
    """
    try:
        with _open_zip(path).open(name) as file:
            content = file.read(MAX_MEMBER_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, RuntimeError, NotImplementedError, ValueError) as error:
        raise ArchiveError(f"this member of the archive is damaged ({error})") from None
    if len(content) > MAX_MEMBER_BYTES:
        raise ArchiveError(f"this member unpacks to more than {MAX_MEMBER_BYTES} bytes")
    return content
