"""From file to file as people run it: one photograph, a cold start, a folder."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import torch
from PIL import Image

from colorization import load_pipeline
from colorization.files import save_picture
from colorization.model.images import read_photo

from .timing import compare, draw_photograph, run_python, take_turns

_IMPORTS = "import transformers.modeling_utils, transformers.image_processing_utils, transformers.pipelines"


class Stopwatch:
    """Seconds spent in a module's forward passes, one after another in one thread."""

    def __init__(self, module: torch.nn.Module) -> None:
        self.seconds, self._start = 0.0, 0.0
        module.register_forward_pre_hook(lambda *_: self._begin(), with_kwargs=True)
        module.register_forward_hook(lambda *_: self._end(), with_kwargs=True)

    def _begin(self) -> None:
        self._start = time.perf_counter()

    def _end(self) -> None:
        self.seconds += time.perf_counter() - self._start


def benchmark_file(model: str | None, rounds: int) -> list[dict]:
    """Color a 12 MP JPEG file into a JPEG file, whole and without the network's share."""
    pipe = load_pipeline(model, "cpu")
    watch = Stopwatch(pipe.model)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for kind, mode in (("RGB", "RGB"), ("grey", "L")):
            source, target = Path(folder) / f"{mode}.jpg", Path(folder) / "out.jpg"
            draw_photograph(4000, 3000, mode).save(source, quality=95)

            def copy(source: Path = source, target: Path = target) -> None:
                Image.open(source).convert("RGB").save(target, quality=95)

            def color(source: Path = source, target: Path = target) -> None:
                save_picture(pipe(read_photo(source)), target)

            watch.seconds = 0
            times = take_turns({"copy": copy, "color": color}, rounds)
            network = watch.seconds / (rounds + 1)  # the round that warms up is among them
            what = {
                "RGB": "12 MP RGB JPEG to colored JPEG{} / Pillow decoding and re-encoding it",
                "grey": "12 MP grey JPEG to colored JPEG{} / Pillow re-encoding it as RGB",
            }[kind]
            bound = {"RGB": 3.0, "grey": 2.5}[kind]
            rows.append(compare(what.format(""), times["color"], times["copy"]))
            rows.append(compare(what.format(" without the network"), times["color"] - network, times["copy"], bound))
    return rows


def benchmark_start(model: str | None, rounds: int) -> list[dict]:
    """Time fresh processes: help, and one small picture from the command line to its file."""
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "small.jpg"
        draw_photograph(400, 300, "L").save(source)
        chosen = ["--model", model] if model else []
        color = ["-m", "colorization", str(source), "-o", f"{name}/out", "--device", "cpu", *chosen]
        sides = {
            "import torch": lambda: run_python("-c", "import torch"),
            "help": lambda: run_python("-m", "colorization", "--help"),
            "color": lambda: run_python(*color),
            "transformers": lambda: run_python("-c", _IMPORTS),
        }
        times = take_turns(sides, rounds)
    return [
        compare("`python -m colorization --help` / `import torch`", times["help"], times["import torch"]),
        compare("one small picture, cold start to file / `import torch`", times["color"], times["import torch"], 1.6),
        compare("transformers' base classes alone / `import torch`", times["transformers"], times["import torch"]),
    ]


def benchmark_folder(model: str | None, count: int) -> list[dict]:
    """Color a folder of photographs of 1 MP, a picture, against the network alone.

    The start of the command is left out: a run over few pictures is subtracted.
    """
    few = 4
    pipe = load_pipeline(model, "cpu")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, number in (("few", few), ("many", few + count)):
            (folder / kind).mkdir()
            for place in range(number):
                picture = draw_photograph(1155, 866, "L") if not place else Image.open(folder / kind / "0.jpg")
                picture.save(folder / kind / f"{place}.jpg", quality=90)
        seconds = {}
        for kind in ("few", "many"):
            start = time.perf_counter()
            chosen = ["--model", model] if model else []
            run_python("-m", "colorization", f"{name}/{kind}", "-o", f"{name}/{kind}-out", "--device", "cpu", *chosen)
            seconds[kind] = time.perf_counter() - start
        watch = Stopwatch(pipe.model)
        photo = read_photo(folder / "many" / "0.jpg")
        pipe(photo)
        watch.seconds = 0
        rounds = min(count, 20)
        for _ in range(rounds):
            pipe(photo)
    ours, alone = (seconds["many"] - seconds["few"]) / count, watch.seconds / rounds
    return [compare(f"{count} photographs of 1 MP in a folder, each / the network alone", ours, alone, 1.25)]
