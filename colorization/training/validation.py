"""What a training run is watched by: measures of the harness on fixed validation pictures, and grids of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import datasets
import numpy as np
import torch
from PIL import Image, ImageOps

from eval.colorizers import CEILING, Colorizer
from eval.inputs import make_input
from eval.measures import MEASURES
from eval.measuring import Bench, measure_picture, reduce, unpacked
from eval.metrics.distribution import kernel_distance
from eval.pictures import Picture
from eval.statistics import draw_weights, estimate

from ..data.pictures import read_row
from ..files import replace_file
from ..model.image_processing_colorization import ColorizationImageProcessor
from ..model.images import Photo
from ..model.modeling_colorization import ColorizationModel
from ..model.pipeline_colorization import ColorizationPipeline
from .recipe import Recipe

MAX_SIDE = 512
"""Pixels; larger pictures are reduced first, as by ``python -m eval run --size 512``."""
_WATCHED = (
    "psnr_rgb_mean",
    "mae_rgb_mean",
    "ciede2000_mean",
    "ab_rmse_mean",
    "chroma_ratio_median",
    "collapse_rate",
    "sepia_rate",
    "one_hue_rate",
)
_DISTANCE = "kd_squeezenet"
_WITHOUT_SKY = "no_sky_"  # before the names of figures of pictures without a sky, where models fail first
logger = logging.getLogger(__name__)
_SHOWN = 8  # pictures of a grid


def _held(name: str, photo: Photo, sky: str) -> Picture:
    """A picture of the harness that is in memory already."""
    return Picture(name, lambda: photo, sky=sky)


class HarnessValidation:
    """Measures of the evaluation harness on fixed pictures, spread over the whole set: its figures, to the last digit.

    Args:
        pictures: validation pictures, of the disk or streamed.
        recipe: how many, the working size of the model, and whether sets are compared too.

    Raises:
        ValueError: if a picture cannot be read, or all are nearly grey.
    """

    higher_is_better: Mapping[str, bool]
    """Of what is measured of these pictures."""

    def __init__(self, pictures: datasets.Dataset | datasets.IterableDataset, recipe: Recipe) -> None:
        if isinstance(pictures, datasets.IterableDataset):
            rows = pictures.take(recipe.validation_pictures)
        else:
            count = min(len(pictures), recipe.validation_pictures)
            rows = (pictures[number * len(pictures) // count] for number in range(count))
        self.side, self.processor = recipe.crop_sizes[-1], ColorizationImageProcessor(recipe.working_size)
        self.pictures: list[Picture] = []
        for number, row in enumerate(rows):
            self.pictures.append(_held(str(number), Photo(reduce(read_row(row).rgb, MAX_SIDE)), row.get("sky") or ""))
        without = [picture.sky == "no" for picture in self.pictures]
        self.higher_is_better = {
            prefix + measure.key: measure.better == "higher"
            for prefix in ("", *[_WITHOUT_SKY] * any(without))
            for measure in MEASURES
            if measure.key in _WATCHED
        }
        # Half of those shown have no sky, where it is known: the hard ones.
        order = sorted(range(len(without)), key=lambda index: not without[index])
        shown = {*order[: _SHOWN // 2], *order[-_SHOWN // 2 :]} if any(without) else range(min(_SHOWN, len(without)))
        self.shown = [self.pictures[index].read().rgb for index in sorted(shown)]
        self.features: dict[str, Callable] = {}
        if recipe.set_distance:
            from eval.metrics.perceptual import SqueezeFeatures

            self.features["squeezenet"] = SqueezeFeatures()

    @torch.inference_mode()
    def __call__(self, model: ColorizationModel) -> dict[str, float]:
        """Figures of the pictures as ``python -m eval run`` has them; see ``eval/measures.yaml``.

        Those of the pictures without a sky are there too, where it is known: ``no_sky_psnr_rgb_mean`` and so on.

        Raises:
            ValueError: if none of the pictures has color and can be measured.
        """
        pipe = self._pipeline(model)
        # One at a time: in a batch a color is rounded the other way now and then, and figures move in the sixth digit.
        colorizers = {"model": Colorizer("model", "model", lambda grey, path: pipe(grey))}
        if self.features:
            colorizers[CEILING] = Colorizer(CEILING, "ceiling", lambda picture, path: picture)
        bench = Bench(colorizers, sky_dependence=False, features=self.features)
        records = [measure_picture(picture, bench) for picture in self.pictures]
        for record in records:
            if "failure" in record:
                logger.warning("Left out of the validation: %s", record["failure"])
        records = [record for record in records if record.get("rows")]
        if not records:
            raise ValueError("None of the validation pictures is colorful enough to judge by.")
        metrics = _figures(records)
        without = [record for record in records if record["sky"] == "no"]
        if without:
            metrics |= {_WITHOUT_SKY + key: value for key, value in _figures(without).items()}
        if self.features:
            made, truth = (
                np.stack([unpacked(record["features"][name]["squeezenet"]) for record in records])
                for name in ("model", CEILING)
            )
            metrics[_DISTANCE] = kernel_distance(made, truth, paired=True)
        return metrics

    @torch.inference_mode()
    def draw(self, model: ColorizationModel, path: Path) -> None:
        """Write a grid: a column a picture, rows input, output and truth."""
        pipe, side = self._pipeline(model), self.side
        grid = Image.new("RGB", (side * len(self.shown), side * 3))
        for column, rgb in enumerate(self.shown):
            grey = make_input(rgb)
            for row, picture in enumerate((grey, pipe(grey), Image.fromarray(rgb))):
                grid.paste(ImageOps.fit(picture, (side, side)), (column * side, row * side))
        path.parent.mkdir(parents=True, exist_ok=True)
        with replace_file(path) as fresh:
            grid.save(fresh, "PNG")

    def _pipeline(self, model: ColorizationModel) -> ColorizationPipeline:
        return ColorizationPipeline(model=model, image_processor=self.processor, device=model.device)


def _figures(records: list[dict]) -> dict[str, float]:
    """What is watched, over the pictures of these records."""
    rows, weights = [record["rows"]["model"] for record in records], draw_weights(len(records), draws=2)
    found = {measure.key: estimate(measure, rows, weights) for measure in MEASURES if measure.key in _WATCHED}
    return {key: value["value"] for key, value in found.items() if value}
