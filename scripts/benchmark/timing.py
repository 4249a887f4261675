"""What all parts of the benchmark share: a drawn photograph, and both sides of a figure in turns."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm


def draw_photograph(width: int, height: int, mode: str) -> Image.Image:
    """A picture as hard to encode as a photograph: smooth light, texture on all scales, some grain."""
    chance = np.random.default_rng(0)
    picture = np.zeros((height, width), np.float32)
    for cells in (3, 12, 48, 192, 768):
        noise = Image.fromarray(chance.random((cells * height // width + 2, cells + 2), np.float32))
        picture += np.asarray(noise.resize((width, height), Image.Resampling.BICUBIC)) / cells**0.5
    picture = (picture - picture.min()) / np.ptp(picture) * 235 + 10 + chance.normal(0, 1.5, picture.shape)
    grey = Image.fromarray(picture.clip(0, 255).astype(np.uint8))
    if mode == "L":
        return grey
    tint = [grey.point([min(255, int(value * factor)) for value in range(256)]) for factor in (1.05, 1.0, 0.85)]
    return Image.merge("RGB", tint)


def take_turns(sides: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each side; one round is for warming up and not counted."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for number in tqdm(range(rounds + 1), desc=" / ".join(sides), leave=False, disable=None):
        for name, run in sides.items():
            start = time.perf_counter()
            run()
            if number:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def compare(what: str, ours: float, against: float, bound: float | None = None) -> dict:
    """Make a row of the table: seconds of both sides, their ratio, and the ratio aimed at."""
    return {"what": what, "seconds": ours, "baseline_seconds": against, "ratio": ours / against, "bound": bound}


def run_python(*arguments: str) -> str:
    """Run Python on this project in a fresh process and return what it prints.

    Raises:
        SystemExit: with the end of its errors, if it fails.
    """
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"A process of the benchmark failed:\n{done.stderr[-2000:]}")
    return done.stdout
