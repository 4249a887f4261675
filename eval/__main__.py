"""Measure colorizers: ``python -m eval run --data DIR --colorizer ours=embedded --output OUT``."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

import torch

from .results import summarize, to_markdown, write
from .runner import NEAR_GREY, run


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m eval", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("run", help="colour the grey versions of colour pictures, and measure")
    command.add_argument("--data", type=Path, required=True, help="folder of colour pictures")
    command.add_argument(
        "--colorizer",
        action="append",
        default=[],
        metavar="NAME=SPEC",
        help="a model (folder or Hub id) or 'embedded'; the grey floor is always measured too",
    )
    command.add_argument("--output", type=Path, required=True, help="folder for the results")
    command.add_argument("--size", type=int, help="reduce pictures to this long side first, in pixels")
    command.add_argument("--limit", type=int, help="measure only this many, spread over the set")
    args = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    if not args.data.is_dir():
        parser.error(f"{args.data} is not a folder.")
    colorizers = {"grey": "grey"}
    for text in args.colorizer:
        name, equals, spec = text.partition("=")
        if text == "grey":
            continue
        if not (name and equals and spec) or name in colorizers:
            parser.error(f"{text!r}: a colorizer is written NAME=SPEC, each with a name of its own.")
        colorizers[name] = spec
    try:
        rows, counts = run(args.data, colorizers, args.limit, args.size)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    if not rows:
        parser.error(f"{args.data}: no colour picture could be measured.")
    header = {"schema": 1, "data": str(args.data), "size": args.size, "near_grey": NEAR_GREY}
    header["torch"] = str(torch.__version__)
    write(args.output, rows, {**header, "colorizers": colorizers, **counts})
    print(to_markdown(summarize(rows)))
    print(f"{counts['pictures']} pictures, {counts['near_grey_left_out']} near-grey references left out.")
    for failure in counts["failures"]:
        print(failure, file=sys.stderr)
    return 1 if counts["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
