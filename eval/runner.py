"""Set of pictures × colorizers → records, one a line, appended as they are done: a run that is stopped goes on."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
from collections import deque
from collections.abc import Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from colorization.files import replace_file
from colorization.model.color import NEAR_GREY, rgb_to_lab, to_tensor
from colorization.model.images import UnreadableImageError
from colorization.sky import SkySegmenter

from .colorizers import CEILING, FLOORS, Colorizer, make_colorizer
from .measuring import Bench, Opened, measure_group, open_picture, reduce
from .metrics.colors import AB_BINS, ab_bins, mean_chroma
from .metrics.perceptual import InceptionFeatures, Lpips, SqueezeFeatures
from .pictures import Picture
from .progress import Progress
from .results import SCHEMA

logger = logging.getLogger(__name__)

_STATISTICS = 500  # pictures that the mean color and the frequencies of colors are taken from
_STATISTICS_SIZE = 128  # px
_COUNT_OF_A_BIN = 1e-4  # added to each frequency, so that a color seen once does not outweigh all others
_WORKERS = 8  # more threads would wait for Python, and pictures fill the memory
_GROUP, _GROUP_PIXELS = 8, 1_000_000  # pictures that are colored in one batch, at most, and their pixels together


class RunError(ValueError):
    """A run that cannot begin or go on; the message says why and what to do."""


@dataclass(frozen=True)
class Options:
    """What decides the figures of a run; saved beside its records, and compared when it goes on."""

    data: str
    colorizers: dict[str, str]
    split: str = "test"
    size: int | None = None
    limit: int | None = None
    input_kind: str = "lab-l"
    degradation: str | None = None
    lpips: tuple[str, ...] = ("squeeze",)
    inception: str = "download"  # or "none", or a file
    sky_dependence: bool = True
    sweep: int = 40
    legacy: bool = False


def set_statistics(pictures: list[Picture]) -> dict:
    """Mean ab of a set and the weights of its colors for the rebalanced AuC, from small copies of up to 500 pictures.

    Returns:
        ``mean_ab`` (two numbers, CIE units) and ``auc_weights`` (484 numbers: one over the frequency of each square of
        10 CIE units, scaled so that their mean over the set's pixels is 1).
    """
    total, seen, histogram = np.zeros(2), 0, np.zeros(AB_BINS)
    for place in np.unique(np.linspace(0, len(pictures) - 1, min(len(pictures), _STATISTICS)).astype(int)):
        try:
            rgb = reduce(pictures[place].read().rgb, _STATISTICS_SIZE)
        except (UnreadableImageError, OSError):
            continue  # the run will name it
        tensor = to_tensor(rgb)
        lab = rgb_to_lab(tensor)
        ab = lab[0, 1:]
        if mean_chroma(lab).item() < NEAR_GREY:
            continue
        total += ab.mean(dim=(1, 2)).numpy()
        histogram += np.bincount(ab_bins(lab)[0].numpy(), minlength=AB_BINS) / rgb[..., 0].size
        seen += 1
    frequency = histogram / max(seen, 1)
    weights = np.where(frequency > 0, 1 / (frequency + _COUNT_OF_A_BIN), 0)
    weights /= max((weights * frequency).sum(), 1e-9)
    return {"mean_ab": (total / max(seen, 1)).tolist(), "auc_weights": weights.round(6).tolist(), "pictures": seen}


def run(
    pictures: list[Picture], options: Options, output: Path, device: str = "auto", fresh: bool = False
) -> tuple[dict[str, Colorizer], list[str]]:
    """Measure all pictures that ``output`` has no record of yet.

    Under ``accelerate launch`` (or torchrun) each process takes every n-th picture and writes a file of its own.

    Args:
        pictures: the set.
        options: saved in ``output/run.json``.
        output: folder for ``records-*.jsonl`` and ``pictures/``.
        device: of models and measures.
        fresh: begin anew where there are records of other options.

    Returns:
        The colorizers by name, floors first and the truth last, and notes on what could not be computed.

    Raises:
        RunError: if the folder holds records of a run with other options, or of other weights under the same name.
        ValueError: if a colorizer cannot be made.
    """
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    if device == "auto":
        device = f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if torch.cuda.is_available() else "cpu"
    output.mkdir(parents=True, exist_ok=True)
    statistics = set_statistics(pictures)
    colorizers = make_all(options, statistics, [picture.path for picture in pictures], device)
    weights = {name: colorizer.sha256 for name, colorizer in colorizers.items() if colorizer.sha256}
    done = _resume({"schema": SCHEMA, **vars(options), "weights": weights}, output, fresh) if rank == 0 else set()
    bench, notes = make_bench(colorizers, options, statistics, device, output / "pictures")
    if world > 1:
        from accelerate import PartialState

        # Without being saved, processes on CPUs alone would not wait for each other.
        state = PartialState(cpu=not torch.accelerator.is_available())
        state.wait_for_everyone()
        done = {record["path"] for record in read_records(output)}
    step = max(1, len(pictures) // options.sweep) if options.sweep else 0
    todo = [(n, p) for n, p in enumerate(pictures) if n % world == rank and p.path not in done]
    swept = {picture.path for number, picture in todo if step and number % step == 0}
    measure_all([picture for _, picture in todo], bench, output / f"records-{rank}.jsonl", swept, quiet=rank > 0)
    if world > 1:
        state.wait_for_everyone()
    return colorizers, notes


def measure_all(
    pictures: list[Picture], bench: Bench, records: Path, swept: Collection[str], quiet: bool = False
) -> None:
    """Append a record a picture; those named in ``swept`` are colored at several sizes too.

    Pictures are read ahead, and measured in groups. Several groups are under way at once, each on a thread of its own:
    to share one small picture between threads costs more than it saves. When the run is stopped, what is under way is
    finished and kept.
    """
    threads = torch.get_num_threads()
    workers = max(1, min(threads, _WORKERS, len(pictures)))

    def prepare() -> None:
        torch.set_num_threads(max(1, threads // workers))

    @torch.inference_mode()
    def measure(group: list[Opened]) -> tuple[list[dict], float]:
        begun = time.perf_counter()
        return measure_group(group, bench, swept), (time.perf_counter() - begun) / len(group)

    running: set[Future] = set()
    progress = Progress(len(pictures), list(bench.colorizers), workers, quiet)
    with (
        records.open("a", encoding="utf-8") as file,
        ThreadPoolExecutor(workers) as readers,
        ThreadPoolExecutor(workers, initializer=prepare) as pool,
    ):
        groups = _groups(pictures, bench, readers, workers)

        def keep(done: Collection[Future]) -> None:
            for future in done:
                made, seconds = future.result()
                for record in made:
                    file.write(json.dumps(record, allow_nan=False) + "\n")
                    progress.advance(seconds if record.get("rows") else None)
            file.flush()

        try:
            while True:
                running |= {pool.submit(measure, group) for group in islice(groups, workers + 1 - len(running))}
                if not running:
                    break
                done, running = wait(running, return_when=FIRST_COMPLETED)
                keep([future for future in done if future.exception() is None])
                for future in done:
                    future.result()  # raises what went wrong, after the others are kept
        except BaseException:
            for each in (readers, pool):
                each.shutdown(cancel_futures=True)
            keep([future for future in running if not future.cancelled() and future.exception() is None])
            raise
        finally:
            torch.set_num_threads(threads)
            progress.close()


def _groups(pictures: list[Picture], bench: Bench, readers: ThreadPoolExecutor, workers: int) -> Iterator[list[Opened]]:
    """Pictures that were read, in order, as many together as a batch holds; of a short list so few that all work."""
    largest = max(1, min(_GROUP, len(pictures) // (2 * workers)))
    waiting = iter(pictures)
    ahead = deque(readers.submit(open_picture, picture, bench.size) for picture in islice(waiting, 2 * workers))
    group: list[Opened] = []
    while ahead:
        opened = ahead.popleft().result()
        ahead.extend(readers.submit(open_picture, picture, bench.size) for picture in islice(waiting, 1))
        if group and sum(one.pixels for one in (*group, opened)) > _GROUP_PIXELS:
            yield group
            group = []
        group.append(opened)
        if len(group) == largest:
            yield group
            group = []
    if group:
        yield group


def make_all(options: Options, statistics: dict, paths: list[str], device: str) -> dict[str, Colorizer]:
    """The floors, the colorizers asked for, and the truth."""
    specs = {name: name for name in FLOORS} | options.colorizers
    made = {name: make_colorizer(spec, tuple(statistics["mean_ab"]), paths, device) for name, spec in specs.items()}
    return {**made, CEILING: Colorizer(CEILING, "ceiling", lambda picture, path: picture, fresh=False)}


def read_records(output: Path) -> Iterator[dict]:
    """Read the records of a run one after the other, by name of the picture.

    Of several records of a picture the last counts; a last line that was cut off by a kill is passed over.
    """
    places: dict[str, tuple[Path, int]] = {}
    for path in sorted(output.glob("records-*.jsonl")):
        with path.open("rb") as file:
            offset = 0
            for line in file:
                try:
                    places[json.loads(line)["path"]] = path, offset
                except ValueError:
                    logger.warning("%s: a line is cut off; its picture is measured again.", path.name)
                offset += len(line)
    with contextlib.ExitStack() as stack:
        files = {path: stack.enter_context(path.open("rb")) for path in {path for path, _ in places.values()}}
        for _, (path, offset) in sorted(places.items()):
            files[path].seek(offset)
            yield json.loads(files[path].readline())


def _resume(run: dict, output: Path, fresh: bool) -> set[str]:
    """Names of the pictures that are done; failures are tried again. ``run`` is what all records have in common."""
    saved = output / "run.json"
    ours = json.loads(json.dumps(run))
    files = sorted(output.glob("records-*.jsonl"))
    if files and not fresh:
        theirs = json.loads(saved.read_text(encoding="utf-8")) if saved.is_file() else {}
        other = sorted(key for key in ours if ours[key] != theirs.get(key))
        if other:
            raise RunError(
                f"{output} holds records of a run with another {', '.join(other)}; "
                "choose another --output, or begin anew with --fresh."
            )
        kept = set()
        with replace_file(output / "records-0.jsonl") as part, part.open("w", encoding="utf-8") as file:
            for record in read_records(output):
                if "failure" not in record:
                    file.write(json.dumps(record) + "\n")
                    kept.add(record["path"])
        for path in files:
            if path.name != "records-0.jsonl":
                path.unlink()
        if kept:
            logger.warning("%d pictures were measured before; going on from there.", len(kept))
        return kept
    for path in files:
        path.unlink()
    with replace_file(saved) as part:
        part.write_text(json.dumps(ours, indent=1), encoding="utf-8")
    return set()


def make_bench(
    colorizers: dict[str, Colorizer], options: Options, statistics: dict, device: str, thumbnails: Path | None
) -> tuple[Bench, list[str]]:
    """Everything that measuring needs, and notes on what cannot be had."""
    bench = Bench(
        colorizers=colorizers,
        size=options.size,
        near_grey=NEAR_GREY,
        input_kind=options.input_kind,
        degradation=options.degradation,
        legacy=options.legacy,
        device=device,
        auc_weights=torch.tensor(statistics["auc_weights"]),
        sky=SkySegmenter(device=device),
        sky_dependence=options.sky_dependence,
        thumbnails=thumbnails,
    )
    notes: list[str] = []
    for net in options.lpips:
        try:
            distance = Lpips(net)
            distance.network.to(device)
            bench.lpips[net] = distance
        except Exception as error:  # a download fails in many ways
            notes.append(f"LPIPS {net} was not computed: its weights cannot be had ({_first_line(error)}).")
    try:
        bench.features["squeezenet"] = SqueezeFeatures().to(device)
    except Exception as error:
        notes.append(f"FD and KD SqueezeNet were not computed: the weights cannot be had ({_first_line(error)}).")
    if options.inception == "none":
        notes.append("FID and KID were not computed, as asked.")
    else:
        try:
            weights = None if options.inception == "download" else options.inception
            inception = InceptionFeatures(weights, device)
            bench.features[inception.name] = inception
            if inception.name != "inception":
                notes.append("FID and KID were not computed: the file ends at Mixed_6e; see FID-768 and KID-768.")
        except Exception as error:
            notes.append(f"FID and KID were not computed: Inception cannot be had ({_first_line(error)}).")
    return bench, notes


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
