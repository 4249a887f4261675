"""Crops of pictures in the order of a run: which crop stands at a place is decided by the place and the seed alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import datasets
import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset, Sampler

from .pictures import read_row
from .transforms import View, random_view

_AHEAD = 2  # batches decoded beforehand

Place = tuple[int, int, int]
"""Index of a picture (of no meaning in a stream), its place in the run, side of the crop in px."""


class Crops(Dataset):
    """Random crops of pictures, so that a run can be continued.

    Args:
        pictures: of ``load_pictures`` or ``decode_once``.
        view: how they are cut and turned.
        seed: of the run.
    """

    def __init__(self, pictures: datasets.Dataset, view: View, seed: int) -> None:
        self.pictures, self.view, self.seed = pictures, view, seed

    def __getitem__(self, place: Place) -> torch.Tensor:
        """A place to a crop, uint8 [3, size, size]."""
        index, position, size = place
        return crop_at(self.pictures[index], position, size, self.view, self.seed)


def crop_at(row: dict, position: int, size: int, view: View, seed: int) -> torch.Tensor:
    """Cut the crop of one place of a run out of the picture of a row: uint8 [3, size, size]."""
    generator = torch.Generator().manual_seed((seed << 40) + position)
    crop = random_view(Image.fromarray(read_row(row).rgb), size, view, generator)
    return torch.from_numpy(np.array(crop)).permute(2, 0, 1)


class StreamedCrops:
    """Batches of crops of a streamed data set, in the order in which it comes, shuffled within a buffer.

    Every process reads the stream and decodes its own places only: together they see each picture once a round,
    whatever their number, and the same crops at the same places. Decoding is done by threads, which Pillow lets run
    side by side; workers of a ``DataLoader`` would each be given other shards, and the order would depend on them.

    Args:
        pictures: streamed, of ``load_pictures``.
        order: whose batches (of this process) say which places are wanted.
        view: how pictures are cut and turned.
        seed: of the run.
        threads: that decode.
        buffer: pictures among which the next one is drawn; undecoded, about 100 kB each.
    """

    def __init__(
        self,
        pictures: datasets.IterableDataset,
        order: RunOrder,
        view: View,
        seed: int,
        threads: int = 2,
        buffer: int = 2_000,
    ) -> None:
        self.pictures = pictures.select_columns(["image"])
        self.order, self.view, self.seed, self.threads, self.buffer = order, view, seed, threads, buffer

    def __iter__(self) -> Iterator[torch.Tensor]:
        """Crops of a batch, uint8 [n, 3, size, size]."""
        rows = self._rows()
        with ThreadPoolExecutor(max(1, self.threads), "decode") as pool:
            waiting: deque[list[Future]] = deque()
            for batch in self.order:
                futures = []
                for _, position, size in batch:
                    row = next(row for place, row in rows if place == position)
                    futures.append(pool.submit(crop_at, row, position, size, self.view, self.seed))
                waiting.append(futures)
                if len(waiting) > _AHEAD:
                    yield torch.stack([future.result() for future in waiting.popleft()])
            for futures in waiting:
                yield torch.stack([future.result() for future in futures])

    def _rows(self) -> Iterator[tuple[int, dict]]:
        """Place in the run and undecoded row, round after round."""
        place, round_ = 0, 0
        while place < self.order.total:
            before = place
            for row in self.pictures.shuffle(seed=(self.seed << 20) + round_, buffer_size=self.buffer):
                yield place, row
                place += 1
            if place == before:
                raise ValueError("The streamed data set is empty.")
            round_ += 1


class RunOrder(Sampler):
    """The order of a whole run, part by part of each batch, from any place in it: a new permutation each time round.

    Args:
        count: pictures of the data set.
        total: places of the run.
        batch_size: places of a batch, of all processes together.
        sizes: px, one after the other over equal shares of the run.
        seed: of the permutations.
        start: place to begin at, a multiple of the batch size.
        indices: pictures of one round, some perhaps more than once; None for each once.
        shares: of the pictures, in use one after the other over equal shares of the run.
        parts: into how many a batch is divided (processes x accumulation steps).
        own: which of them are wanted, in order; None for all.
    """

    def __init__(
        self,
        count: int,
        total: int,
        batch_size: int,
        sizes: Sequence[int],
        seed: int,
        start: int,
        indices: Sequence[int] | None = None,
        shares: Sequence[float] = (1.0,),
        parts: int = 1,
        own: Sequence[int] | None = None,
    ) -> None:
        self.total, self.batch_size = total, batch_size
        self.sizes, self.seed, self.start, self.shares = sizes, seed, start, shares
        self.indices = range(count) if indices is None else indices
        self.parts, self.own = parts, range(parts) if own is None else own

    def __len__(self) -> int:
        return (self.total - self.start) // self.batch_size * len(self.own)

    def __iter__(self) -> Iterator[list[Place]]:
        drawn, order, part = (-1, -1), [], self.batch_size // self.parts
        for first in range(self.start, self.total - self.batch_size + 1, self.batch_size):
            size = self.sizes[first * len(self.sizes) // self.total]
            used = max(1, round(self.shares[first * len(self.shares) // self.total] * len(self.indices)))
            batch = []
            for position in range(first, first + self.batch_size):
                if (used, position // used) != drawn:
                    drawn = (used, position // used)
                    order = self._permutation(used, position // used)
                batch.append((self.indices[order[position % used]], position, size))
            for number in self.own:
                yield batch[number * part : (number + 1) * part]

    def _permutation(self, used: int, round_: int) -> list[int]:
        generator = torch.Generator().manual_seed((self.seed << 20) + round_)
        if used == len(self.indices):
            return torch.randperm(used, generator=generator).tolist()
        # A smaller pool is always the same one, and the next larger one holds it.
        pool = torch.randperm(len(self.indices), generator=torch.Generator().manual_seed(self.seed))[:used]
        return pool[torch.randperm(used, generator=generator)].tolist()
