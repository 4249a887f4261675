"""The evaluation harness, against a plain loop over pictures and rows."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from colorization.model.color import rgb_to_lab, to_tensor

from .timing import compare, draw_photograph, take_turns


def benchmark_eval(model: str | None, rounds: int) -> list[dict]:
    """The harness against a plain loop: a picture after the other, each row measured alone against the truth."""
    from eval import runner
    from eval.figures import Truth, figures
    from eval.inputs import make_input
    from eval.pictures import open_set

    count = 24
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(count):
            picture = draw_photograph(320, 240, "RGB").rotate(3 * number, expand=False)
            picture.save(folder / f"{number}.jpg", quality=92)
        pictures, _ = open_set(name)
        options = runner.Options(
            name, {"ours": model or "embedded"}, sky_dependence=False, sweep=0, inception="none"
        )  # fmt: skip
        statistics_ = runner.set_statistics(pictures)
        colorizers = runner.make_all(options, statistics_, [p.path for p in pictures], "cpu")
        bench, _ = runner.make_bench(colorizers, options, statistics_, "cpu", None)

        def tensor(picture: Image.Image | np.ndarray) -> torch.Tensor:
            return to_tensor(picture)

        @torch.inference_mode()
        def plain() -> None:
            for picture in pictures:
                rgb = picture.read().rgb
                grey = make_input(rgb)
                for name, colorizer in colorizers.items():
                    made = tensor(colorizer(Image.fromarray(rgb) if name == "truth" else grey, ""))
                    figures(made, Truth.of(tensor(rgb)), rgb_to_lab(tensor(grey)), bench)
                    for extract in bench.features.values():
                        extract(made)

        def harness() -> None:
            bench.thumbnails = folder / "thumbnails"
            runner.measure_all(pictures, bench, folder / "records.jsonl", (), quiet=True)

        times = take_turns({"plain": plain, "harness": harness}, rounds)
    what = f"the harness on {count} pictures of 320 px / a plain loop over pictures and rows"
    return [compare(what, times["harness"], times["plain"], 0.9)]
