"""Build a clean data set of landscape photographs from folders, archives, Parquet files and data sets of the Hub.

    python scripts/build_dataset.py photos/ more.zip hf://datasets/user/name --output dataset/
    python scripts/build_dataset.py DATA --splits-from DATA/manifest.csv --output dataset/
    python scripts/build_dataset.py SOURCE --output /shared/dataset --shard 1/4   # on each of four machines
    python scripts/build_dataset.py --merge --output /shared/dataset              # then once

It can be stopped at any time and continued with the same command. Exit status: 0 done, 1 it could not be done (a
sentence says why), 2 wrong usage.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging

from .build import build, merge
from .clean import Filters
from .options import BuildError, BuildOptions
from .sources import SourceError
from .splits import parse_shares


def parse_part(text: str) -> tuple[int, int]:
    try:
        number, total = (int(part) for part in text.split("/"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"write it as 1/4, not {text!r}") from None
    if not 1 <= number <= total:
        raise argparse.ArgumentTypeError(f"the first number must be from 1 to {total}, not {number}")
    return number - 1, total


def parse_filters(settings: list[str]) -> Filters:
    """``name=value`` for fields of :class:`Filters`."""
    types = {name: type(value) for name, value in dataclasses.asdict(Filters()).items()}
    changed = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        if name not in types:
            raise ValueError(f"{name}: there is no such filter; there are {', '.join(types)}.")
        changed[name] = types[name](value)
    return Filters(**changed)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", nargs="*", metavar="SOURCE", help="folder, archive, Parquet file or address")
    parser.add_argument("--output", required=True, help="folder of the data set; for parts also an address")
    parser.add_argument(
        "--splits", default="80/10/10", help="train/validation/test, or train/test (default: %(default)s)"
    )
    parser.add_argument("--splits-from", default="", help="CSV with columns path and split, or 'split' for that column")
    parser.add_argument(
        "--share-tolerance",
        type=float,
        default=BuildOptions.share_tolerance,
        metavar="POINTS",
        help="how far a split's share may be off in a scene; with 100 no split ever changes (default: %(default)s)",
    )
    parser.add_argument(
        "--same-scene",
        type=int,
        default=BuildOptions.same_scene_bits,
        metavar="BITS",
        help="pictures whose hashes differ in so few bits stay in one split; 0: only copies (default: %(default)s)",
    )
    parser.add_argument("--filter", action="append", default=[], metavar="NAME=VALUE", help="change a threshold")
    parser.add_argument(
        "--licence", action="append", default=[], metavar="[SOURCE=]TEXT", help="licence of the pictures"
    )
    parser.add_argument("--no-sky", action="store_true", help="do not look for the sky")
    parser.add_argument(
        "--sky-model", default="", help="another segmentation model with a class 'sky': folder or Hub id"
    )
    parser.add_argument(
        "--reencode", type=int, default=0, metavar="QUALITY", help="write JPEGs anew (default: keep bytes)"
    )
    parser.add_argument("--max-side", type=int, default=0, help="with --reencode: longest side in pixels")
    parser.add_argument("--shard-rows", type=int, default=2048, help="pictures a Parquet file (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=0, help="processes (default: one a core)")
    parser.add_argument("--shard", type=parse_part, metavar="I/N", help="build only part I of N, to be merged")
    parser.add_argument("--merge", action="store_true", help="join the parts under --output")
    args = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if bool(args.sources) == args.merge:
        parser.error("give sources to build from, or --merge")
    if args.merge and args.shard:
        parser.error("--merge joins all parts; leave out --shard")
    try:
        licences = dict(text.split("=", 1) if "=" in text else ("", text) for text in args.licence)
        options = BuildOptions(
            filters=parse_filters(args.filter), shares=parse_shares(args.splits), share_tolerance=args.share_tolerance,
            same_scene_bits=args.same_scene, splits_from=args.splits_from, licences=licences, sky=not args.no_sky,
            sky_model=args.sky_model, reencode=args.reencode, max_side=args.max_side, shard_rows=args.shard_rows,
            workers=args.workers,
        )  # fmt: skip
    except ValueError as error:
        parser.error(str(error))
    try:
        if args.merge:
            logging.info("%s", merge(args.output, options))
        else:
            logging.info("%s", build(args.sources, args.output, options, args.shard or (0, 1)))
    except (BuildError, SourceError) as error:
        logging.error("%s", error)
        return 1
    return 0
