"""Pictures of a data set by one argument: a folder with a folder a split, a built data set, an address, or a Hub id."""

from __future__ import annotations

from pathlib import Path

import datasets
import fsspec
import numpy as np
from PIL import Image

from ..model.images import Photo, read_photo
from ..model.readers import READABLE_SUFFIXES

# What a split is called: by data sets of the Hub, and in folders.
_SPLITS = {"train": ("train",), "validation": ("validation", "val", "valid"), "test": ("test",)}


def load_pictures(data: str, split: str, streaming: bool = False) -> datasets.Dataset | datasets.IterableDataset:
    """Load one split with an ``image`` column of files, which :func:`read_row` reads as the product does.

    Args:
        data: a folder with sub-folders ``train`` and ``validation`` (or ``val``) of pictures, a folder written by
            ``datasets.save_to_disk`` or by the data set build, the address of such a build as fsspec writes it
            (``s3://bucket/set``, ``hf://datasets/ORG/NAME``), or the id of a data set on the Hub.
        split: "train", "validation" or "test".
        streaming: read while training instead of downloading or copying first.

    Raises:
        ValueError: if there is no such split or no picture in it.
    """
    if "://" in data:
        return _load_address(data, split, streaming)
    root = Path(data)
    for name in _SPLITS[split]:
        if (root / name).is_dir():
            files = sorted(str(f) for f in (root / name).rglob("*") if f.suffix.lower() in READABLE_SUFFIXES)
            if files:
                pictures = _with_images(datasets.Dataset.from_dict({"image": files}), data)
                return pictures.to_iterable_dataset() if streaming else pictures
    try:
        if (root / "dataset_dict.json").is_file():
            pictures = datasets.load_from_disk(root)[split]
            pictures = pictures.to_iterable_dataset() if streaming else pictures
        else:
            pictures = datasets.load_dataset(data, split=split, streaming=streaming)
    except (FileNotFoundError, ValueError, KeyError, datasets.exceptions.DatasetNotFoundError) as error:
        raise ValueError(
            f"{data}: no split {split!r} here. Expected is a folder with sub-folders "
            f"{' or '.join(_SPLITS[split])} of pictures, a built data set, or a Hub id ({error})."
        ) from error
    return _with_images(pictures, data)


def _load_address(address: str, split: str, streaming: bool) -> datasets.Dataset | datasets.IterableDataset:
    """A split of the Parquet shards that the data set build wrote to an address of fsspec."""
    files = f"{address.rstrip('/')}/data/{split}-*.parquet"
    try:
        pictures = datasets.load_dataset("parquet", data_files={split: files}, split=split, streaming=streaming)
    except (FileNotFoundError, ValueError, OSError, ImportError) as error:
        raise ValueError(f"{address}: no pictures could be read from {files} ({error}).") from error
    return _with_images(pictures, address)


def _with_images(
    pictures: datasets.Dataset | datasets.IterableDataset, data: str
) -> datasets.Dataset | datasets.IterableDataset:
    columns = pictures.column_names or ()
    if "image" not in columns:
        raise ValueError(f"{data}: the data set has no column 'image'; it has {', '.join(columns)}.")
    return pictures.cast_column("image", datasets.Image(decode=False))


def decode_once(pictures: datasets.Dataset, folder: Path, max_side: int = 512) -> datasets.Dataset:
    """Decode all pictures into one file in ``folder``, or find the one that is there, whole or not at all.

    Decoding is most of what small pictures cost, and is the same every round.

    Args:
        pictures: with an ``image`` column.
        folder: is made; needs about 3 bytes a pixel: 1.5 GB for 22,000 pictures of 150 px.
        max_side: longer pictures are reduced to it, in px.
    """

    def decode(row: dict) -> dict:
        picture = Image.fromarray(read_row(row).rgb)
        picture.thumbnail((max_side, max_side), Image.Resampling.BICUBIC, reducing_gap=2.0)
        return {"pixels": picture.tobytes(), "shape": [picture.height, picture.width, 3]}

    folder.mkdir(parents=True, exist_ok=True)
    return pictures.map(
        decode,
        remove_columns=pictures.column_names,
        features=datasets.Features({"pixels": datasets.Value("binary"), "shape": [datasets.Value("int32")]}),
        cache_file_name=str(folder / f"{pictures._fingerprint}-{max_side}.arrow"),
        writer_batch_size=100,  # in memory until it is written
        desc="decode",
    )


def read_row(row: dict) -> Photo:
    """Read the picture of a row: a file as :func:`load_pictures` gives it, what :func:`decode_once` made, or Pillow's.

    Raises:
        UnreadableImageError: if it cannot be read.
    """
    if "pixels" in row:
        return Photo(np.frombuffer(row["pixels"], np.uint8).reshape(row["shape"]))
    image = row["image"]
    if not isinstance(image, dict):
        return read_photo(image)
    if image["bytes"] is None and "://" in image["path"]:  # in an archive, or on another machine
        with fsspec.open(image["path"]) as file:
            return read_photo(file.read(), name=image["path"], whole=True)
    return read_photo(image["bytes"] or image["path"], name=image["path"], whole=True)


def repeat_no_sky(pictures: datasets.Dataset, share: float) -> list[int] | None:
    """Indices of one round in which pictures without sky are repeated until they are ``share`` of it.

    Args:
        pictures: with a column ``sky`` of "yes", "no" and "uncertain", as the data set build writes it.
        share: in [0, 1); None is returned where there are as many already.

    Raises:
        ValueError: if there is no such column, or no picture without sky.
    """
    if "sky" not in (pictures.column_names or ()):
        raise ValueError("no_sky_share needs a data set with a column 'sky'; scripts/build_dataset.py makes one.")
    without = [index for index, sky in enumerate(pictures["sky"]) if sky == "no"]
    if not without:
        raise ValueError("no_sky_share: no picture of this data set is labelled as without sky.")
    others = len(pictures) - len(without)
    wanted = round(others * share / (1 - share)) if share < 1 else len(without)
    if wanted <= len(without):
        return None
    repeats, rest = divmod(wanted - len(without), len(without))
    return [*range(len(pictures)), *without * repeats, *without[:rest]]
