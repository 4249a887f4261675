"""What deciding about many pictures costs: ``python -m scripts.benchmark build --index 200000``.

Copies and splits are found from hashes and grey copies of 16 × 16 px, so these are drawn, and not photographs: fractal
noise under a vertical gradient, whose hashes fill their bands about as unevenly as those of landscapes do.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from tqdm import tqdm

from colorization.data.clean import perceptual_hashes
from colorization.data.copies import SIGNATURE
from colorization.data.options import BuildOptions
from colorization.data.plan import decide
from colorization.data.portions import MEASURES, PORTION
from colorization.data.shards import Store

from .timing import run_python

SIDE = 32  # px, of the copy that is hashed
STEP = 32  # of so many pictures one is a copy of another, one its mirror image, one shows the same scene


def draw(chance: np.random.Generator, count: int) -> np.ndarray:
    """Grey landscapes [count, 32, 32], 0 to 255; some are copies of others, mirrored, or of the same scene."""
    frequency = np.hypot(*np.meshgrid(np.fft.rfftfreq(SIDE), np.fft.fftfreq(SIDE)))
    frequency[0, 0] = 1
    grey = np.fft.irfft2(np.fft.rfft2(chance.normal(size=(count, SIDE, SIDE))) / frequency**1.2, (SIDE, SIDE))
    grey = (grey - grey.mean((1, 2), keepdims=True)) / grey.std((1, 2), keepdims=True)
    down = np.linspace(1, -1, SIDE)[:, None]
    grey += chance.normal(0.6, 0.6, (count, 1, 1)) * down
    grey[1::STEP] = grey[::STEP] + chance.normal(0, 0.01, grey[::STEP].shape)
    grey[2::STEP] = grey[::STEP, :, ::-1]
    grey[3::STEP] = grey[::STEP] + 0.6 * down.T
    return (128 + 40 * grey).clip(0, 255).round()


def write_index(store: Store, count: int) -> None:
    """What the step before ``decide`` leaves for ``count`` pictures, of 20 scenes."""
    for number in tqdm(range(-(-count // PORTION)), desc=f"draw {count:,}", leave=False, disable=None):
        chance = np.random.default_rng(number)
        rows = min(PORTION, count - number * PORTION)
        grey = draw(chance, PORTION)[:rows]
        plain, mirrored = perceptual_hashes(grey)
        half = SIDE // SIGNATURE
        small = grey.reshape(rows, SIGNATURE, half, SIGNATURE, half).mean((2, 4)).round().astype(np.uint8)
        drawn = {
            "file": [f"drawn/{number:06d}/{row:03d}.jpg" for row in range(rows)],
            "source": ["drawn"] * rows,
            "scene": [f"scene {scene}" for scene in chance.integers(0, 20, rows)],
            "width": np.full(rows, 256, np.int32),
            "height": np.full(rows, 192, np.int32),
            "phash": plain,
            "phash_mirrored": mirrored,
            "signature": [picture.tobytes() for picture in small],
            "bytes": chance.integers(10_000, 20_000, rows),
            "digest": chance.integers(0, 2**64, rows, dtype=np.uint64),
        }
        rest = {"reason": [""] * rows, "split": [""] * rows, "value": [""] * rows}
        columns = []
        for field in MEASURES:
            values = drawn.get(field.name, rest.get(field.name))
            columns.append(pa.nulls(rows, field.type) if values is None else pa.array(values, field.type))
        store.write(f"measures/{number:06d}.parquet", [pa.Table.from_arrays(columns, schema=MEASURES)], MEASURES)


def anonymous_bytes() -> int:
    """Memory of this process that is no part of a file: what the system cannot take back at will."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("RssAnon"))) * 1024


def measure(count: int) -> dict[str, float]:
    """Seconds, and bytes over those of the loaded process, of one ``decide`` in this process."""
    with tempfile.TemporaryDirectory() as folder:
        warm, store = Store(f"{folder}/warm"), Store(f"{folder}/index")
        write_index(warm, 2 * PORTION)
        decide([warm], warm, BuildOptions(sky=False))
        write_index(store, count)
        idle = peak = anonymous_bytes()
        running = True

        def watch() -> None:
            nonlocal peak
            while running:
                peak = max(peak, anonymous_bytes())
                time.sleep(0.005)

        watcher = threading.Thread(target=watch)
        watcher.start()
        begin = time.process_time()
        decision = decide([store], store, BuildOptions(sky=False))
        seconds = time.process_time() - begin
        running = False
        watcher.join()
    return {
        "seconds": seconds, "bytes": peak - idle, "dropped": decision.dropped.total(), "groups": decision.groups,
        "most": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }  # fmt: skip


def benchmark_index(count: int) -> list[dict]:
    """Time and memory of ``decide`` for ``count`` pictures and for a quarter of them: 4 is linear, 16 is quadratic."""
    found = {}
    for number in (count // 4, count):
        found[number] = json.loads(run_python("-m", __name__, str(number)).splitlines()[-1])
    less, more = found[count // 4], found[count]
    what = f"deciding about {count:,} pictures ({more['dropped']:,} copies) / a quarter of them"
    return [
        {"what": f"{what}: time", "seconds": more["seconds"], "baseline_seconds": less["seconds"],
         "ratio": more["seconds"] / less["seconds"], "bound": 17.0},
        {"what": f"{what}: memory", "bytes": more["bytes"], "baseline_bytes": less["bytes"],
         "ratio": more["bytes"] / max(1, less["bytes"]), "bound": 4.5},
    ]  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int, help="pictures")
    print(json.dumps(measure(parser.parse_args().count)))
