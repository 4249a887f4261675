"""Measure colorizers.

python -m eval run --data DIR --colorizer ours=embedded --colorizer theirs=folder:DIR --output OUT
python -m eval compare A.json [B.json ...]
python -m eval report OUT [OUT ...]
python -m eval push OUT/results.json --dataset ORG/NAME
python -m eval list
python -m eval calibrate --data DIR
"""

from __future__ import annotations

import argparse
import logging
import os
import shlex
import sys
from functools import partial
from pathlib import Path

from colorization.extras import need

need("eval")
from . import compare, push, results  # noqa: E402
from .measures import MEASURES, SKY_CUT_MEASURES  # noqa: E402

_RUN = """\
colorizers (NAME=SPEC, or SPEC alone for grey):
  ours=embedded            the model that comes with the project
  ours=DIR or ORG/NAME     a model of this project, from a folder or the Hub
  theirs=folder:DIR        finished pictures, each under the name of its reference (any suffix)
  mine=module:function     Python: Pillow picture (RGB, grey) to Pillow picture (RGB, same size), array or .images
  dd=ddcolor[:HUB_ID]      DDColor; also zhang:eccv16, zhang:siggraph17, deoldify:artistic, deoldify:stable
  file=onnx:FILE           an ONNX file: of scripts/export_onnx.py, L* to ab, or grey RGB to ab
  web=space:ORG/NAME[#/API] or http(s)://...   a Gradio Space; a service that gets a PNG and answers with a picture
The rows 'grey', 'mean' (one color for all pixels) and 'truth' are always in the table.

examples:
  python -m eval run --data photos --colorizer ours=embedded --output results
  python -m eval run --data photos --colorizer ours=embedded --degradation fade --output results-faded
  accelerate launch --num_processes 4 -m eval run --data ORG/DATASET --colorizer ours=ORG/MODEL --output results
A run that is stopped goes on where it was when the same command is given again.
"""


def main(arguments: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(
        prog="python -m eval", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    _add_run(commands)
    command = commands.add_parser("compare", help="what is and what is not different between colorizers")
    compare.add_arguments(command)
    command = commands.add_parser("report", help="write REPORT.md and report.html of one results folder, or of several")
    command.add_argument("folders", type=Path, nargs="+", metavar="RESULTS", help="results folder")
    command.add_argument("--output", type=Path, help="folder for the report of several runs")
    command = commands.add_parser("push", help="put figures on the Hub; without --send only say what would go there")
    push.add_arguments(command)
    commands.add_parser("list", help="all figures with their formula, range, direction and source")
    command = commands.add_parser(
        "calibrate", help="count how many real photographs the sepia and one-hue thresholds flag"
    )
    command.add_argument("--data", required=True, help="folder, data set or Hub id of color pictures")
    command.add_argument("--split", default="validation")
    command.add_argument("--manifest", type=Path, metavar="CSV", help="describes the pictures (default: manifest.csv)")
    args = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("eval").setLevel(logging.INFO)
    try:
        if args.command == "run":
            return _run(args, parser, arguments)
        if args.command == "compare":
            return compare.run(args)
        if args.command == "push":
            return push.run(args)
        if args.command == "report":
            from .report import write_joint_report, write_report

            if len(args.folders) > 1 and args.output is None:
                raise ValueError("A report of several runs needs a folder of its own: --output DIR.")
            if args.output:
                write_joint_report(args.folders, args.output)
            else:
                write_report(args.folders[0])
            print((args.output or args.folders[0]) / "report.html")
        elif args.command == "calibrate":
            from .calibration import calibrate

            print(calibrate(args.data, args.split, args.manifest))
        else:
            print(describe())
    except (ValueError, OSError) as error:
        parser.error(str(error))
    return 0


def _add_run(commands: argparse._SubParsersAction) -> None:
    from .inputs import DEGRADATIONS, KINDS

    command = commands.add_parser(
        "run",
        help="color the grey versions of color pictures, and measure",
        epilog=_RUN,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = command.add_argument
    add("--data", required=True, help="folder of color pictures, data set of scripts/build_dataset.py, or Hub id")
    add("--split", default="test", help="of a data set (default: test)")
    add("--manifest", type=Path, metavar="CSV", help="describes the pictures of a folder (default: its manifest.csv)")
    add("--colorizer", action="append", default=[], metavar="NAME=SPEC", help="see below; may be given several times")
    add("--output", type=Path, required=True, help="folder for the results")
    add("--size", type=int, help="reduce pictures to this long side first, in pixels (default: native)")
    add("--limit", type=int, help="measure only this many, spread over the set")
    kinds = "; ".join(f"{name}: {what}" for name, what in KINDS.items()).replace("%", "%%")
    add("--input", choices=KINDS, default="lab-l", help=f"how the grey picture is made ({kinds})")
    kinds = "; ".join(f"{name}: {what}" for name, what in DEGRADATIONS.items()).replace("%", "%%")
    add("--degradation", choices=DEGRADATIONS, help=f"age the grey picture first ({kinds}); see the color PSNR then")
    add("--lpips", nargs="+", choices=("squeeze", "alex", "vgg"), default=["squeeze"], help="backbones of LPIPS")
    add("--inception", default="download", metavar="FILE", help="weights for FID and KID: a file, or 'none'")
    add("--no-sky-dependence", action="store_true", help="skip cutting the sky away (saves half of the time)")
    add("--sweep", type=int, default=40, metavar="N", help="pictures to color at several sizes (default: 40; 0: none)")
    add("--legacy", action="store_true", help="also the figures that earlier landscape colorizers printed")
    add("--device", default="auto", help="auto, cpu or cuda")
    add("--fresh", action="store_true", help="begin anew where the output folder holds another run")


def _run(args: argparse.Namespace, parser: argparse.ArgumentParser, arguments: list[str]) -> int:
    from .colorizers import CEILING, FLOORS
    from .pictures import open_set
    from .runner import NEAR_GREY, Options, run

    for name, value in (("--size", args.size), ("--limit", args.limit)):
        if value is not None and value < 1:
            parser.error(f"{name} must be at least 1, not {value}.")
    colorizers: dict[str, str] = {}
    for text in args.colorizer:
        name, equals, spec = text.partition("=")
        if text in (*FLOORS, CEILING):
            continue  # always there
        if not (name and equals and spec):
            parser.error(f"{text!r}: a colorizer is written NAME=SPEC.")
        if (
            name in colorizers
            or name in (*FLOORS, CEILING, "input")
            or not name.replace("-", "").replace("_", "").isalnum()
        ):
            parser.error(f"{text!r}: each colorizer needs a name of its own, of letters, digits, '-' and '_'.")
        colorizers[name] = spec
    pictures, described = open_set(args.data, args.split, args.limit, args.manifest)
    options = Options(
        data=args.data,
        colorizers=colorizers,
        split=args.split,
        size=args.size,
        limit=args.limit,
        input_kind=args.input,
        degradation=args.degradation,
        lpips=tuple(args.lpips),
        inception=args.inception,
        sky_dependence=not args.no_sky_dependence,
        sweep=args.sweep,
        legacy=args.legacy,
    )
    made, notes = run(pictures, options, args.output, args.device, args.fresh)
    if int(os.environ.get("RANK", 0)):
        return 0
    records, features = read_all(args.output)
    failures = [record["failure"] for record in records if "failure" in record]
    for failure in failures:
        print(failure, file=sys.stderr)
    if not any(record.get("rows") for record in records):
        raise ValueError(f"{args.data}: no color picture could be measured.")
    header = {
        "command": shlex.join(["python", "-m", "eval", *arguments]),
        "protocol": {
            "reference": "the color picture, 8-bit sRGB",
            "input": args.input,
            "degradation": args.degradation,
            "size": args.size,
            "near_grey_chroma": NEAR_GREY,
            "sweep_pictures": args.sweep,
        },
        "data": {"path": args.data, "described": described},
        "colorizers": {
            name: {"spec": c.spec, "kind": c.kind, "sha256": c.sha256, "unmatched": c.unmatched}
            for name, c in made.items()
        },
        "notes": notes,
    }
    finish(args.output, records, features, header)
    print((args.output / "REPORT.md").read_text(encoding="utf-8"))
    print(
        f"{len(records)} pictures, {described} of them described by a manifest or data set, "
        f"{sum(bool(r.get('near_grey')) for r in records)} near-grey references left out, {len(failures)} failures. "
        f"The whole report: {args.output / 'report.html'}"
    )
    return 1 if failures else 0


def read_all(output: Path) -> tuple[list[dict], dict]:
    """The records of a run without their features; and the features by colorizer, picture and set, as float16."""
    from .measuring import unpacked
    from .runner import read_records

    records: list[dict] = []
    features: dict[str, dict[str, dict]] = {}
    for record in read_records(output):
        for name, kinds in record.pop("features", {}).items():
            features.setdefault(name, {})[record["picture"]] = {kind: unpacked(text) for kind, text in kinds.items()}
        records.append(record)
    return records, features


def finish(output: Path, records: list[dict], features: dict, header: dict) -> None:
    """Records to results.json, results.csv, REPORT.md and report.html."""
    from .metrics.distribution import frechet, kernel_distance_with_interval, with_interval
    from .report import write_report

    rows = results.rows_of(records)
    for record in records:
        record["rows"] = bool(record.get("rows"))  # a second copy of all figures would fill the memory
    summaries = results.summarize(rows)
    distances: results.Distances = {
        "fid": ("inception", partial(with_interval, frechet)),
        "kid": ("inception", kernel_distance_with_interval),
        "fid_768": ("inception_768", partial(with_interval, frechet)),
        "kid_768": ("inception_768", kernel_distance_with_interval),
        "fd_squeezenet": ("squeezenet", partial(with_interval, frechet)),
        "kd_squeezenet": ("squeezenet", partial(kernel_distance_with_interval, paired=True)),
    }
    results.add_distances(summaries, rows, features, distances)
    results.write(output, results.document(records, header, summaries, rows))
    write_report(output)


def describe() -> str:
    """All figures, for people."""
    lines = []
    for measure in (*MEASURES, *SKY_CUT_MEASURES):
        better = {"higher": "higher is better", "lower": "lower is better", "one": "1 is right", "none": "no direction"}
        facts = measure.describe()
        lines.append(
            f"{measure.key}: {measure.title} ({better[measure.better]}{', ' + measure.unit if measure.unit else ''})"
        )
        lines.append(
            f"    {measure.formula}; {facts['statistic'] if measure.column else 'of the set'} [{measure.source}]"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
