"""The example photographs, in grey: those of folders, with their credits, or landscapes that the project draws."""

from __future__ import annotations

import csv
import logging
import os
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from colorization.drawing import SCENES, draw_landscape
from colorization.model.images import Photo, UnreadableImageError, read_photo
from colorization.model.readers import READABLE_SUFFIXES
from space.views import encode

logger = logging.getLogger(__name__)

FOLDERS_VARIABLE = "LANDSCAPE_EXAMPLES"  # one or more folders, separated as in PATH
CREDITS = "credits.csv"  # in such a folder: file, title, credit
MOST = 8
LONGEST_SIDE = 2048  # px of the copy that is shown and colored
THUMBNAIL = 240  # px
_DRAWN_SIZE = (1080, 720)


@dataclass(frozen=True)
class Example:
    """A grey picture to try, ready on disk: ``path`` to color, ``thumbnail`` to click; ``credit`` where one is due."""

    path: Path
    thumbnail: Path
    title: str
    credit: str = ""


class ExampleShelf:
    """The examples. Filled by a thread, so that the page opens meanwhile; it needs no network."""

    def __init__(self, most: int = MOST) -> None:
        """
        Args:
            most: how many.
        """
        self._most = most
        self._kept = tempfile.TemporaryDirectory(prefix="landscape-examples-", ignore_cleanup_errors=True)
        self.folder = Path(self._kept.name)
        self._examples: list[Example] = []
        self._filled = threading.Event()

    def start(self) -> None:
        """Begin to fill the shelf, in the background."""
        threading.Thread(target=self._fill, name="examples", daemon=True).start()

    def examples(self, patience: float = 60.0) -> list[Example]:
        """All of them, in at most ``patience`` seconds; never empty: at worst a picture that the project draws."""
        self._filled.wait(patience)
        if not self._examples:
            self._examples = self._draw(1)
        return list(self._examples)

    def _fill(self) -> None:
        try:
            found = []
            for path, title, credit in _folder_pictures(self._most):
                try:
                    found.append(self._put(read_photo(path), title, credit))
                except (UnreadableImageError, OSError) as error:
                    logger.warning("Example left out: %s", error)
            self._examples = found or self._draw(self._most)
        finally:
            self._filled.set()

    def _draw(self, count: int) -> list[Example]:
        return [
            self._put(draw_landscape(*_DRAWN_SIZE, scene=scene), title) for title, scene in list(SCENES.items())[:count]
        ]

    def _put(self, photo: Photo | Image.Image, title: str, credit: str = "") -> Example:
        """Write the grey copy and its thumbnail."""
        picture = (Image.fromarray(photo.rgb) if isinstance(photo, Photo) else photo).convert("L")
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
        stem = "".join(c if c.isascii() and c.isalnum() else "-" for c in title.lower()) or "example"
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        path = _write(picture, folder / f"{stem}.jpg", 92)
        picture.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
        return Example(path, _write(picture, folder / f"{stem}-small.jpg", 80), title, credit)


def _write(picture: Image.Image, path: Path, quality: int) -> Path:
    path.write_bytes(encode(picture, quality))
    return path


def _folder_pictures(most: int) -> list[tuple[Path, str, str]]:
    """At most so many files (with title and credit) of the folders in LANDSCAPE_EXAMPLES, in turn from each, spread
    over its listing."""
    lists = []
    for name in filter(None, os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep)):
        folder = Path(name).expanduser()
        if not folder.is_dir():
            logger.warning("%s: %s is not a folder.", FOLDERS_VARIABLE, folder)
            continue
        paths = sorted(
            path for path in folder.rglob("*") if path.suffix.lower() in READABLE_SUFFIXES and path.is_file()
        )
        credits = _credits(folder)
        found = [(path, *credits.get(path.name, (_title(path), ""))) for path in paths]
        share = min(most, len(found))
        lists.append([found[i * len(found) // share] for i in range(share)])
    lists = [paths for paths in lists if paths]
    return [paths[i] for i in range(most) for paths in lists if i < len(paths)][:most]


def _credits(folder: Path) -> dict[str, tuple[str, str]]:
    """File name to title and credit, of the folder's list; what it lacks is empty."""
    if not (folder / CREDITS).is_file():
        return {}
    try:
        with (folder / CREDITS).open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row.get("file")]
    except (OSError, ValueError, csv.Error) as error:
        logger.warning("%s cannot be read: %s", folder / CREDITS, error)
        return {}
    return {
        Path(row["file"]).name: (row.get("title") or _title(Path(row["file"])), row.get("credit") or "") for row in rows
    }


def _title(path: Path) -> str:
    return path.stem.replace("_", " ").replace("-", " ").strip() or path.name
