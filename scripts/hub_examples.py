"""Photographs for a card, before and after, each with its credit; one without a credit is not published."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from hub_commit import PublishError
from PIL import Image

LONGEST_SIDE = 480  # px of each half
_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"}


@dataclass(frozen=True)
class Credit:
    """Where a strip lies in the repository and whose the photograph is."""

    path: str
    title: str
    author: str
    licence: str
    source: str


def read_credits(folder: Path) -> list[tuple[Path, Credit]]:
    """The pictures of a folder with their lines in its ``credits.csv`` (path, author, licence, source_url).

    Raises:
        PublishError: if the file is missing, or a picture has no line, no author or no licence in it.
    """
    table = folder / "credits.csv"
    try:
        with table.open(newline="", encoding="utf-8") as file:
            lines = {Path(line["path"]).name: line for line in csv.DictReader(file)}
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise PublishError(
            f"{table}: the credits cannot be read ({error!r}); columns: path, author, licence."
        ) from error
    found = []
    for picture in sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES):
        line = lines.get(picture.name, {})
        missing = [key for key in ("author", "licence") if not (line.get(key) or "").strip()]
        if missing:
            raise PublishError(
                f"{picture.name}: {table.name} names no {' and no '.join(missing)}; add it, or move it away."
            )
        title = picture.stem.replace("-", " ").replace("_", " ").capitalize()
        source = (line.get("source_url") or "").strip()
        name = f"examples/{picture.stem}.jpg"
        found.append((picture, Credit(name, title, line["author"].strip(), line["licence"].strip(), source)))
    if not found:
        raise PublishError(f"{folder}: there are no pictures in it.")
    return found


def write_strip(grey: Image.Image, coloured: Image.Image, path: Path) -> None:
    """Two pictures of one size side by side."""
    strip = Image.new("RGB", (2 * grey.width + 8, grey.height), "white")
    strip.paste(grey.convert("RGB"), (0, 0))
    strip.paste(coloured.convert("RGB"), (grey.width + 8, 0))
    path.parent.mkdir(exist_ok=True)
    strip.save(path, **({"optimize": True} if path.suffix == ".png" else {"quality": 90}))


def write_examples(folder: Path, colour, target: Path) -> list[Credit]:
    """Grey and coloured strips of all pictures of ``folder`` below ``target``; ``colour`` takes and gives pictures."""
    credits = []
    for picture, credit in read_credits(folder):
        with Image.open(picture) as photo:
            grey = photo.convert("L")
        grey.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
        write_strip(grey, colour(grey), target / credit.path)
        credits.append(credit)
    return credits
