"""Color measures for colorized photographs, for ``evaluate.load``.

The measures are the project's own files, sent beside this one: color.py (sRGB to CIE Lab), colors.py, pixel.py and
sepia.py.
"""

import datasets
import evaluate
import numpy as np
import torch

from .color import NEAR_GREY, rgb_to_lab, to_tensor
from .colors import COLLAPSED, OVERSATURATED, ab_rmse, chroma_ratio, delta_e, hue_distance, mean_chroma
from .pixel import mae_rgb, psnr_rgb
from .sepia import effective_hues, hue_statistics, is_one_hue, is_sepia
from .srgb import WHITE

# color imports srgb, and evaluate fetches only what is imported here.
# It takes a comment behind an import for an address.
__all__ = ["WHITE", "ColorizationMetric"]

_DESCRIPTION = """
Measures of color between results of a colorizer and the color photographs they were made from. PSNR alone rewards
grey; beside it stand CIEDE2000, the ratio of chroma, and the share of pictures that came out grey, sepia or of
one hue.
"""
_INPUTS = """
Args:
    predictions: pictures (Pillow, or what datasets.Image accepts), the results.
    references: the color photographs, one for each prediction and of its size.
    near_grey_chroma: references with less mean chroma than this (CIE units, 3.0) have no color to find: left out.
Returns:
    psnr_rgb_mean, mae_rgb_mean, ciede2000_mean, ciede2000_p95_mean, ab_rmse_mean, chroma_ratio_median, collapse_rate
    (chroma ratio below 0.5), oversaturation_rate (above 1.5), sepia_rate, one_hue_rate (and one_hue_rate_truth),
    effective_hues_mean, hue_distance_mean (degrees), n, near_grey_left_out. A figure without a value is None.
"""
_CITATION = """
Sharma, Wu, Dalal: The CIEDE2000 color-difference formula. Color Research and Application 30, 2005.
"""


class ColorizationMetric(evaluate.Metric):
    """PSNR, CIEDE2000, chroma ratio, collapse and sepia of colorized photographs."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_INPUTS,
            features=datasets.Features({"predictions": datasets.Image(), "references": datasets.Image()}),
        )

    def _compute(self, predictions, references, near_grey_chroma: float = NEAR_GREY) -> dict[str, float | int | None]:
        rows, near_grey = [], 0
        for number, (predicted, truth) in enumerate(zip(predictions, references, strict=True)):
            if predicted.size != truth.size:
                raise ValueError(
                    f"Picture {number}: the prediction is {predicted.size[0]} × {predicted.size[1]} pixels and its "
                    f"reference {truth.size[0]} × {truth.size[1]}; they must be of one size."
                )
            predicted, truth = _tensor(predicted), _tensor(truth)
            truth_lab = rgb_to_lab(truth)
            if mean_chroma(truth_lab).item() < near_grey_chroma:
                near_grey += 1
                continue
            lab = rgb_to_lab(predicted)
            difference, difference_p95 = delta_e(lab, truth_lab)
            values = {
                "psnr_rgb_mean": psnr_rgb(predicted, truth),
                "mae_rgb_mean": mae_rgb(predicted, truth),
                "ciede2000_mean": difference,
                "ciede2000_p95_mean": difference_p95,
                "ab_rmse_mean": ab_rmse(lab, truth_lab),
                "chroma_ratio": chroma_ratio(lab, truth_lab),
                "sepia_rate": is_sepia(hue_statistics(lab)),
                "one_hue_rate": is_one_hue(hue_statistics(lab)),
                "one_hue_rate_truth": is_one_hue(hue_statistics(truth_lab)),
                "effective_hues_mean": effective_hues(lab),
                "hue_distance_mean": hue_distance(lab, truth_lab),
            }
            rows.append({key: float(value) for key, value in values.items()})
        columns = {key: [row[key] for row in rows if np.isfinite(row[key])] for key in (rows[0] if rows else ())}
        ratios = np.array(columns.pop("chroma_ratio", []))
        figures = {key: float(np.mean(values)) if values else None for key, values in columns.items()}
        if len(ratios):
            figures["chroma_ratio_median"] = float(np.median(ratios))
            figures["collapse_rate"] = float((ratios < COLLAPSED).mean())
            figures["oversaturation_rate"] = float((ratios > OVERSATURATED).mean())
        return figures | {"n": len(rows), "near_grey_left_out": near_grey}


def _tensor(picture) -> torch.Tensor:
    """sRGB [1, 3, H, W] in [0, 1]."""
    return to_tensor(picture.convert("RGB"))
