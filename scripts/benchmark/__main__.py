"""Speed and memory as ratios, side by side in one run: `python -m scripts.benchmark [PART ...]`.

file     color a 12 MP JPEG file into a JPEG file, against Pillow decoding and re-encoding the same file
start    the command line in a fresh process, against importing torch
folder   a folder of photographs of 1 MP on the command line, against the network alone
network  the network alone, against a ResNet-18 U-Net of the usual design that predicts at full resolution
memory   peak over the idle, loaded process for 12, 24 and 50 MP, against the decoded picture
eval     the evaluation harness, against its colorizers and measures alone
build    the data set build's measures of a picture, against only decoding it
training our loop and its data path, against the plain loop of Pillow and scikit-image a picture; the step of the
         release's recipe on kept features, against the network's forward and backward alone
load     fifty clients at once against the page, good, broken and hostile; only when asked for (load.py)
page     what a browser waits for and receives, on a line without limits and on a slow one; only when asked for
eval-memory peak of `python -m eval run` over 5,000 pictures, against 500; only when asked for (minutes)

Each figure is the median of several rounds in which both sides take turns. --quick takes fewer rounds and leaves out
eval and build: under three minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from pathlib import Path

import torch

from colorization.files import write_text

from .build import benchmark_build
from .file import benchmark_file, benchmark_folder, benchmark_start
from .harness import benchmark_eval
from .index import benchmark_index
from .memory import MEMORY_SIZES, benchmark_memory
from .network import benchmark_network
from .training import benchmark_step, benchmark_training

PARTS = ["file", "start", "folder", "network", "memory", "eval", "build", "training"]
QUICK = ["file", "start", "folder", "network", "memory", "training"]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; load, page, eval-memory; default: all but these"
    )
    parser.add_argument("--clients", type=int, default=50, help="load: clients at once (default: %(default)s)")
    parser.add_argument("--data", type=Path, help="build, training: folder of JPEG pictures (default: drawn ones)")
    parser.add_argument("--index", type=int, default=0, help="build: decide about so many drawn pictures, too")
    parser.add_argument("--model", help="another model than the embedded one")
    parser.add_argument("--rounds", type=int, default=7, help="counted rounds (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="the parts that tell a machine, in under three minutes")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    args = parser.parse_args(arguments)
    unknown = set(args.parts) - {*PARTS, "load", "page", "eval-memory"}
    if unknown:
        parser.error(f"There is no part {', '.join(sorted(unknown))}; parts are {', '.join(PARTS)}.")
    if args.quick:
        args.rounds = min(args.rounds, 2)
    if args.rounds < 1:
        parser.error("--rounds must be at least 1.")
    if args.parts == ["load"]:
        from .load import benchmark_load

        return int(benchmark_load(args.model, args.clients)["errors"] > 0)
    if args.parts == ["page"]:
        from .page import benchmark_page

        benchmark_page(args.model, args.rounds)
        return 0
    if {"load", "page"} & {*args.parts}:
        parser.error("Parts load and page take the machine for themselves; ask for one alone.")
    parts = args.parts or (QUICK if args.quick else PARTS)

    rows = []
    if "file" in parts:
        rows += benchmark_file(args.model, args.rounds)
    if "start" in parts:
        rows += benchmark_start(args.model, args.rounds)
    if "folder" in parts:
        rows += benchmark_folder(args.model, 20 if args.quick else 200)
    if "network" in parts:
        rows += benchmark_network(args.model, args.rounds)
    if "memory" in parts:
        rows += benchmark_memory(args.model, {12: MEMORY_SIZES[12]} if args.quick else MEMORY_SIZES)
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
        rows += benchmark_step(args.rounds)
        if not args.quick:
            rows += benchmark_training(args.data, args.rounds)
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
