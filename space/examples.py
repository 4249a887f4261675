"""The example photographs: fetched once where there is a network, else from a folder, else drawn; all shown in grey."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
from PIL import Image

from colorization.files import save_picture
from colorization.model.images import Photo, UnreadableImageError, read_photo
from space.drawn import draw_landscape

logger = logging.getLogger(__name__)

FOLDERS_VARIABLE = "LANDSCAPE_EXAMPLES"  # one or more folders, separated as in PATH
MOST = 8
MAX_BYTES = 25_000_000
TIMEOUT = 4.0  # s for a connection or a pause in it
PATIENCE = 30.0  # s for one whole file
LONGEST_SIDE = 2048  # px of the copy that is shown and coloured
THUMBNAIL = 360  # px


@dataclass(frozen=True)
class Source:
    """A photograph on the web and whose it is.

    ``url`` names the file in one fixed state (a commit). ``sha256`` of its bytes is checked where it is known; it is
    None where nobody has downloaded the file and computed it yet.
    """

    title: str
    author: str
    licence: str
    url: str
    sha256: str | None = None


_BUDGIE = "https://raw.githubusercontent.com/BuddiesOfBudgie/budgie-backgrounds"
_CONTRIBUTORS = "contributors of Budgie Backgrounds"
SOURCES = tuple(
    Source(title, _CONTRIBUTORS, "CC0-1.0", f"{_BUDGIE}/{commit}/backgrounds/{name}.jpg")
    for title, name, commit in (
        ("Green hills", "serene", "4d3f4c9bb0731e6a86777cde42805c2a0dbc705a"),
        ("Lake Sherburne", "lake-sherburne", "50866cb1df1291edb81ad0b051dfe2c416942562"),
        ("Desert hike", "extreme-desert-hike", "482e8cb863410cb703234bb90a9f2b4aa75f15b2"),
        ("Tea gardens", "tea-gardens", "40750bc7bc2a3c43b23a3d3e0f798254dd689ad8"),
        ("Beach at sunset", "sunset-beach", "58757f330b6f91a068f48052de6201078959136a"),
    )
)


@dataclass(frozen=True)
class Example:
    """A grey picture to try, ready on disk: ``path`` to colour, ``thumbnail`` to click; ``credit`` where one is due."""

    path: Path
    thumbnail: Path
    title: str
    credit: str = ""


class ExampleShelf:
    """The examples found so far. Filled by a thread, so that no slow network keeps the page from opening."""

    def __init__(self, sources: Sequence[Source] = SOURCES, cache: Path | None = None) -> None:
        """
        Args:
            sources: photographs on the web.
            cache: folder in which fetched files stay for the next start; by default in the user's cache.
        """
        self._sources = sources
        self._cache = cache or _default_cache()
        self._folder = tempfile.TemporaryDirectory(prefix="landscape-examples-", ignore_cleanup_errors=True)
        self._examples: list[Example] = []
        self._filled = threading.Event()

    def start(self) -> None:
        """Begin to fill the shelf, in the background."""
        threading.Thread(target=self._fill, name="examples", daemon=True).start()

    def examples(self, patience: float = 2.0) -> list[Example]:
        """What there is after at most ``patience`` seconds; never empty: at worst the picture the project draws."""
        self._filled.wait(patience)
        if not self._examples:
            self._examples = self._prepare_drawn()
        return list(self._examples)

    def _fill(self) -> None:
        try:
            found = [example for path in _folder_pictures() if (example := self._prepare(path, _title(path)))]
            if found:  # these cost no network: show them while the others are under way
                self._examples = found
                self._filled.set()
            fetched = []
            for source in self._sources:
                path = fetch(source, self._cache)
                credit = f"{source.author}, {source.licence}"
                if path and (example := self._prepare(path, source.title, credit)):
                    fetched.append(example)
            self._examples = (fetched + found)[:MOST] or self._prepare_drawn()
        finally:
            self._filled.set()

    def _prepare(self, path: Path, title: str, credit: str = "") -> Example | None:
        try:
            return self._put(read_photo(path), title, credit)
        except (UnreadableImageError, OSError) as error:
            logger.warning("Example left out: %s", error)
            return None

    def _prepare_drawn(self) -> list[Example]:
        return [self._put(draw_landscape(), "A drawn valley")]

    def _put(self, photo: Photo | Image.Image, title: str, credit: str = "") -> Example:
        """Write the grey copy and its thumbnail."""
        picture = (Image.fromarray(photo.rgb) if isinstance(photo, Photo) else photo).convert("L")
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
        stem = "".join(c if c.isascii() and c.isalnum() else "-" for c in title.lower()) or "example"
        folder = Path(tempfile.mkdtemp(dir=self._folder.name))
        path = save_picture(picture, folder / f"{stem}.jpg")
        picture.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
        return Example(path, save_picture(picture, folder / f"{stem}-small.jpg", quality=85), title, credit)


def fetch(source: Source, cache: Path) -> Path | None:
    """The photograph's file in ``cache``, downloaded on first use; None, with a line in the log, where that fails.

    A file that is too large, is no picture, or has another hash than the one given is not kept.
    """
    path = cache / f"{hashlib.sha256(source.url.encode()).hexdigest()[:16]}{Path(source.url).suffix.lower() or '.jpg'}"
    try:
        content = path.read_bytes() if path.is_file() else _download(source.url)
        if source.sha256 and hashlib.sha256(content).hexdigest() != source.sha256:
            raise ValueError("its sha256 is not the expected one")
        if not path.is_file():
            read_photo(content, name=path.name)
            cache.mkdir(parents=True, exist_ok=True)
            fresh = path.with_suffix(f".{os.getpid()}.part")
            try:
                fresh.write_bytes(content)
                fresh.replace(path)
            finally:
                fresh.unlink(missing_ok=True)
        return path
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        logger.warning("Example %r cannot be fetched: %s", source.title, error or type(error).__name__)
        return None


def _download(url: str) -> bytes:
    started, parts, size = time.monotonic(), [], 0
    with httpx.stream("GET", url, timeout=TIMEOUT, follow_redirects=True) as response:
        response.raise_for_status()
        for part in response.iter_bytes(65_536):
            parts.append(part)
            size += len(part)
            if size > MAX_BYTES:
                raise ValueError(f"it is larger than {MAX_BYTES / 1e6:g} MB")
            if time.monotonic() - started > PATIENCE:
                raise ValueError(f"it takes longer than {PATIENCE:g} s")
    return b"".join(parts)


def _default_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "landscape-colorizer" / "examples"


def _folder_pictures() -> list[Path]:
    """At most MOST files out of the folders in LANDSCAPE_EXAMPLES, in turn from each, spread over its listing."""
    lists = []
    for name in filter(None, os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep)):
        folder = Path(name).expanduser()
        if not folder.is_dir():
            logger.warning("%s: %s is not a folder.", FOLDERS_VARIABLE, folder)
            continue
        suffixes = {".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp"}
        lists.append(sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes and path.is_file()))
    lists = [paths for paths in lists if paths]
    if not lists:
        return []
    share = -(-MOST // len(lists))
    spread = [[paths[i * len(paths) // share] for i in range(min(share, len(paths)))] for paths in lists]
    spread = [list(dict.fromkeys(paths)) for paths in spread]
    return [paths[i] for i in range(share) for paths in spread if i < len(paths)][:MOST]


def _title(path: Path) -> str:
    return path.stem.replace("_", " ").replace("-", " ").strip() or path.name
