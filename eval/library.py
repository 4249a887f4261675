"""The harness for programs: lists of pictures in, figures with intervals out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

from colorization.model.color import NEAR_GREY, rgb_to_lab, to_tensor

from .figures import Bench, Truth, figures
from .inputs import make_input
from .measures import MEASURES
from .metrics.colors import mean_chroma
from .metrics.perceptual import Lpips
from .statistics import draw_weights, estimate

Pictures = Sequence[np.ndarray | Image.Image]


def evaluate_pictures(
    results: Pictures, truths: Pictures, given: Pictures | None = None, lpips: Sequence[str] = (), device: str = "cpu"
) -> dict:
    """Measure finished pictures against color photographs, as ``python -m eval run`` does.

    Args:
        results: of a colorizer; uint8 [H, W, 3] or Pillow pictures.
        truths: the photographs, one for each result and of its size.
        given: the grey pictures that were colored; made from the truths (L* kept) where it is None.
        lpips: "squeeze", "alex" or "vgg"; their weights are downloaded once.
        device: where it is measured.

    Returns:
        ``figures`` (key of ``eval/measures.yaml`` to ``value`` and 95 % ``interval``), ``rows`` (one dict a picture
        that counts, with its place in the lists as ``number``), ``n``, and ``near_grey`` (how many were left out
        because the truth has no color).

    Raises:
        ValueError: if the lists differ in length or two pictures in size, or no truth has color.
    """
    if len(results) != len(truths) or (given is not None and len(given) != len(truths)):
        raise ValueError(f"There are {len(results)} results for {len(truths)} truths.")
    bench = Bench({}, device=device, lpips={net: Lpips(net) for net in lpips})
    for distance in bench.lpips.values():
        distance.network.to(device)
    rows = []
    with torch.inference_mode():
        for number, (result, right) in enumerate(zip(results, truths, strict=True)):
            made, rgb = _array(result, f"result {number}"), _array(right, f"truth {number}")
            grey = _array(given[number], f"grey picture {number}") if given is not None else np.array(make_input(rgb))
            if not made.shape == rgb.shape == grey.shape:
                raise ValueError(f"Picture {number}: result, truth and grey picture differ in size.")
            truth = Truth.of(to_tensor(rgb).to(device))
            if mean_chroma(truth.lab).item() >= NEAR_GREY:
                (row,) = figures(to_tensor(made).to(device), truth, rgb_to_lab(to_tensor(grey).to(device)), bench)
                rows.append({"number": number, **row})
    if not rows:
        raise ValueError("None of the truths has color, so there is nothing to be right about.")
    weights = draw_weights(len(rows))
    found = {measure.key: estimate(measure, rows, weights) for measure in MEASURES if measure.column}
    return {
        "figures": {key: value for key, value in found.items() if value},
        "rows": rows,
        "n": len(rows),
        "near_grey": len(truths) - len(rows),
    }


def _array(picture: np.ndarray | Image.Image, name: str) -> np.ndarray:
    array = np.array(picture.convert("RGB")) if isinstance(picture, Image.Image) else np.asarray(picture)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise ValueError(f"{name} is {array.dtype} {array.shape}, not a uint8 picture [H, W, 3].")
    return array
