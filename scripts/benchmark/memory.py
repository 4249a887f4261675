"""Peak memory over the idle, loaded process, against the decoded picture."""

from __future__ import annotations

import tempfile
from pathlib import Path

from .timing import draw_photograph, run_python

_MEMORY_PROBE = """
import resource, sys, threading, time
from pathlib import Path
from colorization import load_pipeline
from colorization.files import save_picture
from colorization.model.images import read_photo
model, small, source, target = sys.argv[1:]
pipe = load_pipeline(model or None, "cpu")
save_picture(pipe(read_photo(small)), target)  # all that is made once is made
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
idle = peak = resident()
running = True
def watch():
    global peak
    while running:
        peak = max(peak, resident())
        time.sleep(0.001)
watcher = threading.Thread(target=watch)
watcher.start()
save_picture(pipe(read_photo(source)), target)
running = False
watcher.join()
print(peak - idle)
"""


MEMORY_SIZES = {12: (4000, 3000), 24: (6000, 4000), 50: (8660, 5774)}  # megapixels to width and height


def benchmark_memory(model: str | None, sizes: dict[int, tuple[int, int]] = MEMORY_SIZES) -> list[dict]:
    """Watch what a process holds at most over what it held idle, a picture of each size (megapixels: px)."""
    if not Path("/proc/self/statm").exists():
        return []
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw_photograph(1600, 1200, "RGB").save(folder / "small.jpg")
        for megapixels, size in sizes.items():
            draw_photograph(*size, "RGB").save(folder / "large.jpg", quality=95)
            files = [str(folder / file) for file in ("small.jpg", "large.jpg", "out.jpg")]
            peak, decoded = int(run_python("-c", _MEMORY_PROBE, model or "", *files)), size[0] * size[1] * 3
            rows.append(
                {
                    "what": f"{megapixels} MP: peak memory over idle / the decoded picture",
                    "bytes": peak,
                    "baseline_bytes": decoded,
                    "ratio": peak / decoded,
                    "bound": 2.0,
                }
            )
    return rows
