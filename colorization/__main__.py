"""Colour files and folders: ``python -m colorization photo.jpg -o out/``."""

from __future__ import annotations

import argparse
import glob
import logging
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm
from transformers.utils.logging import disable_progress_bar

from . import baselines  # noqa: F401 - their checkpoints colour, too
from .files import FORMATS, save_picture
from .model.images import MAX_MEGAPIXELS, Photo, UnreadableImageError, read_photo
from .model.pipeline_colorization import ColorizationPipeline, load_pipeline
from .model.variants import MAX_VARIANTS

# Readable but not written: these come out as PNG.
_SUFFIXES = {*FORMATS, ".gif", ".ppm", ".pgm", ".pnm", ".avif"}
logger = logging.getLogger("colorization")


@dataclass(frozen=True)
class Job:
    """One picture: where it is read, and where it goes below the output folder, without suffix."""

    source: Path
    target: Path


def collect(inputs: list[str], output: Path, recursive: bool) -> tuple[list[Job], list[str]]:
    """Files of all inputs (files, folders, globs), and a sentence for each input that has none.

    Files below a folder keep their place below it. What the folder ``output`` holds is never an input.
    """
    jobs: dict[Path, Job] = {}
    problems = []
    for text in inputs:
        path = Path(text)
        if path.exists() or not glob.has_magic(text):
            matches = [path]
        else:
            matches = sorted(Path(match) for match in glob.glob(text, recursive=True))  # noqa: PTH207 - absolute too
            if not matches:
                problems.append(f"{text}: no file matches.")
        for match in matches:
            if not match.is_dir():
                jobs.setdefault(match, Job(match, Path(match.stem)))  # a missing file is reported when it is read
                continue
            found = sorted(match.rglob("*") if recursive else match.glob("*"))
            found = [
                file
                for file in found
                if file.suffix.lower() in _SUFFIXES
                and not file.is_dir()
                and output.resolve() not in file.resolve().parents
            ]
            if not found:
                problems.append(f"{match}: no pictures in this folder.")
            for file in found:
                jobs.setdefault(file, Job(file, file.relative_to(match).with_suffix("")))
    return list(jobs.values()), problems


def target_path(job: Job, output: Path, file_format: str, taken: dict[Path, Path]) -> Path:
    """Where the coloured picture goes: its input's stem; two inputs of one stem are told apart by their suffix."""
    suffix = job.source.suffix.lower() if file_format == "same" else f".{file_format}"
    if suffix not in FORMATS:
        suffix = ".png"
    target = output / job.target.parent / f"{job.target.name}{suffix}"
    if taken.get(target, job.source) != job.source:
        target = target.with_name(f"{job.target.name}-{job.source.suffix.lower().lstrip('.')}{suffix}")
    number = 2
    while taken.get(target, job.source) != job.source:
        target = target.with_name(f"{job.target.name}-{number}{suffix}")
        number += 1
    taken[target] = job.source
    return target


def read_hint(text: str) -> tuple[tuple[str, str], str]:
    """``X,Y,#rrggbb`` of the command line; X and Y in pixels, or in percent of width and height."""
    try:
        x, y, colour = text.split(",", 2)
        for place in (x, y):
            float(place.removesuffix("%"))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not X,Y,#rrggbb, such as 120,80,#4060a0 or 50%,10%,#4060a0"
        ) from None
    return (x, y), colour


def place_hint(hint: tuple[tuple[str, str], str], photo: Photo) -> tuple[tuple[float, float], str]:
    """A hint in pixels of one photograph."""
    (x, y), colour = hint
    return tuple(
        float(place[:-1]) / 100 * (length - 1) if place.endswith("%") else float(place)
        for place, length in ((x, photo.width), (y, photo.height))
    ), colour


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m colorization",
        description="Colour grey landscape photographs. Size, luminance, transparency and EXIF are kept.",
        epilog="exit codes: 0 all done, 1 some pictures failed (each is named with its reason), 2 wrong usage",
    )
    parser.add_argument(
        "inputs", nargs="+", metavar="INPUT", help="pictures, folders, or patterns such as 'scans/*.tif'"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="folder for the results")
    parser.add_argument("--model", metavar="ID_OR_PATH", help="another model: a folder, or an id on the Hub")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"), help="default: %(default)s")
    parser.add_argument(
        "--format", default="same", choices=("same", "png", "jpg", "webp", "tiff"), help="default: as the input"
    )
    parser.add_argument("--saturation", type=float, default=1.0, metavar="S", help="factor on chroma, 0 is grey")
    parser.add_argument("--keep-tone", action="store_true", help="keep the tone of sepia prints under the new colours")
    parser.add_argument(
        "--variants",
        type=int,
        metavar="K",
        help="K plausible colourings of each picture; the second and further ones are called NAME-variant-2 and so on",
    )
    parser.add_argument(
        "--hint",
        type=read_hint,
        action="append",
        default=[],
        metavar="X,Y,#RRGGBB",
        help="a colour that you know, at a point in pixels from the upper left, or 50%%,10%%,#4060a0; repeatable",
    )
    parser.add_argument("--palette", type=Path, metavar="FILE", help="a colour photograph whose mood is wanted")
    parser.add_argument("--skip-existing", action="store_true", help="leave finished results alone")
    parser.add_argument(
        "--recursive",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="go into sub-folders of folders; their structure is kept (default: yes)",
    )
    parser.add_argument(
        "--max-megapixels",
        type=float,
        default=MAX_MEGAPIXELS,
        metavar="MP",
        help="refuse larger pictures (%(default)g)",
    )
    return parser


def check_guidance(pipe: ColorizationPipeline, args: argparse.Namespace) -> dict:
    """Arguments of the call that are the same for all pictures.

    Raises:
        ValueError: if the palette cannot be read or is grey, or the model does not take what is asked for.
    """
    config = pipe.model.config
    if (args.hint or args.palette) and not config.guided:
        raise ValueError("This model takes no --hint and no --palette: it was not trained to be guided.")
    if args.variants and config.head not in ("classification", "both"):
        raise ValueError("This model has one colouring only: --variants needs a classifier over colours.")
    options = {"num_variants": args.variants, "keep_tone": args.keep_tone}
    if args.palette:
        options["palette"] = pipe.image_processor.make_palette(read_photo(args.palette, name=str(args.palette)).rgb)
    pipe.image_processor.make_hints([((0, 0), colour) for _, colour in args.hint], (1, 1))
    return options


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = build_parser()
    args = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    if not 0 <= args.saturation <= 10:
        parser.error("--saturation is a factor from 0 to 10.")
    if not args.max_megapixels > 0:
        parser.error("--max-megapixels must be above 0.")
    if args.variants is not None and not 1 <= args.variants <= MAX_VARIANTS:
        parser.error(f"--variants is a number from 1 to {MAX_VARIANTS}.")
    if args.output.exists() and not args.output.is_dir():
        parser.error(f"{args.output} is a file; -o names a folder.")
    jobs, problems = collect(args.inputs, args.output, args.recursive)
    if not jobs:
        parser.error(" ".join(problems))

    try:
        disable_progress_bar()  # of the second in which weights are read; pictures have their own
        pipe = load_pipeline(args.model, args.device)
    except (OSError, ValueError, RuntimeError) as error:
        parser.error(f"The model cannot be loaded: {error}")
    try:
        # Once, here: a wrong reference or a model that takes none is one mistake, not one for each picture.
        options = check_guidance(pipe, args)
    except ValueError as error:
        parser.error(str(error))

    start, done, skipped, taken = time.perf_counter(), 0, 0, {}
    with logging_redirect_tqdm():
        for job in tqdm(jobs, unit="picture", disable=None):
            names = [job.target.name, *(f"{job.target.name}-variant-{n}" for n in range(2, (args.variants or 1) + 1))]
            targets = [
                target_path(replace(job, target=job.target.with_name(name)), args.output, args.format, taken)
                for name in names
            ]
            if args.skip_existing and all(target.exists() for target in targets):
                skipped += 1
                continue
            try:
                if any(target.exists() and target.resolve() == job.source.resolve() for target in targets):
                    raise UnreadableImageError(
                        f"{job.source}: the result would replace the original; choose another -o."
                    )
                photo = read_photo(job.source, name=str(job.source), max_megapixels=args.max_megapixels)
                hints = [place_hint(hint, photo) for hint in args.hint]
                pictures = pipe(photo, saturation=args.saturation, hints=hints, **options)
                for picture, target in zip(pictures if args.variants else [pictures], targets, strict=True):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    save_picture(picture, target)
                done += 1
            except OSError as error:
                problems.append(f"{job.source}: the result cannot be written ({error.strerror or error}).")
            except (ValueError, RuntimeError, MemoryError) as error:
                problems.append(str(error) or f"{job.source}: there is not enough memory for this picture.")
    for problem in problems:
        print(problem, file=sys.stderr)
    parts = [f"{done} coloured"]
    parts += [f"{skipped} left alone"] * bool(skipped) + [f"{len(problems)} failed"] * bool(problems)
    print(f"{', '.join(parts)} in {time.perf_counter() - start:.1f} s; results in {args.output}.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
