"""Where pictures come from: folders, zip and tar archives, Parquet files, and all of these behind an fsspec address.

``find_items`` lists them without decoding anything, one :class:`Item` a picture or a problem; ``read_item`` gives the
bytes of one. Both stream: no list of all pictures is ever held.
"""

from __future__ import annotations

import csv
import functools
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import fsspec
import pyarrow.parquet as pq

from ..files import is_disk_full
from ..model.readers import READABLE_SUFFIXES
from .archives import ArchiveError, is_archive, members_of, read_zip_member

logger = logging.getLogger(__name__)

SPLITS = {"train": "train", "training": "train", "val": "validation", "valid": "validation"}
SPLITS |= {"validation": "validation", "dev": "validation", "test": "test", "testing": "test"}
_NO_SCENE = {"data", "dataset", "image", "images", "img", "imgs", "photo", "photos", "picture", "pictures", "jpg"}
_NO_SCENE |= {"jpeg", "png", "seg", "color", "colour", "original", "originals", "pred", "seg_pred", "dcim", "archive"}
_MAX_BYTES = 200 * 2**20


class SourceError(ValueError):
    """A source that cannot be used at all; the message is a sentence that says what to do."""


@dataclass(frozen=True)
class Item:
    """One picture that may enter the data set, or one thing that cannot.

    Attributes:
        file: its name as shown to people, unique, never a path of this machine above the source.
        source, scene, licence, split: what is known of it; empty where it is not.
        kind: "file", "zip", "tar", "parquet" or "url": how ``read_item`` reaches it.
        container: path of the file or archive, as bytes of the file system (names need not be UTF-8).
        member: name in a zip archive.
        offset, size: bytes in a tar; row group and row in a Parquet file.
        reason, value: why it is dropped already, or "".
    """

    file: str
    source: str
    scene: str = ""
    licence: str = ""
    split: str = ""
    kind: str = "file"
    container: bytes = b""
    member: str = ""
    offset: int = -1
    size: int = -1
    reason: str = ""
    value: str = ""


def _shown(name: str) -> str:
    """A file name as valid Unicode: bytes that are none become replacement characters."""
    return os.fsencode(name).decode("utf-8", "replace")


def scene_of(inner: str) -> str:
    """The scene that a path in a source tells: its innermost folder that is no split, number or word like "images"."""
    for part in reversed(PurePosixPath(inner.replace("\\", "/")).parent.parts):
        words = [w for w in re.split(r"[\s_\-.]+", part.lower()) if w not in ("data", "set", "seg")]
        word = "_".join(w for w in words if w)
        if re.search(r"[^\W\d]", word) and word not in _NO_SCENE and word not in SPLITS:
            return word
    return ""


def find_items(sources: list[str], spool: Path, licences: dict[str, str] | None = None) -> Iterator[Item]:
    """Everything in the sources, in a stable order.

    Args:
        sources: paths of folders, archives and Parquet files, or addresses such as ``hf://datasets/user/name``.
        spool: folder for tars that have to be uncompressed.
        licences: licence by name of the source, or of all under "".

    Raises:
        SourceError: if a source does not exist or is nothing that can be read.
    """
    names: dict[str, int] = {}
    for source in sources:
        name = source.rstrip("/").split("/")[-1] or "source"
        name = _shown(Path(source).resolve().name if "://" not in source else name) or "source"
        names[name] = names.get(name, 0) + 1
        if names[name] > 1:
            name = f"{name}-{names[name]}"
        licence = (licences or {}).get(name, (licences or {}).get("", ""))
        found = _find_remote(source, name) if "://" in source else _find_local(source, name, spool)
        for item in found:
            yield item if item.licence else replace(item, licence=licence)


def _find_local(source: str, name: str, spool: Path) -> Iterator[Item]:
    path = Path(source)
    if not path.exists():
        hint = f"; for a data set of the Hub write hf://datasets/{source}" if source.count("/") == 1 else ""
        raise SourceError(f"{source}: there is no such folder or file{hint}.")
    if path.is_dir():
        yield from _walk(path, name, spool)
    elif is_archive(path.name) or path.suffix.lower() == ".parquet" or path.suffix.lower() in READABLE_SUFFIXES:
        yield from _file_items(path, name, "", spool)
    else:
        raise SourceError(f"{source}: this is neither a folder, a zip or tar archive, a Parquet file nor a picture.")


def _walk(root: Path, name: str, spool: Path) -> Iterator[Item]:
    """Folders in depth, sorted by name; links are followed, but no folder is entered from within itself."""

    def visit(folder: Path, inner: str, above: tuple[tuple[int, int], ...]) -> Iterator[Item]:
        label = f"{name}/{inner}".rstrip("/")
        try:
            status = folder.stat()
            place = (status.st_dev, status.st_ino)
            if place in above:
                yield Item(_shown(label), name, reason="link loop", value="this folder contains itself")
                return
            with os.scandir(folder) as entries:
                found = sorted((entry.name, _kind(entry)) for entry in entries)
        except OSError as error:
            yield Item(_shown(label), name, reason="unreadable folder", value=error.strerror or str(error))
            return
        for entry, kind in found:
            if entry.startswith("."):
                continue
            here = f"{inner}{entry}"
            if kind == "dir":
                yield from visit(folder / entry, f"{here}/", (*above, place))
            elif kind == "file":
                yield from _file_items(folder / entry, name, here, spool)
            elif Path(entry).suffix.lower() in READABLE_SUFFIXES or kind == "loop":
                yield Item(_shown(f"{name}/{here}"), name, reason="unreadable", value=f"{entry}: {kind}")

    yield from visit(root, "", ())


def _kind(entry: os.DirEntry) -> str:
    try:
        if entry.is_dir():
            return "dir"
        if entry.is_file():
            return "file"
        return "a link to nothing" if entry.is_symlink() else "this is not a regular file"
    except OSError:
        return "loop"


def _file_items(path: Path, name: str, inner: str, spool: Path) -> Iterator[Item]:
    shown = _shown(f"{name}/{inner}".rstrip("/"))
    suffix = path.suffix.lower()
    if is_archive(path.name):
        yield from _archive_items(path, name, shown, spool)
    elif suffix == ".parquet":
        yield from _parquet_items(str(path), name, shown)
    elif suffix in READABLE_SUFFIXES:
        yield Item(shown, name, _shown(scene_of(inner)), container=os.fsencode(path.absolute()))


def _archive_items(path: Path, name: str, shown: str, spool: Path) -> Iterator[Item]:
    try:
        plain, members = members_of(path, spool / f"{abs(hash_of(str(path.absolute())))}.tar")
        kind = "zip" if path.suffix.lower() == ".zip" else "tar"
        for member in members:
            file = f"{shown}/{_shown(member.name)}"
            if member.problem:
                yield Item(file, name, reason=member.problem[0], value=_shown(member.problem[1]))
            elif is_archive(member.name):
                yield Item(file, name, reason="archive in an archive", value="unpack it and give it as a source")
            elif Path(member.name).suffix.lower() in READABLE_SUFFIXES and not Path(member.name).name.startswith("."):
                place = os.fsencode(plain.absolute())
                scene = _shown(scene_of(member.name))
                yield Item(file, name, scene, "", "", kind, place, member.name, member.offset, member.size)
    except (ArchiveError, OSError) as error:
        if is_disk_full(error):
            raise
        yield Item(shown, name, reason="damaged archive", value=str(error))


def hash_of(text: str) -> int:
    """64 bits of SHA-1: the same on every machine and in every process, which Python's own ``hash`` is not."""
    import hashlib

    return int.from_bytes(hashlib.sha1(text.encode("utf-8", "surrogateescape")).digest()[:8], "big")


def _parquet_items(url: str, name: str, shown: str) -> Iterator[Item]:
    # Data sets of the Hub say the split in the name: data/train-00000-of-00002.parquet.
    split = next((SPLITS[word] for word in re.split(r"[/\-_.]", shown) if word in SPLITS), "")
    try:
        with fsspec.open(url, "rb").open() as stream:
            file = pq.ParquetFile(stream)
            names = file.schema_arrow.names
            if "image" not in names:
                yield Item(shown, name, reason="unreadable", value="this Parquet file has no column 'image'")
                return
            columns = [c for c in ("source", "scene", "licence", "license", "split", "label") if c in names]
            labels = _label_names(file) if "label" in columns else []
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, columns=columns)
                rows = table.to_pylist() if columns else [{}] * file.metadata.row_group(group).num_rows
                for place, row in enumerate(rows):
                    scene, label = row.get("scene") or "", row.get("label")
                    if not scene and isinstance(label, int) and 0 <= label < len(labels):
                        scene = labels[label]
                    yield Item(
                        f"{shown}/{group}/{place}", row.get("source") or name, scene,
                        row.get("licence") or row.get("license") or "", row.get("split") or split,
                        "parquet", os.fsencode(url), "", group, place,
                    )  # fmt: skip
    except (OSError, ValueError) as error:  # pyarrow's errors are both
        yield Item(shown, name, reason="unreadable", value=f"this Parquet file is damaged ({error})")


def _label_names(file: pq.ParquetFile) -> list[str]:
    """Names of the classes of a data set of the Hub, from the note that ``datasets`` leaves in its files."""
    import datasets

    feature = datasets.Features.from_arrow_schema(file.schema_arrow).get("label")
    return feature.names if isinstance(feature, datasets.ClassLabel) else []


def _find_remote(source: str, name: str) -> Iterator[Item]:
    try:
        filesystem, root = fsspec.url_to_fs(source)
        protocol = source.split("://")[0]
        paths = sorted(filesystem.find(root)) if filesystem.isdir(root) else [root]
    except ImportError as error:
        raise SourceError(f"{source}: a package for this kind of address is missing ({error}).") from None
    except Exception as error:  # each file system raises errors of its own
        raise SourceError(f"{source}: this address cannot be listed ({error}).") from None
    for path in paths:
        inner, url = path.removeprefix(root).lstrip("/"), f"{protocol}://{path}"
        shown = f"{name}/{inner}".rstrip("/")
        if path.lower().endswith(".parquet"):
            yield from _parquet_items(url, name, shown)
        elif Path(path).suffix.lower() in READABLE_SUFFIXES:
            yield Item(shown, name, scene_of(inner), kind="url", container=os.fsencode(url))
        elif is_archive(path):
            yield Item(shown, name, reason="archive at an address", value="download it and give it as a source")


@functools.lru_cache(maxsize=1)
def _row_group(url: str, group: int) -> list[bytes]:
    with fsspec.open(url, "rb").open() as stream:
        column = pq.ParquetFile(stream).read_row_group(group, columns=["image"]).column("image")
    return [v["bytes"] if isinstance(v, dict) else v for v in column.to_pylist()]


def read_item(item: Item) -> bytes:
    """The bytes of a picture as they lie in their source.

    Raises:
        ArchiveError, OSError, ValueError: if they cannot be had; the message says why.
    """
    place = os.fsdecode(item.container)
    if item.kind == "zip":
        return read_zip_member(place, item.member)
    if item.kind == "tar":
        with open(place, "rb") as file:  # noqa: PTH123 - a Path cannot hold every name
            file.seek(item.offset)
            return file.read(item.size)
    if item.kind == "parquet":
        return _row_group(place, item.offset)[item.size] or b""
    if item.kind == "url":
        return fsspec.open(place, "rb").open().read(_MAX_BYTES)
    if os.stat(place).st_size > _MAX_BYTES:  # noqa: PTH116
        raise ValueError(f"the file has more than {_MAX_BYTES} bytes")
    with open(place, "rb") as file:  # noqa: PTH123
        return file.read()


def read_splits(table: Path) -> dict[str, dict[str, str]]:
    """Rows by path of a CSV with columns ``path`` and ``split``, and perhaps ``source``, ``scene``, ``licence``.

    Raises:
        SourceError: if the file or one of the two columns is missing.
    """
    try:
        with table.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if not {"path", "split"} <= set(reader.fieldnames or ()):
                raise SourceError(f"{table.name}: splits need columns 'path' and 'split'.")
            return {row["path"]: row for row in reader}
    except OSError as error:
        raise SourceError(f"{table}: the splits cannot be read ({error.strerror}).") from None
