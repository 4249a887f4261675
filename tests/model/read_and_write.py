"""Read files and write them again, one after the other, saying of each how it went; a process that may die of it."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

from PIL import Image

from colorization.files import save_picture
from colorization.model.images import UnreadableImageError, read_photo

SUFFIXES = (".tif", ".jpg", ".png", ".webp", ".bmp")


def main(folder: Path, out: Path, names: list[str]) -> None:
    for number, name in enumerate(names):
        print("begin", name, flush=True)
        try:
            photo = read_photo(folder / name, max_megapixels=4)
            picture = Image.fromarray(photo.rgb)
            if photo.alpha is not None:
                picture.putalpha(Image.fromarray(photo.alpha))
            picture.info["exif"] = photo.exif
            save_picture(picture.crop((0, 0, 40, 40)), out / f"{name}{SUFFIXES[number % len(SUFFIXES)]}")
            outcome = "read"
        except UnreadableImageError as error:
            outcome = "refused" if str(error).startswith(f"{name}: ") and "\n" not in str(error) else f"odd {error!r}"
        except Exception:
            outcome = "traceback " + traceback.format_exc().replace("\n", " | ")
        print("end", name, outcome, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.stdin.read().split())
