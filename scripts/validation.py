"""What a training run is watched by: measures of the harness on fixed validation pictures, and grids of them."""

from __future__ import annotations

from pathlib import Path

import datasets
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from colorization import ColorizationModel
from colorization.data.crops import crop_at
from colorization.data.transforms import View
from colorization.model.color import fit_gamut, lab_to_rgb, rgb_to_lab
from colorization.model.image_processing_colorization import normalize_lightness
from colorization.training.recipe import Recipe
from eval.metrics import colour, pixel, sepia
from eval.metrics.distribution import kernel_distance

_SHOWN = 8  # pictures of a grid
_BATCH = 32


class HarnessValidation:
    """Measures of the evaluation harness on the middle of fixed pictures, spread over the whole set.

    Args:
        pictures: validation pictures, of the disk or streamed.
        recipe: how many, at which size, which are too grey to count, and whether sets are compared too.
    """

    higher_is_better = {
        "psnr_rgb": True,
        "mae_rgb": False,
        "ciede2000": False,
        "ab_rmse": False,
        "chroma_ratio_median": True,
        "collapse_rate": False,
        "sepia_rate": False,
        "one_hue_rate": False,
        "kernel_distance_squeezenet": False,
    }

    def __init__(self, pictures: datasets.Dataset | datasets.IterableDataset, recipe: Recipe) -> None:
        size, view = recipe.crop_sizes[-1], View(min_scale=1.0, squash=recipe.squash)
        if isinstance(pictures, datasets.IterableDataset):
            rows = pictures.take(recipe.validation_pictures)
        else:
            count = min(len(pictures), recipe.validation_pictures)
            rows = (pictures[number * len(pictures) // count] for number in range(count))
        labelled = "sky" in (pictures.column_names or ())
        crops, without = [], []
        for number, row in enumerate(rows):
            crop = crop_at(row["image"], number, size, view, seed=1).float() / 255
            ab = rgb_to_lab(crop[None])[:, 1:]
            if ab.norm(dim=1).mean() >= recipe.min_chroma:  # a grey truth has no colour to be missed
                crops.append(crop)
                without.append(labelled and row["sky"] == "no")
        if not crops:
            raise ValueError("None of the validation pictures is colourful enough to judge by (min_chroma).")
        self.rgb = torch.stack(crops)
        # Half of those shown have no sky, where it is known: the hard ones.
        order = sorted(range(len(crops)), key=lambda index: not without[index])
        self.shown = [*order[: _SHOWN // 2], *order[-_SHOWN // 2 :]] if any(without) else list(range(_SHOWN))
        self.shown = [index for index in self.shown if index < len(crops)]
        self.features = None
        if recipe.set_distance:
            from eval.metrics.perceptual import SqueezeFeatures

            self.features = SqueezeFeatures()
            self.truth = self._features(self.rgb)

    @torch.inference_mode()
    def __call__(self, model: ColorizationModel) -> dict[str, float]:
        """Means over the pictures, each of them at the recipe's last crop size; see ``eval/measures.yaml``."""
        rows: dict[str, list[torch.Tensor]] = {}
        coloured = []
        for truth in self.rgb.split(_BATCH):
            made = self._colour(model, truth)
            coloured.append(made)
            lab, true_lab = rgb_to_lab(made), rgb_to_lab(truth)
            ratio, hues = colour.chroma_ratio(lab, true_lab), sepia.hue_statistics(lab)
            for name, values in {
                "psnr_rgb": pixel.psnr_rgb(made, truth),
                "mae_rgb": pixel.mae_rgb(made, truth),
                "ciede2000": colour.delta_e(lab, true_lab)[0],
                "ab_rmse": colour.ab_rmse(lab, true_lab),
                "ratio": ratio,
                "sepia_rate": sepia.is_sepia(hues),
                "one_hue_rate": sepia.is_one_hue(hues),
            }.items():
                rows.setdefault(name, []).append(values.float())
        ratio = torch.cat(rows.pop("ratio"))
        metrics = {name: torch.cat(values).mean().item() for name, values in rows.items()}
        metrics["chroma_ratio_median"] = ratio.median().item()
        metrics["collapse_rate"] = (ratio < 0.5).float().mean().item()
        if self.features is not None:
            made = self._features(torch.cat(coloured))
            metrics["kernel_distance_squeezenet"] = kernel_distance(made, self.truth, paired=True)
        return metrics

    @torch.inference_mode()
    def draw(self, model: ColorizationModel, path: Path) -> None:
        """Write a grid: a column a picture, rows input, output and truth."""
        truth = self.rgb[self.shown]
        grey = lab_to_rgb(F.pad(rgb_to_lab(truth)[:, :1], (0, 0, 0, 0, 0, 2)))
        grid = torch.cat([torch.cat(list(row), dim=2) for row in (grey, self._colour(model, truth), truth)], dim=1)
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = (grid.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
        Image.fromarray(np.ascontiguousarray(pixels)).save(path)

    def _colour(self, model: ColorizationModel, truth: torch.Tensor) -> torch.Tensor:
        lightness = rgb_to_lab(truth)[:, :1]
        ab = model(normalize_lightness(lightness).to(model.device)).ab.cpu()
        ab = F.interpolate(ab, size=truth.shape[-2:], mode="bicubic", align_corners=False)
        return lab_to_rgb(fit_gamut(torch.cat((lightness, ab), dim=1))).clamp(0, 1)

    def _features(self, rgb: torch.Tensor) -> np.ndarray:
        return torch.cat([self.features(batch) for batch in rgb.split(_BATCH)]).numpy()
