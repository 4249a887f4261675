"""Color files and folders: ``python -m colorization photo.jpg -o out/``."""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import logging
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from .jobs import Problem, Targets, collect, reason_of, write_report
from .model.coloring import Coloring, ColoringError, check_color, read_coloring
from .model.images import MAX_MEGAPIXELS, read_photo
from .model.limits import MAX_VARIANTS
from .progress import show_progress

if TYPE_CHECKING:
    from .model.pipeline_colorization import ColorizationPipeline

logger = logging.getLogger("colorization")


def read_hint(text: str) -> tuple[tuple[str, str], str]:
    """``X,Y,#rrggbb`` of the command line; X and Y in pixels, or in percent of width and height."""
    try:
        x, y, color = text.split(",", 2)
        for place in (x, y):
            float(place.removesuffix("%"))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not X,Y,#rrggbb, such as 120,80,#4060a0 or 50%,10%,#4060a0"
        ) from None
    try:
        return (x, y), check_color(color)
    except ColoringError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m colorization",
        description="Color grey landscape photographs. Size, luminance, transparency and EXIF are kept.",
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
    parser.add_argument("--strength", type=float, metavar="S", help="factor on chroma, 0 is grey (1)")
    parser.add_argument("--saturation", type=float, dest="strength", help=argparse.SUPPRESS)  # its earlier name
    parser.add_argument("--warmth", type=float, metavar="W", help="-1 (cool) to 1 (warm) light (0)")
    parser.add_argument("--look", metavar="NAME", help="a palette that comes with the model, such as autumn")
    parser.add_argument("--keep-tone", action="store_true", help="keep the tone of sepia prints under the new colors")
    parser.add_argument(
        "--variants",
        type=int,
        metavar="K",
        help="K plausible colorings of each picture; the second and further ones are called NAME-variant-2 and so on",
    )
    parser.add_argument(
        "--hint",
        type=read_hint,
        action="append",
        default=[],
        metavar="X,Y,#RRGGBB",
        help="a color that you know, at a point in pixels from the upper left, or 50%%,10%%,#4060a0; repeatable",
    )
    parser.add_argument(
        "--hints",
        type=Path,
        metavar="FILE.json",
        help="points, look, variant, strength and warmth as the page saves them; other arguments go before it",
    )
    parser.add_argument("--palette", type=Path, metavar="FILE", help="a color photograph whose mood is wanted")
    parser.add_argument(
        "--skip-existing", action="store_true", help="leave results alone that were made of the file as it is now"
    )
    parser.add_argument("--all-pages", action="store_true", help="color all pages or frames of a file, not the first")
    parser.add_argument("--invert", action="store_true", help="the pictures are negatives: turn them into positives")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the files that failed, and why, as CSV")
    parser.add_argument(
        "--provenance",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="say in the file that its colors come from a model (default: yes)",
    )
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


def read_recipe(args: argparse.Namespace) -> Coloring:
    """Read how to color: arguments, and where they say nothing the file of ``--hints``.

    Raises:
        ColoringError: if the file or a value is wrong, or two of them contradict each other.
    """
    recipe = read_coloring(args.hints) if args.hints else Coloring()
    named = {name: getattr(args, name) for name in ("strength", "warmth", "look")}
    recipe = replace(recipe, **{name: value for name, value in named.items() if value is not None})
    if recipe.look and args.palette:
        raise ColoringError("Give --look or --palette, not both: either says which colors are wanted.")
    if recipe.variant > 1 and args.variants:
        raise ColoringError("--variants makes several colorings, and the file of --hints asks for one of them.")
    return recipe


def check_guidance(pipe: ColorizationPipeline, args: argparse.Namespace, recipe: Coloring) -> dict:
    """Arguments of the call that are the same for all pictures.

    Raises:
        ValueError: if the palette cannot be read or is grey, or the model does not take what is asked for.
    """
    config = pipe.model.config
    if (args.hint or args.palette or recipe.points or recipe.look) and not config.guided:
        raise ValueError("This model takes no --hint, no --palette and no --look: it was not trained to be guided.")
    variants = args.variants or (recipe.variant if recipe.variant > 1 else None)
    if variants and config.head not in ("classification", "both"):
        raise ValueError("This model has one coloring only: --variants needs a classifier over colors.")
    options = {"recipe": recipe, "num_variants": args.variants, "keep_tone": args.keep_tone}
    if recipe.look:
        options["palette"] = pipe.image_processor.make_look(recipe.look)
    if args.palette:
        options["palette"] = pipe.image_processor.make_palette(read_photo(args.palette, name=str(args.palette)).rgb)
    return options


def _load(args: argparse.Namespace) -> ColorizationPipeline:
    """Import PyTorch and transformers, and load the model.

    Nothing that this makes is garbage, which Python would look for again and again meanwhile.
    """
    gc.disable()
    try:
        from transformers.utils.logging import disable_progress_bar

        from . import baselines  # noqa: F401 - their checkpoints color, too
        from .model.pipeline_colorization import load_pipeline

        disable_progress_bar()  # of the second in which weights are read; pictures have their own
        return load_pipeline(args.model, args.device)
    finally:
        gc.enable()


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = build_parser()
    for stream in (sys.stdout, sys.stderr):  # a name that the console cannot show is no reason to stop
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    args = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    # PyTorch is loaded below, when nothing is wrong with the arguments: it takes seconds.
    try:
        recipe = read_recipe(args)
    except ColoringError as error:
        parser.error(str(error))
    if not args.max_megapixels > 0:
        parser.error("--max-megapixels must be above 0.")
    if args.variants is not None and not 1 <= args.variants <= MAX_VARIANTS:
        parser.error(f"--variants is a number from 1 to {MAX_VARIANTS}.")
    if args.palette and not args.palette.is_file():
        parser.error(f"{args.palette}: there is no such file for --palette.")
    if args.output.exists() and not args.output.is_dir():
        parser.error(f"{args.output} is a file; -o names a folder.")
    jobs, problems = collect(args.inputs, args.output, args.recursive)
    if not jobs:
        parser.error(" ".join(map(str, problems)))
    try:
        args.output.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=args.output).close()
    except OSError as error:
        parser.error(f"{args.output}: nothing can be written there ({error.strerror or error}); choose another -o.")

    try:
        pipe = _load(args)
    except (OSError, ValueError, RuntimeError) as error:
        parser.error(f"The model cannot be loaded: {error}")
    try:
        # Once, here: a wrong reference or a model that takes none is one mistake, not one for each picture.
        options = check_guidance(pipe, args, recipe)
    except ValueError as error:
        parser.error(str(error))

    from .batch import Batch

    batch = Batch(pipe, args, options, Targets(args.output, args.format, [job.source for job in jobs]))
    start, done, skipped = time.perf_counter(), 0, 0
    with logging_redirect_tqdm(), contextlib.closing(batch.color_all(jobs)) as outcomes:
        for problem in problems:
            tqdm.write(str(problem), file=sys.stderr)
        for job, outcome in show_progress(outcomes, len(jobs)):
            if isinstance(outcome, Exception):  # one bad file does not end a batch, whatever is wrong with it
                problems.append(Problem(str(job.source), reason_of(outcome, job.source)))
                tqdm.write(str(problems[-1]), file=sys.stderr)
            elif outcome:
                done += 1
            else:
                skipped += 1
    parts = [f"{done} colored"]
    parts += [f"{skipped} left alone"] * bool(skipped) + [f"{len(problems)} failed"] * bool(problems)
    print(f"{', '.join(parts)} in {time.perf_counter() - start:.1f} s; results in {args.output}.")
    if problems:
        print("Not colored:")
    for problem in problems:
        print(f"  {problem}")
    if args.report:
        try:
            write_report(args.report, problems)
        except OSError as error:
            print(f"{args.report}: the report cannot be written ({error.strerror or error}).", file=sys.stderr)
            return 1
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
