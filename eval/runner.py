"""Set of pictures × colorizers → one row a pair."""

from __future__ import annotations

import csv
import logging
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from colorization.color import join, lightness
from colorization.images import UnreadableImageError, read_photo

from .colorizers import make_colorizer
from .metrics.colour import ab_rmse, chroma_ratio, mean_chroma
from .metrics.perceptual import Lpips
from .metrics.pixel import psnr_rgb
from .results import Row

logger = logging.getLogger(__name__)

_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
NEAR_GREY = 3.0  # CIE units of mean chroma; references below it have no colour to be measured against


def find_pictures(data: Path) -> list[tuple[Path, dict[str, str]]]:
    """Pictures below a folder, with their row of ``manifest.csv`` where one lies in it or above it."""
    known = {}
    for folder in (data, *data.resolve().parents):
        if (folder / "manifest.csv").is_file():
            with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
                known = {(folder / row["path"]).resolve(): row for row in csv.DictReader(file)}
            break
    files = sorted(path for path in data.rglob("*") if path.suffix.lower() in _SUFFIXES)
    return [(path, known.get(path.resolve(), {})) for path in files]


def reduce(rgb: np.ndarray, size: int | None) -> np.ndarray:
    """A picture whose long side is at most ``size`` px, antialiased."""
    picture = Image.fromarray(rgb)
    if size:
        picture.thumbnail((size, size), Image.Resampling.LANCZOS)
    return np.array(picture)


def run(data: Path, colorizers: dict[str, str], limit: int | None, size: int | None) -> tuple[list[Row], dict]:
    """Measure colorizers on the pictures of a folder.

    The reference is the colour picture; its grey version (same L*, a* = b* = 0, 8 bits) is what a colorizer gets.

    Returns:
        One row a picture and colorizer, and the counts of what was left out.
    """
    pictures = find_pictures(data)
    if limit:
        count = min(limit, len(pictures))
        pictures = [pictures[i * len(pictures) // count] for i in range(count)]
    made = {name: make_colorizer(spec) for name, spec in colorizers.items()}
    try:
        lpips = Lpips()
    except Exception as error:  # a download fails in many ways
        logger.warning("LPIPS is not computed: its weights cannot be had (%s).", error)
        lpips = None
    rows: list[Row] = []
    failures: list[str] = []
    near_grey = 0
    for path, facts in tqdm(pictures, unit="picture", disable=None):
        try:
            truth_rgb = reduce(read_photo(path).rgb, size)
        except UnreadableImageError as error:
            failures.append(str(error))
            continue
        truth = _tensor(truth_rgb)
        if mean_chroma(truth).item() < NEAR_GREY:
            near_grey += 1
            continue
        plane = lightness(torch.from_numpy(truth_rgb))
        grey = Image.fromarray(join(plane, torch.zeros(2, *plane.shape)).numpy())
        measured: list[Row] = []
        for name, colorizer in made.items():
            try:
                coloured = colorizer(grey)
                if coloured.size != grey.size or coloured.mode != "RGB":
                    raise ValueError(f"returned {coloured.mode} {coloured.size}, not RGB {grey.size}")
                predicted = _tensor(np.array(coloured))
                distance = lpips(predicted, truth).item() if lpips else None
            except Exception as error:  # whatever a stranger's colorizer does, the run goes on and says so
                failures.append(f"{path.name}: {name} failed and the picture is left out for all ({error}).")
                break
            measured.append(
                {
                    "path": path.relative_to(data).as_posix(),
                    "source": facts.get("source", ""),
                    "scene": facts.get("scene", ""),
                    "sky": facts.get("sky", ""),
                    "colorizer": name,
                    "psnr_rgb": psnr_rgb(predicted, truth).item(),
                    "lpips_squeeze": distance,
                    "ab_rmse": ab_rmse(predicted, truth).item(),
                    "chroma_ratio": chroma_ratio(predicted, truth).item(),
                }
            )
        else:  # only pictures that all colorizers did: the rows of a table stand for the same set
            rows += measured
    return rows, {"pictures": len(pictures), "near_grey_left_out": near_grey, "failures": failures}


def _tensor(rgb: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 255
