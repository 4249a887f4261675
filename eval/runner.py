"""Set of pictures × colorizers → records, one a line, appended as they are done: a run that is stopped goes on."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from colorization.model.color import rgb_to_lab
from colorization.model.images import UnreadableImageError
from colorization.sky import SkySegmenter

from .colorizers import CEILING, FLOORS, Colorizer, make_colorizer
from .measuring import Bench, measure_picture, reduce
from .metrics.colour import AB_BINS, ab_bins
from .metrics.perceptual import InceptionFeatures, Lpips, SqueezeFeatures
from .pictures import Picture
from .results import SCHEMA

logger = logging.getLogger(__name__)

NEAR_GREY = 3.0
"""CIE units of mean chroma; references below it have no colour to be measured against."""
_STATISTICS = 500  # pictures that the mean colour and the frequencies of colours are taken from
_STATISTICS_SIZE = 128  # px
_COUNT_OF_A_BIN = 1e-4  # added to each frequency, so that a colour seen once does not outweigh all others


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
    """Mean ab of a set and the weights of its colours for the rebalanced AuC, from small copies of up to 500 pictures.

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
        tensor = torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 255
        lab = rgb_to_lab(tensor)
        ab = lab[0, 1:]
        if ab.norm(dim=0).mean() < NEAR_GREY:
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

        # Without being told, processes on CPUs alone would not wait for each other.
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
    """Append a record a picture; those named in ``swept`` are coloured at several sizes too."""
    with records.open("a", encoding="utf-8") as file, torch.inference_mode():
        for picture in tqdm(pictures, unit="picture", disable=True if quiet else None):
            record = measure_picture(picture, bench, picture.path in swept)
            file.write(json.dumps(record, allow_nan=False) + "\n")
            file.flush()


def make_all(options: Options, statistics: dict, paths: list[str], device: str) -> dict[str, Colorizer]:
    """The floors, the colorizers asked for, and the truth."""
    specs = {name: name for name in FLOORS} | options.colorizers
    made = {name: make_colorizer(spec, tuple(statistics["mean_ab"]), paths, device) for name, spec in specs.items()}
    return {**made, CEILING: Colorizer(CEILING, "ceiling", lambda picture, path: picture, fresh=False)}


def read_records(output: Path) -> list[dict]:
    """The records of a run, by name of the picture; a last line that was cut off by a kill is passed over."""
    records: dict[str, dict] = {}
    for path in sorted(output.glob("records-*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                record = json.loads(line)
            except json.JSONDecodeError:
                logger.warning("%s: a line is cut off; its picture is measured again.", path.name)
                continue
            records[record["path"]] = record
    return [records[path] for path in sorted(records)]


def _resume(run: dict, output: Path, fresh: bool) -> set[str]:
    """Names of the pictures that are done; failures are tried again. ``run`` is what all records have in common."""
    told = output / "run.json"
    ours = json.loads(json.dumps(run))
    files = sorted(output.glob("records-*.jsonl"))
    if files and not fresh:
        theirs = json.loads(told.read_text(encoding="utf-8")) if told.is_file() else {}
        other = sorted(key for key in ours if ours[key] != theirs.get(key))
        if other:
            raise RunError(
                f"{output} holds records of a run with another {', '.join(other)}; "
                "choose another --output, or begin anew with --fresh."
            )
        kept = [record for record in read_records(output) if "failure" not in record]
        _replace(output / "records-0.jsonl", "".join(json.dumps(record) + "\n" for record in kept))
        for path in files:
            if path.name != "records-0.jsonl":
                path.unlink()
        if kept:
            logger.warning("%d pictures were measured before; going on from there.", len(kept))
        return {record["path"] for record in kept}
    for path in files:
        path.unlink()
    _replace(told, json.dumps(ours, indent=1))
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
            bench.features["inception"] = InceptionFeatures(weights, device)
        except Exception as error:
            notes.append(f"FID and KID were not computed: Inception cannot be had ({_first_line(error)}).")
    return bench, notes


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(f"{path.name}.part")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
