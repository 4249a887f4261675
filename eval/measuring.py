"""One picture × all colorizers → one record: the unit of work that is written whole or not at all."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from colorization.model.color import NEAR_GREY, rgb_to_lab, to_tensor
from colorization.model.images import UnreadableImageError
from colorization.sky import SkySegmenter, sky_fraction, sky_label

from .colorizers import Colorizer
from .inputs import make_input
from .metrics import coherence, colour, legacy, pixel, sepia
from .pictures import Picture
from .sky_dependence import find_cut, with_added_sky, without_sky

SWEEP = (192, 320, 512, 768)
"""Long sides in pixels that the same picture is coloured at."""
_THUMBNAIL = 256
_PIXELS_AT_ONCE = 4_000_000
_MIN_SIDE = 3  # px; a gradient needs neighbours


@dataclass
class Bench:
    """Everything that measuring a picture needs, made once a process."""

    colorizers: dict[str, Colorizer]
    size: int | None = None
    near_grey: float = NEAR_GREY
    input_kind: str = "lab-l"
    degradation: str | None = None
    legacy: bool = False
    device: str = "cpu"
    auc_weights: torch.Tensor | None = None
    lpips: dict[str, Callable] = field(default_factory=dict)
    features: dict[str, Callable] = field(default_factory=dict)
    sky: SkySegmenter | None = None
    sky_dependence: bool = True
    thumbnails: Path | None = None
    large: threading.Lock = field(default_factory=threading.Lock, repr=False)


@dataclass(frozen=True)
class Truth:
    """A reference, its Lab computed once for all rows: sRGB in [0, 1] and CIE Lab, [1, 3, H, W] each."""

    rgb: torch.Tensor
    lab: torch.Tensor

    @classmethod
    def of(cls, rgb: torch.Tensor) -> Truth:
        return cls(rgb, rgb_to_lab(rgb))


def reduce(rgb: np.ndarray, size: int | None) -> np.ndarray:
    """A picture whose long side is at most ``size`` px, antialiased."""
    if not size or max(rgb.shape[:2]) <= size:
        return rgb
    picture = Image.fromarray(rgb)
    picture.thumbnail((size, size), Image.Resampling.LANCZOS)
    return np.array(picture)


def measure_picture(picture: Picture, bench: Bench, sweep: bool = False) -> dict:
    """Colour one picture by all colorizers and measure.

    Returns:
        A record with ``picture`` (its key), ``path`` and its facts, and one of ``failure`` (a sentence), ``near_grey``
        (True), or ``rows`` (colorizer to figures), ``features`` (colorizer to set of features to base64 of float16)
        and ``sky_dependence`` (colorizer to figures).
    """
    record: dict = {"picture": picture.key, "path": picture.path, "source": picture.source, "scene": picture.scene}
    try:
        rgb = reduce(picture.read().rgb, bench.size)
    except (UnreadableImageError, OSError) as error:
        return {**record, "failure": str(error)}
    if min(rgb.shape[:2]) < _MIN_SIDE:
        height, width = rgb.shape[:2]
        said = (
            f"{picture.path}: {width} × {height} px is too small to measure, at least {_MIN_SIDE} px a side are needed."
        )
        return {**record, "failure": said}
    record["sha1"] = hashlib.sha1(rgb.tobytes()).hexdigest()
    # Pictures that fill the memory are measured one at a time, smaller ones side by side.
    with bench.large if rgb[..., 0].size > _PIXELS_AT_ONCE else contextlib.nullcontext():
        return _measure(picture, rgb, record, bench, sweep)


def _measure(picture: Picture, rgb: np.ndarray, record: dict, bench: Bench, sweep: bool) -> dict:
    truth = Truth.of(_tensor(rgb, bench.device))
    if colour.mean_chroma(truth.lab).item() < bench.near_grey:
        return {**record, "near_grey": True}
    record["sky"], record["sky_by"], mask = _sky_of(picture, rgb, bench)
    grey = make_input(rgb, bench.input_kind, bench.degradation, int(picture.key[:8], 16))
    results: dict[str, np.ndarray] = {}
    for name, colorizer in bench.colorizers.items():
        try:
            given = Image.fromarray(rgb) if colorizer.kind == "ceiling" else grey
            results[name] = np.array(colorizer(given, picture.path))
        except Exception as error:  # whatever a stranger's colorizer does, the run goes on and says so
            return {**record, "failure": f"{picture.path}: {name} failed, the picture is left out for all ({error})."}
    given = rgb_to_lab(_tensor(np.array(grey), bench.device))
    fresh = {name: c for name, c in bench.colorizers.items() if c.fresh and c.kind in ("model", "function")}
    record["rows"], record["features"] = {}, {}
    labs: dict[str, torch.Tensor] = {}
    together = max(1, _PIXELS_AT_ONCE // rgb[..., 0].size)  # results of one picture, measured side by side
    names = list(results)
    for first in range(0, len(names), together):
        part = names[first : first + together]
        predicted = torch.cat([_tensor(results[name], bench.device) for name in part])
        lab = rgb_to_lab(predicted)
        record["rows"] |= dict(zip(part, figures(predicted, truth, given, bench, lab), strict=True))
        labs |= {name: lab[place : place + 1] for place, name in enumerate(part) if name in fresh}
        features = {kind: extract(predicted) for kind, extract in bench.features.items()}
        for place, name in enumerate(part):
            record["features"][name] = {kind: _packed(found[place]) for kind, found in features.items()}
    try:
        if bench.sky_dependence and bench.sky is not None:
            record["sky_dependence"] = _sky_dependence(record["sky"], mask, rgb, truth, grey, labs, fresh, bench)
        if sweep:
            for name, colorizer in fresh.items():
                record["rows"][name]["size_sweep_std"] = size_sweep(grey, _as_array(colorizer))
    except Exception as error:  # likewise
        return {**record, "rows": {}, "failure": f"{picture.path}: failed on a part of the picture ({error})."}
    if bench.thumbnails:
        _save_thumbnails(bench.thumbnails / picture.key, {**results, "input": np.array(grey)})
    return record


def figures(
    predicted: torch.Tensor,
    truth: Truth,
    given_lab: torch.Tensor,
    bench: Bench,
    lab: torch.Tensor | None = None,
) -> list[dict[str, float | None]]:
    """All figures of several results for one picture; None where a figure has no meaning.

    Args:
        predicted: sRGB [K, 3, H, W] in [0, 1].
        truth: of [1, 3, H, W].
        given_lab: CIE Lab [1, 3, H, W] of the grey picture.
        bench: what to measure with.
        lab: CIE Lab of ``predicted`` where it is known.
    """
    lab = rgb_to_lab(predicted) if lab is None else lab
    error_mean, error_p95 = colour.delta_e(lab, truth.lab)
    hues = sepia.hue_statistics(lab)
    signed, absolute = colour.colorfulness_signed(predicted), colour.colorfulness_absolute(predicted)
    columns: dict[str, torch.Tensor | None] = {
        "psnr_rgb": pixel.psnr_rgb(predicted, truth.rgb),
        "psnr_colour": pixel.psnr_colour(lab, truth.lab, truth.rgb),
        "mae_rgb": pixel.mae_rgb(predicted, truth.rgb),
        "ssim_rgb": pixel.ssim_rgb(predicted, truth.rgb),
        "ciede2000_mean": error_mean,
        "ciede2000_p95": error_p95,
        "ab_rmse": colour.ab_rmse(lab, truth.lab),
        "chroma_mean": hues["chroma_mean"],
        "chroma_p95": hues["chroma_p95"],
        "chroma_ratio": hues["chroma_mean"] / colour.mean_chroma(truth.lab),
        "hue": hues["hue"],
        "hue_concentration": hues["concentration"],
        "sepia_index": sepia.sepia_index(hues),
        "sepia": sepia.is_sepia(hues).float(),
        "one_hue": sepia.is_one_hue(hues).float(),
        "effective_hues": sepia.effective_hues(lab),
        "hue_distance": colour.hue_distance(lab, truth.lab),
        "auc": colour.auc(lab, truth.lab),
        "colorfulness_signed": signed,
        "colorfulness_absolute": absolute,
        "cf_signed_shift": signed - colour.colorfulness_signed(truth.rgb),
        "cf_absolute_shift": absolute - colour.colorfulness_absolute(truth.rgb),
        "l_shift": pixel.l_shift(lab, given_lab),
        "incoherence": coherence.incoherence(lab, truth.lab),
        "edge_alignment": pixel.edge_alignment(lab),
    }
    if bench.auc_weights is not None:
        columns["auc_rebalanced"] = colour.auc(lab, truth.lab, bench.auc_weights.to(bench.device))
        weight = bench.auc_weights[colour.ab_bins(truth.lab).cpu()].mean()
        columns["auc_weight"] = weight.expand(len(predicted))
    for net, distance in bench.lpips.items():
        # LPIPS halves a picture several times; below 32 px nothing is left to compare.
        columns[f"lpips_{net}"] = distance(predicted, truth.rgb) if min(truth.rgb.shape[-2:]) >= 32 else None
    lists = {key: [None] * len(predicted) if value is None else value.tolist() for key, value in columns.items()}
    rows = [{key: values[place] for key, values in lists.items()} for place in range(len(predicted))]
    if bench.legacy:
        for place, row in enumerate(rows):
            row |= legacy.legacy(lab[place : place + 1], truth.lab)
    return [
        {key: None if value is None or not np.isfinite(value) else round(value, 6) for key, value in row.items()}
        for row in rows
    ]


def size_sweep(grey: Image.Image, colorize: Callable[[Image.Image], np.ndarray]) -> float:
    """Standard deviation of ab over results at several sizes, root mean square over pixels, CIE units; 0 is stable."""
    fields = []
    for long_side in SWEEP:
        scale = long_side / max(grey.size)
        size = tuple(max(16, round(side * scale)) for side in grey.size)
        result = colorize(grey.resize(size, Image.Resampling.BICUBIC))
        fields.append(rgb_to_lab(_tensor(result, "cpu"))[:, 1:])
    small = min((field.shape[-2:] for field in fields), key=lambda shape: shape[0])
    fields = [torch.nn.functional.interpolate(field, size=small, mode="area") for field in fields]
    return torch.stack(fields).var(dim=0, correction=0).sum(dim=1).mean().sqrt().item()


def _sky_of(picture: Picture, rgb: np.ndarray, bench: Bench) -> tuple[str, str, np.ndarray | None]:
    """The label, who gave it, and the mask where it was needed for that."""
    if picture.sky or bench.sky is None:
        return picture.sky, picture.sky_by, None
    mask = bench.sky(rgb)
    return sky_label(sky_fraction(mask)), "model", mask


def _sky_dependence(
    sky: str,
    mask: np.ndarray | None,
    rgb: np.ndarray,
    truth: Truth,
    grey: Image.Image,
    labs: dict[str, torch.Tensor],
    fresh: dict[str, Colorizer],
    bench: Bench,
) -> dict:
    cut = find_cut(rgb, bench.sky, mask) if sky == "yes" and fresh else None
    found = {}
    for name, colorizer in fresh.items():
        if cut is not None:
            found[name] = without_sky(truth.lab, grey, labs[name], cut, _as_array(colorizer))
        elif sky == "no":
            found[name] = with_added_sky(grey, labs[name], _as_array(colorizer))
    return found


def _as_array(colorizer: Colorizer) -> Callable[[Image.Image], np.ndarray]:
    return lambda grey: np.array(colorizer(grey, ""))


def _tensor(rgb: np.ndarray, device: str) -> torch.Tensor:
    return to_tensor(rgb).to(device)


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


__all__ = ["SWEEP", "Bench", "Truth", "figures", "measure_picture", "reduce", "size_sweep", "unpacked"]
