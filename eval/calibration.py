"""Evidence for the thresholds of the sepia index: how many real photographs they flag."""

from __future__ import annotations

import numpy as np
import torch
from tqdm import tqdm

from colorization.model.color import rgb_to_lab
from colorization.model.images import UnreadableImageError

from .measuring import reduce
from .metrics.sepia import HUES, MAX_CHROMA_P95, MIN_CHROMA, MIN_CONCENTRATION, hue_statistics
from .pictures import open_set
from .runner import NEAR_GREY


def calibrate(data: str, split: str) -> str:
    """A table of false alarms on the true colours of a set, for thresholds around the ones in use."""
    facts: list[tuple[float, float, float, float]] = []
    pictures, _ = open_set(data, split)
    for picture in tqdm(pictures, unit="picture", disable=None):
        try:
            rgb = reduce(picture.read().rgb, 512)
        except (UnreadableImageError, OSError):
            continue
        found = hue_statistics(rgb_to_lab(torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 255))
        facts.append(tuple(found[key].item() for key in ("concentration", "hue", "chroma_mean", "chroma_p95")))
    concentration, hue, mean, p95 = np.array(facts).T
    coloured = mean >= NEAR_GREY
    brown = (hue >= HUES[0]) & (hue <= HUES[1]) & (mean >= MIN_CHROMA)
    lines = [
        f"{coloured.sum()} photographs with a mean chroma of at least {NEAR_GREY}, {(brown & coloured).sum()} of them",
        f"with a mean hue of {HUES[0]:.0f}° to {HUES[1]:.0f}°. Share flagged as sepia (in use: concentration above",
        f"{MIN_CONCENTRATION}, p95 of chroma below {MAX_CHROMA_P95:.0f}):",
        "",
        "| concentration above | " + " | ".join(f"p95 < {edge}" for edge in (15, 20, 25, 30, 40)) + " |",
        "|---" * 6 + "|",
    ]
    for least in (0.90, 0.93, 0.95, 0.97, 0.98, 0.99):
        shares = [
            (brown & coloured & (concentration > least) & (p95 < edge)).sum() / coloured.sum()
            for edge in (15, 20, 25, 30, 40)
        ]
        lines.append(f"| {least:.2f} | " + " | ".join(f"{share:.2%}" for share in shares) + " |")
    return "\n".join(lines)
