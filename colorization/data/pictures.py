"""Pictures of a data set by one argument: a folder with a folder a split, a built data set, or a Hub id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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


def repeat_no_sky(pictures: datasets.Dataset, share: float) -> list[int] | None:
    """Indices of one round in which pictures without sky are repeated until they are ``share`` of it.

    Args:
        pictures: with a column ``sky`` of "yes", "no" and "uncertain", as the data set build writes it.
        share: in [0, 1); None is returned where there are as many already.

    Raises:
        ValueError: if there is no such column, or no picture without sky.
    """
    if "sky" not in pictures.column_names:
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


class RunOrder(Sampler):
    """The order of a whole run, batch by batch, from any place in it: a new permutation each time round.

    Args:
        indices: pictures of one round, some perhaps more than once.
        total: places of the run.
        batch_size: places of a batch.
        sizes: px, one after the other over equal shares of the run.
        seed: of the permutations.
        start: place to begin at, a multiple of the batch size.
    """

    def __init__(
        self, indices: Sequence[int], total: int, batch_size: int, sizes: tuple[int, ...], seed: int, start: int
    ) -> None:
        self.indices, self.total, self.batch_size = indices, total, batch_size
        self.sizes, self.seed, self.start = sizes, seed, start

    def __len__(self) -> int:
        return (self.total - self.start) // self.batch_size

    def __iter__(self) -> Iterator[list[tuple[int, int, int]]]:
        epoch, order, count = -1, [], len(self.indices)
        for first in range(self.start, self.total - self.batch_size + 1, self.batch_size):
            size = self.sizes[first * len(self.sizes) // self.total]
            batch = []
            for position in range(first, first + self.batch_size):
                if position // count != epoch:
                    epoch = position // count
                    generator = torch.Generator().manual_seed((self.seed << 20) + epoch)
                    order = torch.randperm(count, generator=generator).tolist()
                batch.append((self.indices[order[position % count]], position, size))
            yield batch
