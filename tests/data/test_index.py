"""The drawn index of the benchmark, small: what was planted in it is found, and little is held of each picture."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from colorization.data import copies
from colorization.data.options import BuildOptions
from colorization.data.plan import Decision, decide
from colorization.data.shards import Store
from scripts.benchmark.index import STEP, write_index


def decided(folder: Path, count: int) -> tuple[Decision, int]:
    """What is decided about ``count`` pictures, and the most that Python and NumPy held meanwhile, in bytes."""
    store = Store(folder / str(count))
    write_index(store, count)
    tracemalloc.start()
    decision = decide([store], store, BuildOptions(sky=False))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return decision, peak


@pytest.mark.slow
def test_planted_copies_are_found_and_memory_is_small(tmp_path: Path, monkeypatch):
    # What is held for a moment, whatever the number of pictures.
    monkeypatch.setattr(copies, "_CANDIDATES", 1 << 12)
    monkeypatch.setattr(copies, "_CONFIRMED", 8)
    decided(tmp_path, 64)  # whatever is made once
    few, less = decided(tmp_path, 1024)
    many, more = decided(tmp_path, 5120)
    for decision, count in ((few, 1024), (many, 5120)):
        planted = count // STEP
        assert 2 * planted <= decision.dropped["duplicate"] <= 2.1 * planted
        assert 0.8 * planted <= decision.groups <= planted and decision.grouped >= 2 * decision.groups
    assert (more - less) / 4096 < 400, (less, more)  # bytes a picture
