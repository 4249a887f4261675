"""What the data set build measures of a picture, against Pillow decoding the same files."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from PIL import Image

from colorization.model.images import read_picture

from .timing import compare, draw_photograph, take_turns


def benchmark_build(data: Path | None, rounds: int) -> list[dict]:
    """Measure pictures as the build does, on one core.

    Args:
        data: folder of JPEG pictures; None for drawn ones.
        rounds: counted rounds.
    """
    from colorization.data.clean import measure

    with tempfile.TemporaryDirectory() as name:
        if data is None:
            for number in range(200):
                picture = draw_photograph(512, 384, "RGB").rotate(number, expand=False)
                picture.save(Path(name) / f"{number}.jpg", quality=85)
        files = sorted(path for path in (data or Path(name)).rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
        files = files[:: max(1, len(files) // 1000)]

        def bare() -> None:
            for file in files:
                Image.open(file).convert("RGB")

        def ours() -> None:
            for first in range(0, len(files), 512):
                measure(read_picture(file.read_bytes(), name=file.name) for file in files[first : first + 512])

        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        times = take_turns({"bare": bare, "ours": ours}, rounds)
        torch.set_num_threads(threads)
    what = f"the data set build measuring {len(files)} pictures / Pillow decoding them, one core"
    return [compare(what, times["ours"], times["bare"], 2.5)]
