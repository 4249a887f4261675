"""Pictures × all colorizers → one record a picture, which is written whole or not at all."""

from __future__ import annotations

import base64
import contextlib
import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from colorization.model.color import rgb_to_lab
from colorization.model.images import UnreadableImageError
from colorization.sky import sky_fraction, sky_label

from .colorizers import Colorizer
from .figures import Bench, Truth, figures, tensor_of
from .inputs import make_input
from .metrics import colors
from .pictures import Picture
from .sky_dependence import cut_parts, find_cuts, under_sky, with_added_sky, without_sky

SWEEP = (192, 320, 512, 768)
"""Long sides in pixels that the same picture is colored at."""
_THUMBNAIL = 256
_PIXELS_AT_ONCE = 4_000_000
_MIN_SIDE = 3  # px; a gradient needs neighbors


def reduce(rgb: np.ndarray, size: int | None) -> np.ndarray:
    """A picture whose long side is at most ``size`` px, antialiased."""
    if not size or max(rgb.shape[:2]) <= size:
        return rgb
    picture = Image.fromarray(rgb)
    picture.thumbnail((size, size), Image.Resampling.LANCZOS)
    return np.array(picture)


@dataclass(frozen=True)
class Opened:
    """A picture that was read; where it cannot be measured, ``record`` says why and ``rgb`` is None."""

    picture: Picture
    record: dict
    rgb: np.ndarray | None

    @property
    def pixels(self) -> int:
        return 0 if self.rgb is None else self.rgb[..., 0].size


def open_picture(picture: Picture, size: int | None = None) -> Opened:
    """Read a picture, reduced to a long side of ``size`` px."""
    record: dict = {"picture": picture.key, "path": picture.path, "source": picture.source, "scene": picture.scene}
    try:
        rgb = reduce(picture.read().rgb, size)
    except (UnreadableImageError, OSError) as error:
        return Opened(picture, {**record, "failure": str(error)}, None)
    if min(rgb.shape[:2]) < _MIN_SIDE:
        height, width = rgb.shape[:2]
        failure = (
            f"{picture.path}: {width} × {height} px is too small to measure, at least {_MIN_SIDE} px a side are needed."
        )
        return Opened(picture, {**record, "failure": failure}, None)
    return Opened(picture, {**record, "sha1": hashlib.sha1(rgb.tobytes()).hexdigest()}, rgb)


def measure_picture(picture: Picture, bench: Bench, sweep: bool = False) -> dict:
    """Measure one picture: :func:`measure_group` of it alone."""
    return measure_group([open_picture(picture, bench.size)], bench, {picture.path} if sweep else ())[0]


def measure_group(group: Sequence[Opened], bench: Bench, swept: Collection[str] = ()) -> list[dict]:
    """Color several pictures by all colorizers, models in batches, and measure them.

    Args:
        group: pictures that fit into memory together.
        bench: what to measure with.
        swept: names of those that are colored at several sizes too.

    Returns:
        For each a record with ``picture`` (its key), ``path`` and its facts, and one of ``failure`` (a sentence),
        ``near_grey`` (True), or ``rows`` (colorizer to figures), ``features`` (colorizer to set of features to base64
        of float16) and ``sky_dependence`` (colorizer to figures).
    """
    # Pictures that fill the memory are measured one at a time, smaller ones side by side.
    with bench.large if sum(one.pixels for one in group) > _PIXELS_AT_ONCE else contextlib.nullcontext():
        return _measure(group, bench, swept)


@dataclass
class _Job:
    """A picture under way, and what is known of it so far."""

    picture: Picture
    rgb: np.ndarray
    record: dict
    truth: Truth
    grey: Image.Image
    mask: np.ndarray | None = None
    results: dict[str, np.ndarray] = field(default_factory=dict)
    labs: dict[str, torch.Tensor] = field(default_factory=dict)
    """Of the results that more pictures are made for: CIE Lab [1, 3, H, W]."""

    def fail(self, failure: str) -> None:
        self.record |= {"failure": f"{self.picture.path}: {failure}"}
        if "rows" in self.record:
            self.record["rows"] = {}


def _measure(group: Sequence[Opened], bench: Bench, swept: Collection[str]) -> list[dict]:
    jobs = []
    for one in group:
        if one.rgb is None:
            continue
        truth = Truth.of(tensor_of(one.rgb, bench.device))
        if colors.mean_chroma(truth.lab).item() < bench.near_grey:
            one.record["near_grey"] = True
            continue
        grey = make_input(one.rgb, bench.input_kind, bench.degradation, int(one.picture.key[:8], 16))
        jobs.append(_Job(one.picture, one.rgb, one.record, truth, grey))
    _label(jobs, bench)
    for name, colorizer in bench.colorizers.items():
        going = [job for job in jobs if "failure" not in job.record]
        given = [Image.fromarray(job.rgb) if colorizer.kind == "ceiling" else job.grey for job in going]
        for job, made in zip(going, colorizer.color_all(given, [job.picture.path for job in going]), strict=True):
            if isinstance(made, Exception):
                job.fail(f"{name} failed, the picture is left out for all ({made}).")
            else:
                job.results[name] = np.array(made)
    jobs = [job for job in jobs if "failure" not in job.record]
    fresh = {name: c for name, c in bench.colorizers.items() if c.fresh and c.kind in ("model", "function")}
    for job in jobs:
        _measure_results(job, fresh, bench)
    if bench.sky_dependence and bench.sky is not None:
        _measure_sky_dependence(jobs, fresh, bench)
    for job in jobs:
        if job.picture.path in swept and "failure" not in job.record:
            _sweep(job, fresh)
        if bench.thumbnails and "failure" not in job.record:
            _save_thumbnails(bench.thumbnails / job.picture.key, {**job.results, "input": np.array(job.grey)})
    return [one.record for one in group]


def _label(jobs: list[_Job], bench: Bench) -> None:
    """Say where sky is in sight, by the model where nobody else has."""
    unknown = [job for job in jobs if not job.picture.sky]
    for job in jobs:
        job.record |= {"sky": job.picture.sky, "sky_by": job.picture.sky_by}
    if unknown and bench.sky:
        for job, mask in zip(unknown, bench.sky.masks([job.rgb for job in unknown]), strict=True):
            job.mask = mask
            job.record |= {"sky": sky_label(sky_fraction(mask)), "sky_by": "model"}


def _measure_results(job: _Job, fresh: Collection[str], bench: Bench) -> None:
    """Figures and features of all results of a picture, those of its truth computed once."""
    given = rgb_to_lab(tensor_of(np.array(job.grey), bench.device))
    job.record["rows"], job.record["features"] = {}, {}
    together = max(1, _PIXELS_AT_ONCE // job.rgb[..., 0].size)  # results of one picture, measured side by side
    names = list(job.results)
    for first in range(0, len(names), together):
        part = names[first : first + together]
        predicted = torch.cat([tensor_of(job.results[name], bench.device) for name in part])
        lab = rgb_to_lab(predicted)
        job.record["rows"] |= dict(zip(part, figures(predicted, job.truth, given, bench, lab), strict=True))
        job.labs |= {name: lab[place : place + 1] for place, name in enumerate(part) if name in fresh}
        features = {kind: extract(predicted) for kind, extract in bench.features.items()}
        for place, name in enumerate(part):
            job.record["features"][name] = {kind: _packed(found[place]) for kind, found in features.items()}


def size_sweep(grey: Image.Image, colorize: Callable[[list[Image.Image]], list[np.ndarray]]) -> float:
    """Standard deviation of ab over results at several sizes, root mean square over pixels, CIE units; 0 is stable."""
    long_side = max(grey.size)
    sizes = [
        (max(16, round(grey.width * long / long_side)), max(16, round(grey.height * long / long_side)))
        for long in SWEEP
    ]
    made = colorize([grey.resize(size, Image.Resampling.BICUBIC) for size in sizes])
    fields = [rgb_to_lab(tensor_of(result, "cpu"))[:, 1:] for result in made]
    small = min((field.shape[-2:] for field in fields), key=lambda shape: shape[0])
    fields = [torch.nn.functional.interpolate(field, size=small, mode="area") for field in fields]
    return torch.stack(fields).var(dim=0, correction=0).sum(dim=1).mean().sqrt().item()


def _sweep(job: _Job, fresh: dict[str, Colorizer]) -> None:
    try:
        for name, colorizer in fresh.items():
            job.record["rows"][name]["size_sweep_std"] = size_sweep(job.grey, partial(_arrays, colorizer))
    except Exception as error:  # whatever a stranger's colorizer does, the run goes on and says so
        job.fail(f"failed at another size ({error}).")


def _arrays(colorizer: Colorizer, greys: list[Image.Image]) -> list[np.ndarray]:
    """Results as arrays; the first failure raises."""
    made = colorizer.color_all(greys, [""] * len(greys))
    for result in made:
        if isinstance(result, Exception):
            raise result
    return [np.array(result) for result in made]


def _measure_sky_dependence(jobs: list[_Job], fresh: dict[str, Colorizer], bench: Bench) -> None:
    """Color pictures with sky without it, and those without under a drawn one; all of them in one call a colorizer."""
    seen = [job for job in jobs if job.record["sky"] == "yes"] if fresh and bench.sky else []
    cuts = find_cuts([job.rgb for job in seen], [job.mask for job in seen], bench.sky) if bench.sky else []
    asked: list[tuple[_Job, int | None, list[Image.Image]]] = []
    asked += [(job, cut, cut_parts(job.grey, cut)) for job, cut in zip(seen, cuts, strict=True) if cut is not None]
    asked += [(job, None, [under_sky(job.grey)]) for job in jobs if job.record["sky"] == "no"]
    for job in jobs:
        job.record["sky_dependence"] = {}
    for name, colorizer in fresh.items():
        going = [each for each in asked if "failure" not in each[0].record]
        greys = [grey for _, _, parts in going for grey in parts]
        made = iter(colorizer.color_all(greys, [""] * len(greys)))
        for job, cut, parts in going:
            results = list(islice(made, len(parts)))
            failure = next((result for result in results if isinstance(result, Exception)), None)
            if failure:
                job.fail(f"{name} failed on a part of the picture ({failure}).")
                continue
            truth, whole, arrays = job.truth.lab, job.labs[name], [np.array(result) for result in results]
            job.record["sky_dependence"][name] = (
                with_added_sky(whole, *arrays) if cut is None else without_sky(truth, whole, cut, *arrays)
            )


def _packed(features: torch.Tensor) -> str:
    return base64.b64encode(features.flatten().cpu().numpy().astype(np.float16).tobytes()).decode()


def unpacked(text: str) -> np.ndarray:
    """Features that a record holds as text: float16 [d]."""
    return np.frombuffer(base64.b64decode(text), dtype=np.float16)


def _save_thumbnails(folder: Path, pictures: dict[str, np.ndarray]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rgb in pictures.items():
        small = Image.fromarray(reduce(rgb, _THUMBNAIL))
        small.save(folder / f"{name}.jpg", quality=88)


__all__ = [
    "SWEEP", "Bench", "Opened", "Truth", "figures", "measure_group", "measure_picture", "open_picture", "reduce",
    "size_sweep", "unpacked",
]  # fmt: skip
