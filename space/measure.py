"""Compare and measure: a color photograph is made grey, colored again, and held against the truth."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from PIL import Image, ImageOps

from colorization.model.images import Photo, read_photo
from space.language import number, percent, say
from space.models import Models, PageError, predict
from space.service import MAX_MEGAPIXELS, ColorizeService

logger = logging.getLogger(__name__)

LONGEST_SIDE = 1024
"""Pixels that are measured: the measures of the harness take some seconds on larger ones."""
MAP_TOP = 40.0
"""CIEDE2000 that the map of errors shows brightest."""
MAP_COLORS = ("#05041a", "#b63458", "#fcfdbf")
RELEASE, GREY, SECOND, TRUTH = "This model", "No color at all", "The other model", "Truth"
_COLUMNS = {RELEASE: "column model", GREY: "column grey", SECOND: "column other", TRUTH: "column truth"}


@dataclass(frozen=True)
class Measure:
    """A figure of the table: its key, decimals and unit; title and meaning stand in ``texts.json``."""

    key: str
    digits: int
    unit: str = ""


MEASURES = (
    Measure("ciede2000", 1),
    Measure("chroma_ratio", 2),
    Measure("psnr", 1, " dB"),
    Measure("sepia_index", 2),
    Measure("ssim", 3),
)


@dataclass(frozen=True)
class Comparison:
    """What the tab shows.

    Attributes:
        pictures: (file, caption) of each picture, in the order to show them.
        figures: column ("This model", ...) to key of a measure to its value; None where it has no meaning.
        sky_share: part of the picture that is sky, 0 to 1; None where the sky model is missing.
        sky_label: "yes", "no" or "uncertain"; None likewise.
        size: (width, height) in pixels that was measured.
    """

    pictures: tuple[tuple[Path, str], ...]
    figures: dict[str, dict[str, float | None]]
    sky_share: float | None
    sky_label: str | None
    size: tuple[int, int]


def compare(service: ColorizeService, source: Path, second: Models | None = None) -> Comparison:
    """Do all of :func:`compare_in_steps` at once."""
    *_, found = compare_in_steps(service, source, second)
    return cast(Comparison, found)  # the last


def warm_up() -> None:
    """Load what measuring takes, which is seconds of importing, before anybody waits for it."""
    import torch

    with torch.inference_mode():
        _figures(np.zeros((32, 32, 3), np.uint8), np.full((32, 32, 3), 9, np.uint8))


def compare_in_steps(
    service: ColorizeService, source: Path, second: Models | None = None
) -> Iterator[str | Comparison]:
    """Grey a color photograph, color it, and measure the result and a baseline against the truth.

    Args:
        service: with the model that is measured.
        source: the visitor's file.
        second: another model as the baseline; None for the grey picture.

    Yields:
        What is done now, in words, a few times; at last the comparison.

    Raises:
        UnreadableImageError: if it is no picture.
        PageError: if it has no color to compare with.
    """
    # Imported here: the page opens without waiting for the measures.
    import torch

    from colorization.model.color import NEAR_GREY
    from colorization.sky import sky_fraction, sky_label
    from eval.inputs import make_input

    yield say("reading")
    truth = _reduced(source)
    grey = make_input(truth.rgb)
    yield say("coloring_again")
    with torch.inference_mode():
        if _mean_chroma(truth.rgb) < NEAR_GREY:
            raise PageError(say("no_truth", name=truth.name))
        results = {RELEASE: _colored(service.models, grey, truth.name)}
        baseline = GREY if second is None else SECOND
        results[baseline] = np.array(grey) if second is None else _colored(second, grey, truth.name)
    figures, maps = {}, {}
    for name, rgb in [*results.items(), (TRUTH, truth.rgb)]:
        yield say("measuring", name=column_name(name))
        with torch.inference_mode():
            figures[name], maps[name] = _figures(rgb, truth.rgb)
    yield say("drawing_maps")
    folder = service.fresh_folder()
    shown: list[tuple[str, Image.Image, str]] = [
        ("truth", Image.fromarray(truth.rgb), column_name(TRUTH)),
        ("grey", grey, say("made_grey")),
        ("model", Image.fromarray(results[RELEASE]), column_name(RELEASE)),
        ("model-errors", _map(maps[RELEASE]), say("errors_of", name=column_name(RELEASE))),
    ]
    if second is not None:
        shown.append(("other", Image.fromarray(results[SECOND]), column_name(SECOND)))
    shown.append(("baseline-errors", _map(maps[baseline]), say("errors_of", name=column_name(baseline))))
    share = label = None
    if segmenter := service.models.sky():
        mask = segmenter(truth.rgb)
        share = sky_fraction(mask)
        label = sky_label(share)
        shown.append(("sky", _sky_picture(truth.rgb, mask), say("sky_share", share=percent(share))))
    pictures = []
    for stem, picture, caption in shown:
        picture.save(folder / f"{stem}.png", compress_level=1)
        pictures.append((folder / f"{stem}.png", caption))
    yield Comparison(tuple(pictures), figures, share, label, (truth.width, truth.height))


def written(measure: Measure, value: float | None) -> str:
    """A value as the page shows it."""
    return "–" if value is None else f"{number(value, measure.digits)}{measure.unit}"


def column_name(column: str) -> str:
    """A column of ``Comparison.figures`` as the page shows it."""
    return say(_COLUMNS[column])


def _reduced(source: Path) -> Photo:
    if not source.exists():
        raise PageError(say("gone"))
    photo = read_photo(source, max_megapixels=MAX_MEGAPIXELS)
    picture = Image.fromarray(photo.rgb)
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return read_photo(picture, name=photo.name)


def _colored(models: Models, grey: Image.Image, name: str) -> np.ndarray:
    pipeline, photo = models.pipeline(), Photo(np.array(grey), name=name)
    return np.array(pipeline.apply_ab(photo, predict(models, photo)))


def _mean_chroma(rgb: np.ndarray) -> float:
    from colorization.model.color import rgb_to_lab, to_tensor
    from eval.metrics.colors import mean_chroma

    return mean_chroma(rgb_to_lab(to_tensor(rgb))).item()


def _figures(rgb: np.ndarray, truth: np.ndarray) -> tuple[dict[str, float | None], np.ndarray]:
    """The figures of one result, and its CIEDE2000 at each pixel [H, W]."""
    from colorization.model.color import rgb_to_lab, to_tensor
    from eval.metrics import colors, pixel, sepia

    result, right = to_tensor(rgb), to_tensor(truth)
    lab, right_lab = rgb_to_lab(result), rgb_to_lab(right)
    difference = colors.ciede2000(lab, right_lab)[0]
    try:
        ssim = pixel.ssim_rgb(result, right)
    except ImportError:
        logger.warning("SSIM is not measured: torchmetrics is not installed.")
        ssim = None
    values = {
        "ciede2000": difference.mean().item(),
        "psnr": pixel.psnr_rgb(result, right).item(),
        "chroma_ratio": colors.chroma_ratio(lab, right_lab).item(),
        "sepia_index": sepia.sepia_index(sepia.hue_statistics(lab)).item(),
        "ssim": None if ssim is None else ssim.item(),
    }
    finite = {key: value if value is not None and math.isfinite(value) else None for key, value in values.items()}
    return finite, difference.numpy()


def _map(difference: np.ndarray) -> Image.Image:
    """CIEDE2000 [H, W] as a picture: dark is right, bright is ``MAP_TOP`` or more."""
    scaled = Image.fromarray((difference / MAP_TOP * 255).clip(0, 255).astype(np.uint8))
    low, middle, high = MAP_COLORS
    return ImageOps.colorize(scaled, black=low, mid=middle, white=high)


def _sky_picture(rgb: np.ndarray, mask: np.ndarray) -> Image.Image:
    """The photograph in pale grey, the sky in blue."""
    grey = Image.fromarray(rgb).convert("L").convert("RGB")
    blue = ImageOps.colorize(grey.convert("L"), black="#003a70", white="#9fd4ff")
    return Image.composite(blue, grey, Image.fromarray((mask * 255).astype(np.uint8)))
