"""Several pictures in a call: told from one, and colored in batches, lazily, in their order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from itertools import islice
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset

_IMPORTED_BY = os.getpid()


def settle_in_process() -> None:
    """Make PyTorch usable in a process that was forked from one that has used it; call it before computing.

    OpenMP's threads do not survive a fork, and a child that asks for them waits for ever (GCC bug 58378), so a child
    computes in one thread, as the workers of PyTorch's ``DataLoader`` do. Elsewhere nothing is changed.
    """
    if os.getpid() != _IMPORTED_BY and torch.get_num_threads() > 1:
        torch.set_num_threads(1)


def is_several(inputs: object) -> bool:
    """Whether a call's input is a collection of pictures: a list, tuple, data set, generator or other iterator."""
    if isinstance(inputs, list | tuple | Dataset):
        return True
    if isinstance(inputs, str | bytes | bytearray | memoryview) or hasattr(inputs, "read"):
        return False  # an open file is an iterator, too
    return isinstance(inputs, Iterator | Sequence)  # such as a column of a data set


class Results:
    """Results of several pictures, computed as they are asked for.

    Args:
        inputs: pictures; with a length and places, or only one after the other.
        prepare: what is done to each; an exception that it returns is the result of that picture.
        infer: what is done to a list of prepared ones.
        finish: what is done to each of the answers.
        batch_size: how many are prepared and inferred together.
        num_workers: processes that prepare.
    """

    def __init__(
        self,
        inputs: Any,
        prepare: Callable,
        infer: Callable[[list], list],
        finish: Callable,
        batch_size: int,
        num_workers: int,
    ) -> None:
        self.inputs, self.prepare, self.infer, self.finish = inputs, prepare, infer, finish
        self.batch_size, self.num_workers = batch_size, num_workers

    def __len__(self) -> int:
        return len(self.inputs)

    def __iter__(self) -> Iterator:
        for batch in self._batches():
            answers = iter(self.infer([one for one in batch if not isinstance(one, Exception)]))
            for one in batch:
                yield one if isinstance(one, Exception) else self.finish(next(answers))

    def _batches(self) -> Iterator[list]:
        if self.num_workers:
            placed = isinstance(self.inputs, Sized) and hasattr(self.inputs, "__getitem__")
            pictures: Dataset = _Placed(self.inputs, self.prepare) if placed else _Streamed(self.inputs, self.prepare)
            # A generator of its own: the loader would draw from the program's. A stream has one reader.
            yield from DataLoader(
                pictures,
                self.batch_size,
                num_workers=self.num_workers if placed else 1,
                collate_fn=list,
                generator=torch.Generator("cpu"),
            )
            return
        prepared = (self.prepare(one) for one in _in_order(self.inputs))
        while batch := list(islice(prepared, self.batch_size)):
            yield batch


def _in_order(inputs: Any) -> Iterable:
    # A torch data set needs no __iter__, and that of places ends only with an IndexError, which not all raise.
    placed = isinstance(inputs, Dataset) and not isinstance(inputs, IterableDataset)
    return (inputs[place] for place in range(len(inputs))) if placed else inputs


class _Placed(Dataset):
    def __init__(self, inputs: Sequence, prepare: Callable) -> None:
        self.inputs, self.prepare = inputs, prepare

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, place: int) -> Any:
        return self.prepare(self.inputs[place])


class _Streamed(IterableDataset):
    def __init__(self, inputs: Iterable, prepare: Callable) -> None:
        self.inputs, self.prepare = inputs, prepare

    def __iter__(self) -> Iterator:
        return map(self.prepare, self.inputs)
