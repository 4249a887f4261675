"""How far a long run is: a bar on a terminal, a line for each tenth where the output goes into a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

_FEWEST = 10  # pictures; the end of a shorter run is not far away

Item = TypeVar("Item")


def show_progress(items: Iterable[Item], count: int, unit: str = "picture") -> Iterator[Item]:
    """Go through ``count`` items and say on standard error how many are done, how fast, and how long the rest takes."""
    if sys.stderr.isatty():
        yield from tqdm(items, total=count, unit=unit)
        return
    start, last = time.perf_counter(), 0
    for done, item in enumerate(items, start=1):
        yield item
        tenth = 10 * done // count
        if tenth > last and count >= _FEWEST:
            last, spent = tenth, time.perf_counter() - start
            left = spent / done * (count - done)
            print(
                f"{10 * tenth} %: {done} of {count} {unit}s, {done / spent:.2g} a second, {_spell(left)} left",
                file=sys.stderr,
                flush=True,
            )


def _spell(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
