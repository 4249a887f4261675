"""Peak memory of `python -m eval run` over the number of pictures: it should not grow with them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

_SIDE = 32  # px
COUNTS = (500, 5000)


def warm(grey: Image.Image) -> Image.Image:
    """Color in no time: a colorizer for measuring what measures."""
    return Image.merge("RGB", [grey.getchannel(0).point(lambda value, f=f: value * f) for f in (1.0, 0.9, 0.7)])


def peak_of_a_run(count: int, folder: Path) -> int:
    """Bytes that a run over ``count`` drawn pictures of 32 px holds at most.

    Raises:
        SystemExit: if the run fails.
    """
    (folder / "pictures").mkdir(parents=True)
    chance = np.random.default_rng(0)
    for number in range(count):
        cells = Image.fromarray(chance.integers(0, 256, (5, 5, 3), np.uint8))
        cells.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC).save(folder / "pictures" / f"{number:05d}.png")
    command = [sys.executable, "-m", "eval", "run", "--data", f"{folder}/pictures", "--output", f"{folder}/out"]
    command += ["--colorizer", f"warm={__name__}:warm", "--inception", "none", "--sweep", "0"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"The run failed:\n{(folder / 'log').read_text()[-2000:]}")
    return usage.ru_maxrss * 1024  # kilobytes on Linux


def benchmark_eval_memory(counts: tuple[int, int] = COUNTS) -> list[dict]:
    """The peak of a run over many pictures against that over few."""
    few, many = counts
    with tempfile.TemporaryDirectory() as name:
        peaks = [peak_of_a_run(count, Path(name) / str(count)) for count in counts]
    return [
        {
            "what": f"peak memory of `python -m eval run` over {many} pictures of {_SIDE} px / over {few}",
            "bytes": peaks[1],
            "baseline_bytes": peaks[0],
            "ratio": peaks[1] / peaks[0],
            "bound": None,
        }
    ]
