"""Pictures of a data set by one argument: a folder with a folder a split, a built data set, or a Hub id."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import datasets
import torch
from torch.utils.data import Dataset, Sampler

from .transforms import random_crop

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
# What a split is called: by data sets of the Hub, and in folders.
_SPLITS = {"train": ("train",), "validation": ("validation", "val", "valid"), "test": ("test",)}


def load_pictures(data: str, split: str) -> datasets.Dataset:
    """Load one split with an ``image`` column that decodes to PIL pictures.

    Args:
        data: a folder with sub-folders ``train`` and ``validation`` (or ``val``) of pictures, a folder written by
            ``datasets.save_to_disk`` or holding Parquet files, or the id of a data set on the Hub.
        split: "train", "validation" or "test".

    Raises:
        ValueError: if there is no such split or no picture in it.
    """
    root = Path(data)
    for name in _SPLITS[split]:
        if (root / name).is_dir():
            files = sorted(str(f) for f in (root / name).rglob("*") if f.suffix.lower() in _SUFFIXES)
            if files:
                return datasets.Dataset.from_dict({"image": files}).cast_column("image", datasets.Image())
    try:
        if (root / "dataset_dict.json").is_file():
            pictures = datasets.load_from_disk(root)[split]
        else:
            pictures = datasets.load_dataset(data, split=split)
    except (FileNotFoundError, ValueError, KeyError, datasets.exceptions.DatasetNotFoundError) as error:
        raise ValueError(
            f"{data}: no split {split!r} here. Expected is a folder with sub-folders "
            f"{' or '.join(_SPLITS[split])} of pictures, a built data set, or a Hub id ({error})."
        ) from error
    if "image" not in pictures.column_names:
        raise ValueError(f"{data}: the data set has no column 'image'; it has {', '.join(pictures.column_names)}.")
    return pictures


class Crops(Dataset):
    """Random crops of pictures; which crop is decided by the place in the run alone, so that a run can be continued."""

    def __init__(self, pictures: datasets.Dataset, min_scale: float, seed: int) -> None:
        self.pictures, self.min_scale, self.seed = pictures, min_scale, seed

    def __getitem__(self, place: tuple[int, int, int]) -> torch.Tensor:
        """(index of the picture, place in the run, size in px) to a crop, uint8 [3, size, size]."""
        index, position, size = place
        generator = torch.Generator().manual_seed((self.seed << 40) + position)
        crop = random_crop(self.pictures[index]["image"].convert("RGB"), size, self.min_scale, generator)
        return torch.frombuffer(bytearray(crop.tobytes()), dtype=torch.uint8).view(size, size, 3).permute(2, 0, 1)


class RunOrder(Sampler):
    """The order of a whole run, batch by batch, from any place in it: a new permutation each time round."""

    def __init__(self, count: int, total: int, batch_size: int, sizes: tuple[int, ...], seed: int, start: int) -> None:
        self.count, self.total, self.batch_size = count, total, batch_size
        self.sizes, self.seed, self.start = sizes, seed, start

    def __len__(self) -> int:
        return (self.total - self.start) // self.batch_size

    def __iter__(self) -> Iterator[list[tuple[int, int, int]]]:
        epoch, order = -1, []
        for first in range(self.start, self.total - self.batch_size + 1, self.batch_size):
            size = self.sizes[first * len(self.sizes) // self.total]
            batch = []
            for position in range(first, first + self.batch_size):
                if position // self.count != epoch:
                    epoch = position // self.count
                    order = torch.randperm(
                        self.count, generator=torch.Generator().manual_seed((self.seed << 20) + epoch)
                    ).tolist()
                batch.append((order[position % self.count], position, size))
            yield batch
