"""The benchmark's probes run: a process of their own sees no name of the module that starts it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from scripts.benchmark.__main__ import main
from scripts.benchmark.eval_memory import benchmark_eval_memory
from scripts.benchmark.memory import benchmark_memory


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_memory_of_a_picture_is_measured() -> None:
    (row,) = benchmark_memory(None, {3: (2048, 1536)})
    assert row["baseline_bytes"] == 2048 * 1536 * 3
    assert row["baseline_bytes"] / 2 < row["bytes"] < 100 * row["baseline_bytes"]  # a copy of it is held at least


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "wait4"), reason="peaks of processes are read with wait4")
def test_memory_of_the_harness_is_measured() -> None:
    (row,) = benchmark_eval_memory((2, 12))
    assert 0.8 < row["ratio"] < 1.2 and row["bytes"] > 100_000_000  # torch alone is that


def test_a_file_is_measured_with_and_without_the_network(tiny_model_dir: Path, tmp_path: Path, capsys) -> None:
    assert main(["file", "--rounds", "1", "--model", str(tiny_model_dir), "--json", str(tmp_path / "rows.json")]) == 0
    rows = json.loads((tmp_path / "rows.json").read_text(encoding="utf-8"))["rows"]
    assert len(rows) == 4 and all(row["ratio"] == row["seconds"] / row["baseline_seconds"] for row in rows)
    for whole, rest in zip(rows[::2], rows[1::2], strict=True):
        assert 0 < rest["seconds"] < whole["seconds"] and rest["baseline_seconds"] == whole["baseline_seconds"]
    table = capsys.readouterr().out
    assert all(row["what"] in table for row in rows)
