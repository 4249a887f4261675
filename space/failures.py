"""When it fails: the published figures, and the experiment that shows what a missing sky does."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from colorization.drawing import draw_landscape
from colorization.model.images import Photo, read_photo
from space.language import say
from space.models import PageError, predict
from space.service import MAX_MEGAPIXELS, ColorizeService

logger = logging.getLogger(__name__)

FIGURES = Path(__file__).with_name("figures.json")
_WEIGHTS = "model.safetensors"
_LONGEST_SIDE = 1200


@dataclass(frozen=True)
class Figures:
    """Published figures, as ``scripts/page_figures.py`` writes them; ``current``: measured on the weights in use."""

    content: dict
    current: bool

    def value(self, part: str, column: str, measure: str) -> float | None:
        """A figure of a slice ("all", "sky no", ...) and column ("model", "grey", "truth"); None if not measured."""
        found = self.figure(part, column, measure)
        return None if found is None else found["value"]

    def figure(self, part: str, column: str, measure: str) -> dict | None:
        """As :meth:`value`, with its 95 % ``interval``."""
        return self.content["slices"].get(part, {}).get(column, {}).get(measure)


@dataclass(frozen=True)
class Experiment:
    """The same ground colored twice.

    Attributes:
        pictures: (file, key of its caption in ``texts.json``), in the order to show them.
        chroma_with, chroma_without: mean chroma of the ground in CIE units, with the sky in sight and cut away.
        cut: part of the picture's height that was cut away.
    """

    pictures: tuple[tuple[Path, str], ...]
    chroma_with: float
    chroma_without: float
    cut: float


def read_figures(weights_folder: Path | None, path: Path = FIGURES) -> Figures | None:
    """The published figures; None, with a line in the log, if there are none.

    Args:
        weights_folder: of the model in use; None if it is not on this disk.
        path: the file.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        content["slices"]["all"]["model"], content["weights_sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        logger.warning("No published figures: %s cannot be used (%s).", path, error)
        return None
    weights = weights_folder / _WEIGHTS if weights_folder else None
    if weights is None or not weights.is_file():
        return Figures(content, False)
    return Figures(content, hashlib.sha256(weights.read_bytes()).hexdigest() == content["weights_sha256"])


class SkyExperiment:
    """Colors a picture whole, and again without its sky. The drawn picture's result is made once and kept."""

    def __init__(self, service: ColorizeService) -> None:
        self._service = service
        self._lock = threading.Lock()
        self._kept: Experiment | None = None
        self._folder: tempfile.TemporaryDirectory | None = None

    def on_drawing(self) -> Experiment:
        """The experiment on the landscape that the project draws."""
        with self._lock:
            if self._kept is None:
                self._folder = tempfile.TemporaryDirectory(prefix="landscape-sky-", ignore_cleanup_errors=True)
                self._kept = self._run(Photo(np.array(draw_landscape().convert("RGB"))), Path(self._folder.name))
            return self._kept

    def on_photograph(self, source: Path) -> Experiment:
        """The experiment on a visitor's picture, reduced to at most 1200 pixels a side.

        Raises:
            UnreadableImageError: if it is no picture.
            PageError: if there is no sky in it to cut away, or too little would remain.
        """
        if not source.exists():
            raise PageError(say("gone"))
        photo = read_photo(source, max_megapixels=MAX_MEGAPIXELS)
        picture = Image.fromarray(photo.rgb)
        picture.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
        return self._run(Photo(np.array(picture), name=photo.name), self._service.fresh_folder())

    def _run(self, photo: Photo, folder: Path) -> Experiment:
        import torch

        from colorization.model.color import rgb_to_lab, to_tensor
        from eval.inputs import make_input
        from eval.metrics.colors import mean_chroma
        from eval.sky_dependence import horizon

        segmenter = self._service.models.sky()
        if segmenter is None:
            raise PageError(say("no_sky_model"))
        row = horizon(segmenter(photo.rgb))
        if row is None:
            raise PageError(say("no_sky_to_cut", name=photo.name))
        grey = np.array(make_input(photo.rgb))
        whole, ground = self._colored(grey, photo.name), self._colored(grey[row:], photo.name)

        def chroma(rgb: np.ndarray) -> float:
            with torch.inference_mode():
                return mean_chroma(rgb_to_lab(to_tensor(rgb))).item()

        with_sky, without = chroma(whole[row:]), chroma(ground)
        pictures = []
        for stem, rgb, caption in (
            ("grey", grey, "sees"),
            ("whole", whole, "whole"),
            ("with", whole[row:], "ground_with"),
            ("without", ground, "ground_without"),
        ):
            Image.fromarray(rgb).save(folder / f"{stem}.png", compress_level=1)
            pictures.append((folder / f"{stem}.png", caption))
        return Experiment(tuple(pictures), with_sky, without, row / photo.height)

    def _colored(self, grey: np.ndarray, name: str) -> np.ndarray:
        pipeline, photo = self._service.models.pipeline(), Photo(np.ascontiguousarray(grey), name=name)
        return np.array(pipeline.apply_ab(photo, predict(self._service.models, photo)))
