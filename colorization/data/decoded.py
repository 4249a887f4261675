"""A cache of decoded pictures on disk: decoding is most of what small pictures cost, and is the same every round."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import datasets
import numpy as np
from PIL import Image
from tqdm.auto import tqdm

from ..files import replace_file
from .pictures import read_row

logger = logging.getLogger(__name__)


class DecodedPictures:
    """Pictures as they were decoded once, read through the page cache and shared by all workers.

    Made by :func:`decode_once`. ``decoded[index]`` is an RGB picture.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._shapes = np.load(file.with_suffix(".npy"))
        self._starts = np.concatenate(([0], np.cumsum(self._shapes.prod(axis=1) * 3)))
        self._pixels = np.memmap(file, np.uint8, "r", shape=(int(self._starts[-1]),))

    def __len__(self) -> int:
        return len(self._shapes)

    def __getitem__(self, index: int) -> Image.Image:
        height, width = self._shapes[index]
        pixels = self._pixels[self._starts[index] : self._starts[index + 1]]
        return Image.fromarray(pixels.reshape(height, width, 3))


def decode_once(pictures: datasets.Dataset, folder: Path, max_side: int = 512) -> DecodedPictures:
    """Decode all pictures into one file in ``folder``, or find the one that is there.

    Args:
        pictures: with an ``image`` column.
        folder: is made; needs about 3 bytes a pixel: 1.5 GB for 22,000 pictures of 150 px.
        max_side: longer pictures are reduced to it, in px.

    Raises:
        OSError: if the disk is full; what was written is removed.
    """
    key = hashlib.sha256(f"{pictures._fingerprint} {len(pictures)} {max_side}".encode()).hexdigest()[:16]
    file = folder / f"{key}.rgb"
    if file.is_file() and file.with_suffix(".npy").is_file():
        logger.info("Decoded pictures found in %s.", file)
        return DecodedPictures(file)
    folder.mkdir(parents=True, exist_ok=True)
    shapes = []
    with replace_file(file) as fresh, replace_file(file.with_suffix(".npy")) as table:
        with fresh.open("wb") as out:
            for row in tqdm(pictures, desc="decode", unit="img", mininterval=2):
                picture = Image.fromarray(read_row(row).rgb)
                picture.thumbnail((max_side, max_side), Image.Resampling.BICUBIC, reducing_gap=2.0)
                shapes.append((picture.height, picture.width))
                out.write(picture.tobytes())
        with table.open("wb") as out:
            np.save(out, np.array(shapes, dtype=np.int64))
    return DecodedPictures(file)
