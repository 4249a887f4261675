"""Speed and memory as ratios, side by side in one run: `python -m scripts.benchmark [PART ...]`.

file     colour a 12 MP JPEG file into a JPEG file, against Pillow decoding and re-encoding the same file
network  the network alone, against a ResNet-18 U-Net of the usual design that predicts at full resolution
eval     the evaluation harness, against its colorizers and measures alone
build    the data set build's measures of a picture, against only decoding it
training our loop and its data path, against the plain loop of Pillow and scikit-image a picture
load     fifty clients at once against the page, good, broken and hostile; only when asked for (load.py)
memory   peak over the idle, loaded process for 12, 24 and 50 MP, against the decoded picture
eval-memory peak of `python -m eval run` over 5,000 pictures, against 500; only when asked for (minutes)

Each figure is the median of several rounds in which both sides take turns.
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torchvision.models import resnet18
from tqdm import tqdm

from colorization import load_pipeline
from colorization.files import save_picture, write_text
from colorization.model.color import rgb_to_lab, to_tensor
from colorization.model.images import read_photo, read_picture

from .index import benchmark_index

PARTS = ["file", "network", "memory", "eval", "build", "training"]
WORKING_SIZE = 512  # px; of the network comparison


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


def take_turns(sides: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each side; one round is for warming up and not counted."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for number in tqdm(range(rounds + 1), desc=" / ".join(sides), leave=False, disable=None):
        for name, run in sides.items():
            start = time.perf_counter()
            run()
            if number:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def benchmark_file(model: str | None, rounds: int) -> list[dict]:
    pipe = load_pipeline(model, "cpu")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for kind, mode in (("RGB", "RGB"), ("grey", "L")):
            source, target = Path(folder) / f"{mode}.jpg", Path(folder) / "out.jpg"
            draw_photograph(4000, 3000, mode).save(source, quality=95)

            def copy(source: Path = source, target: Path = target) -> None:
                Image.open(source).save(target, quality=95)

            def colour(source: Path = source, target: Path = target) -> None:
                save_picture(pipe(read_photo(source)), target)

            def colour_copy(source: Path = source, target: Path = target) -> None:
                Image.open(source).convert("RGB").save(target, quality=95)

            times = take_turns({"copy": copy, "colour": colour, "RGB copy": colour_copy}, rounds)
            rows.append(
                {
                    "what": f"12 MP {kind} JPEG to coloured JPEG / Pillow decoding and re-encoding it",
                    "seconds": times["colour"],
                    "baseline_seconds": times["copy"],
                    "ratio": times["colour"] / times["copy"],
                    "bound": 4.0,
                }
            )
            if mode == "L":  # a grey file holds a third of the samples that any coloured result holds
                rows.append(
                    {
                        "what": "12 MP grey JPEG to coloured JPEG / Pillow re-encoding it as RGB",
                        "seconds": times["colour"],
                        "baseline_seconds": times["RGB copy"],
                        "ratio": times["colour"] / times["RGB copy"],
                        "bound": None,
                    }
                )
    return rows


class UsualUNet(nn.Module):
    """ResNet-18 U-Net as commonly written: to stride 32, double convolutions, four skips, output at full resolution."""

    def __init__(self) -> None:
        super().__init__()
        net = resnet18(weights=None)
        self.stem = nn.Sequential(net.conv1, net.bn1, net.relu)
        self.pool = net.maxpool
        self.stages = nn.ModuleList((net.layer1, net.layer2, net.layer3, net.layer4))
        widths, skips = (512, 256, 128, 64, 64), (256, 128, 64, 64)
        self.ups = nn.ModuleList(nn.ConvTranspose2d(i, o, 2, stride=2) for i, o in itertools.pairwise(widths))
        self.mixes = nn.ModuleList(self._double(o + s, o) for o, s in zip(widths[1:], skips, strict=True))
        self.last = nn.Sequential(nn.ConvTranspose2d(64, 32, 2, stride=2), self._double(32, 32), nn.Conv2d(32, 2, 1))

    @staticmethod
    def _double(in_channels: int, out_channels: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        for channels in (in_channels, out_channels):
            convolution = nn.Conv2d(channels, out_channels, 3, padding=1, bias=False)
            layers += [convolution, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True)]
        return nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        skips = [x]
        x = self.pool(x)
        for stage in self.stages:
            x = stage(x)
            skips.append(x)
        x = skips.pop()
        for up, mix in zip(self.ups, self.mixes, strict=True):
            x = mix(torch.cat((up(x), skips.pop()), dim=1))
        return self.last(x).tanh()


def benchmark_network(model: str | None, rounds: int, bf16: bool) -> list[dict]:
    ours = load_pipeline(model, "cpu").model
    usual = UsualUNet().eval().to(memory_format=torch.channels_last)
    x = torch.randn(1, 3, WORKING_SIZE, WORKING_SIZE).contiguous(memory_format=torch.channels_last)
    rows = []
    for name, dtype in (("fp32", None), ("bf16 autocast", torch.bfloat16)):
        if dtype and not bf16:
            continue

        def forward(network: nn.Module, dtype: torch.dtype | None = dtype) -> None:
            with torch.inference_mode(), torch.autocast("cpu", dtype or torch.bfloat16, enabled=dtype is not None):
                network(x)

        times = take_turns({"usual": lambda: forward(usual), "ours": lambda: forward(ours)}, rounds)
        rows.append(
            {
                "what": f"network at {WORKING_SIZE} px, {name} / usual ResNet-18 U-Net with output at full resolution",
                "seconds": times["ours"],
                "baseline_seconds": times["usual"],
                "ratio": times["ours"] / times["usual"],
                "bound": 0.5,
            }
        )
    return rows


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


_MEMORY_SIZES = {12: (4000, 3000), 24: (6000, 4000), 50: (8660, 5774)}  # megapixels to width and height


def benchmark_memory(model: str | None, sizes: dict[int, tuple[int, int]] = _MEMORY_SIZES) -> list[dict]:
    if not Path("/proc/self/statm").exists():
        return []
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw_photograph(1600, 1200, "RGB").save(folder / "small.jpg")
        for megapixels, size in sizes.items():
            draw_photograph(*size, "RGB").save(folder / "large.jpg", quality=95)
            files = [str(folder / file) for file in ("small.jpg", "large.jpg", "out.jpg")]
            command = [sys.executable, "-c", _MEMORY_PROBE, model or "", *files]
            result = subprocess.run(command, capture_output=True, text=True, check=False)
            if result.returncode:
                raise SystemExit(f"The memory probe failed:\n{result.stderr}")
            decoded = size[0] * size[1] * 3
            rows.append(
                {
                    "what": f"{megapixels} MP: peak memory over idle / the decoded picture",
                    "bytes": int(result.stdout),
                    "baseline_bytes": decoded,
                    "ratio": int(result.stdout) / decoded,
                    "bound": 3.0,
                }
            )
    return rows


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
    return [
        {
            "what": f"the harness on {count} pictures of 320 px / a plain loop over pictures and rows",
            "seconds": times["harness"],
            "baseline_seconds": times["plain"],
            "ratio": times["harness"] / times["plain"],
            "bound": 0.9,
        }
    ]


def benchmark_build(data: Path | None, rounds: int) -> list[dict]:
    """What the data set build measures of a picture, against Pillow decoding the same files, one core."""
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
    return [
        {
            "what": f"the data set build measuring {len(files)} pictures / Pillow decoding them, one core",
            "seconds": times["ours"],
            "baseline_seconds": times["bare"],
            "ratio": times["ours"] / times["bare"],
            "bound": 2.5,
        }
    ]


def has_fast_bf16() -> bool:
    """Whether this processor computes bf16 itself; PyTorch emulates it elsewhere, a hundred times slower."""
    flags = Path("/proc/cpuinfo")
    return flags.exists() and any(name in flags.read_text() for name in ("avx512_bf16", "amx_bf16"))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; load, eval-memory; default: all but these two"
    )
    parser.add_argument("--clients", type=int, default=50, help="load: clients at once (default: %(default)s)")
    parser.add_argument("--data", type=Path, help="build, training: folder of JPEG pictures (default: drawn ones)")
    parser.add_argument("--index", type=int, default=0, help="build: decide about so many drawn pictures, too")
    parser.add_argument("--model", help="another model than the embedded one")
    parser.add_argument("--rounds", type=int, default=7, help="counted rounds (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    args = parser.parse_args(arguments)
    unknown = set(args.parts) - {*PARTS, "load", "eval-memory"}
    if unknown:
        parser.error(f"There is no part {', '.join(sorted(unknown))}; parts are {', '.join(PARTS)}.")
    if args.rounds < 1:
        parser.error("--rounds must be at least 1.")
    if args.parts == ["load"]:
        from .load import benchmark_load

        return int(benchmark_load(args.model, args.clients)["errors"] > 0)
    if "load" in args.parts:
        parser.error("Part load takes the machine for itself; ask for it alone.")
    parts = args.parts or PARTS

    rows = []
    if "file" in parts:
        rows += benchmark_file(args.model, args.rounds)
    if "network" in parts:
        bf16 = has_fast_bf16()
        rows += benchmark_network(args.model, args.rounds, bf16)
        if not bf16:
            print("bf16 was not measured: this processor has no bf16 arithmetic.")
    if "memory" in parts:
        rows += benchmark_memory(args.model)
    if "eval" in parts:
        rows += benchmark_eval(args.model, args.rounds)
    if "eval-memory" in parts:
        from .eval_memory import benchmark_eval_memory

        rows += benchmark_eval_memory()
    if "build" in parts:
        rows += benchmark_build(args.data, args.rounds)
        if args.index:
            rows += benchmark_index(args.index)
    if "training" in parts:
        from .training import benchmark_training

        rows += benchmark_training(args.data, args.rounds, draw_photograph)
    machine = (
        f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, PyTorch {torch.__version__}"
    )
    print(f"\n{machine}; median of {args.rounds} rounds\n")
    print("| what | ours | against | ratio | at most |\n|---|---|---|---|---|")
    for row in rows:
        if "seconds" in row:
            sides = f"{row['seconds'] * 1e3:.0f} ms | {row['baseline_seconds'] * 1e3:.0f} ms"
        else:
            sides = f"{row['bytes'] / 1e6:.0f} MB | {row['baseline_bytes'] / 1e6:.0f} MB"
        print(f"| {row['what']} | {sides} | {row['ratio']:.2f} | {row['bound'] or '–'} |")
    if args.json:
        write_text(args.json, json.dumps({"machine": machine, "rounds": args.rounds, "rows": rows}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
