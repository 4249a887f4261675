"""The color pictures that a run measures on: a folder, a data set built here, or a data set of the Hub."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from colorization.model.images import Photo, read_photo
from colorization.model.readers import READABLE_SUFFIXES


@dataclass(frozen=True)
class Picture:
    """One reference of a set.

    ``path`` names it within the set, ``read`` gives its pixels (raising UnreadableImageError); ``sky`` is "yes", "no",
    "uncertain" or "" where nobody has said, and ``sky_by`` who has.
    """

    path: str
    read: Callable[[], Photo] = field(repr=False)
    source: str = ""
    scene: str = ""
    sky: str = ""
    sky_by: str = ""

    @property
    def key(self) -> str:
        """Short name that is safe in files and addresses."""
        return hashlib.sha1(os.fsencode(self.path)).hexdigest()[:12]


def open_set(
    data: str, split: str = "test", limit: int | None = None, manifest: Path | None = None
) -> tuple[list[Picture], int]:
    """The pictures of a set, and how many of them a ``manifest.csv`` or the data set describes.

    Args:
        data: a folder of pictures (a ``manifest.csv`` in it or above it tells source, scene and sky), a folder written
            by ``scripts/build_dataset.py``, or the id of a data set on the Hub with a column ``image``.
        split: which part of a data set.
        limit: only so many, spread evenly over the set.
        manifest: another CSV than ``manifest.csv`` for a folder, with columns ``path`` (from the CSV's own folder) and
            any of ``source``, ``scene``, ``sky`` and ``sky_source``.

    Raises:
        ValueError: if there is nothing to read.
    """
    folder = Path(data)
    if folder.is_dir() and not _is_data_set(folder):
        pictures = _of_folder(folder, manifest)
    elif folder.is_file():
        raise ValueError(f"{data} is a file; --data takes a folder of pictures, a data set or a Hub id.")
    else:
        pictures = _of_data_set(data, split)
    if not pictures:
        raise ValueError(f"{data}: there is no picture in it ({', '.join(sorted(READABLE_SUFFIXES))}).")
    if limit and limit < len(pictures):
        pictures = [pictures[i * len(pictures) // limit] for i in range(limit)]
    return pictures, sum(bool(p.source or p.scene or p.sky) for p in pictures)


def find_files(folder: Path) -> list[Path]:
    """Picture files below a folder, in order of their names; hidden ones are left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in READABLE_SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def _is_data_set(folder: Path) -> bool:
    return (folder / "dataset_dict.json").is_file() or any(folder.glob("*.parquet")) or any(folder.glob("*/*.parquet"))


def _of_folder(folder: Path, manifest: Path | None) -> list[Picture]:
    root = folder.resolve()
    if manifest is None:
        places = (place / "manifest.csv" for place in (root, *root.parents))
        manifest = next((place for place in places if place.is_file()), None)
    known = _described(root, manifest.resolve()) if manifest else {}
    pictures = []
    for path in find_files(folder):
        facts = known.get(path.relative_to(folder).as_posix(), {})
        sky = facts.get("sky") or ""
        pictures.append(
            Picture(
                path.relative_to(folder).as_posix(),
                partial(read_photo, path, whole=True),
                facts.get("source") or "",
                facts.get("scene") or "",
                sky,
                (facts.get("sky_source") or "manifest") if sky else "",
            )
        )
    return pictures


def _described(root: Path, manifest: Path) -> dict[str, dict[str, str]]:
    """Rows of a manifest by the path below ``root``."""
    if not root.is_relative_to(manifest.parent):
        raise ValueError(f"{manifest} tells paths below its own folder, and {root} is not in it.")
    inside, known = root.relative_to(manifest.parent), {}
    with manifest.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            path = PurePosixPath((row.get("path") or "").replace("\\", "/"))
            if path.is_relative_to(inside):
                known[path.relative_to(inside).as_posix()] = row
    return known


def _of_data_set(data: str, split: str) -> list[Picture]:
    import datasets

    try:
        if (Path(data) / "dataset_dict.json").is_file():
            table = datasets.load_from_disk(data)[split]
        else:
            table = datasets.load_dataset(data, split=split)
    except Exception as error:  # no network, no such id, no such split: many kinds
        raise ValueError(
            f"{data}: no folder of this name, and no data set with a split {split!r} could be loaded ({error})."
        ) from error
    if "image" not in table.column_names:
        raise ValueError(f"{data}: the data set has no column 'image'; it has {', '.join(table.column_names)}.")
    table = table.cast_column("image", datasets.Image(decode=False))
    columns = {name: table[name] for name in ("source", "scene", "sky", "path") if name in table.column_names}

    def read(place: int) -> Photo:
        image = table[place]["image"]
        return read_photo(image["bytes"] or image["path"], name=f"{split}/{place}", whole=True)

    pictures = []
    for place in range(len(table)):
        facts = {name: str(values[place] or "") for name, values in columns.items()}
        sky = facts.get("sky", "")
        pictures.append(
            Picture(
                facts.get("path") or f"{split}/{place:06d}",
                partial(read, place),
                facts.get("source", ""),
                facts.get("scene", ""),
                sky,
                "data set" if sky else "",
            )
        )
    return pictures
