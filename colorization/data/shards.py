"""Tables on disk, whole or not at all: written to a temporary name and renamed, here or behind an fsspec address."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from ..files import replace_file


class Store:
    """A folder, by path or by an fsspec address such as ``s3://bucket/name`` or ``hf://datasets/user/name``."""

    def __init__(self, root: str | Path) -> None:
        self.root = str(root).rstrip("/")
        self.filesystem, self.base = fsspec.url_to_fs(self.root)
        self.local = isinstance(self.filesystem, LocalFileSystem)  # file:// is one too
        if "://" not in self.root:
            self.base = self.root

    def path(self, name: str) -> str:
        return f"{self.base}/{name}"

    def exists(self, name: str) -> bool:
        return self.filesystem.exists(self.path(name))

    def write(self, name: str, tables: Iterable[pa.Table], schema: pa.Schema) -> int:
        """Write tables as one Parquet file, a row group each, and return the number of rows.

        Raises:
            OSError: if there is no room or no permission; nothing half written is left then.
        """
        rows = 0
        with self._opened(name) as stream, pq.ParquetWriter(stream, schema, compression="zstd") as writer:
            for table in tables:
                writer.write_table(table)
                rows += table.num_rows
        return rows

    def write_bytes(self, name: str, content: bytes | Iterable[bytes]) -> None:
        with self._opened(name) as stream:
            for piece in [content] if isinstance(content, bytes) else content:
                stream.write(piece)

    @contextlib.contextmanager
    def _opened(self, name: str) -> Iterator[BinaryIO]:
        """A file to write, whole or not at all: object stores publish it when it is closed, on a disk renaming does."""
        target = self.path(name)
        self.filesystem.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
        with contextlib.ExitStack() as stack:
            place = str(stack.enter_context(replace_file(target))) if self.local else target
            yield stack.enter_context(self.filesystem.open(place, "wb"))

    def write_json(self, name: str, content: dict) -> None:
        self.write_bytes(name, json.dumps(content).encode())

    def read(self, name: str, columns: list[str] | None = None) -> pa.Table:
        with self.filesystem.open(self.path(name), "rb") as stream:
            return pq.read_table(stream, columns=columns)

    def read_json(self, name: str) -> dict | None:
        if not self.exists(name):
            return None
        return json.loads(self.filesystem.cat_file(self.path(name)))

    def move(self, name: str, target: Store, there: str) -> None:
        """Put a file or folder in the place of ``there`` of another store, which is replaced."""
        if target.exists(there):
            self.filesystem.mv(target.path(there), self.path(f"replaced/{there}"), recursive=True)
        self.filesystem.mv(self.path(name), target.path(there), recursive=True)

    def remove(self, folder: str) -> None:
        if self.exists(folder):
            self.filesystem.rm(self.path(folder), recursive=True)

    def list(self, folder: str, suffix: str = ".parquet") -> list[str]:  # last: its name hides that of the type
        """Names of the files in ``folder``, sorted."""
        if not self.exists(folder):
            return []
        found = self.filesystem.ls(self.path(folder), detail=False)
        return sorted(f"{folder}/{name.split('/')[-1]}" for name in found if name.endswith(suffix))
