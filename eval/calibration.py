"""Evidence for the thresholds of the sepia and one-hue rates: how many real photographs they flag."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tqdm import tqdm

from colorization.model.color import NEAR_GREY, rgb_to_lab, to_tensor
from colorization.model.images import UnreadableImageError

from .measuring import reduce
from .metrics.sepia import HUES, MAX_CHROMA_P95, MIN_CHROMA, MIN_CONCENTRATION, effective_hues, hue_statistics
from .pictures import open_set

_SLICES = {"all": None, "sky in sight": "yes", "no sky in sight": "no"}


def calibrate(data: str, split: str, manifest: Path | None = None) -> str:
    """Count false alarms on the true colors of a set, for thresholds around the ones in use: Markdown."""
    facts: list[tuple[float, ...]] = []
    labels: list[str] = []
    pictures, _ = open_set(data, split, manifest=manifest)
    for picture in tqdm(pictures, unit="picture", disable=None):
        try:
            rgb = reduce(picture.read().rgb, 512)
        except (UnreadableImageError, OSError):
            continue
        lab = rgb_to_lab(to_tensor(rgb))
        found = hue_statistics(lab) | {"effective_hues": effective_hues(lab)}
        keys = ("concentration", "hue", "chroma_mean", "chroma_p95", "effective_hues")
        facts.append(tuple(found[key].item() for key in keys))
        labels.append(picture.sky)
    table = np.array(facts).reshape(-1, 5)
    colored = table[:, 2] >= NEAR_GREY
    if not colored.any():
        raise ValueError(f"{data}: there is no color picture in it.")
    return "\n".join([*_sepia(table[colored]), "", *_one_hue(table[colored], np.array(labels)[colored])])


def _sepia(table: np.ndarray) -> list[str]:
    concentration, hue, mean, p95, _ = table.T
    brown = (hue >= HUES[0]) & (hue <= HUES[1]) & (mean >= MIN_CHROMA)
    lines = [
        f"{len(table)} photographs with a mean chroma of at least {NEAR_GREY}, {brown.sum()} of them",
        f"with a mean hue of {HUES[0]:.0f}° to {HUES[1]:.0f}°. Share flagged as sepia (in use: concentration above",
        f"{MIN_CONCENTRATION}, p95 of chroma below {MAX_CHROMA_P95:.0f}):",
        "",
        "| concentration above | " + " | ".join(f"p95 < {edge}" for edge in (15, 20, 25, 30, 40)) + " |",
        "|---" * 6 + "|",
    ]
    for least in (0.90, 0.93, 0.95, 0.97, 0.98, 0.99):
        shares = [(brown & (concentration > least) & (p95 < edge)).mean() for edge in (15, 20, 25, 30, 40)]
        lines.append(f"| {least:.2f} | " + " | ".join(f"{share:.2%}" for share in shares) + " |")
    return lines


def _one_hue(table: np.ndarray, labels: np.ndarray) -> list[str]:
    parts = {name: table if sky is None else table[labels == sky] for name, sky in _SLICES.items()}
    parts = {name: rows for name, rows in parts.items() if len(rows)}
    lines = [
        f"Share flagged as one hue, at any chroma (in use: concentration above {MIN_CONCENTRATION}):",
        "",
        "| concentration above | " + " | ".join(f"{name} ({len(rows)})" for name, rows in parts.items()) + " |",
        "|---" * (len(parts) + 1) + "|",
    ]
    for least in (0.90, 0.93, 0.95, MIN_CONCENTRATION, 0.97, 0.98, 0.99):
        shares = [(rows[:, 0] > least).mean() for rows in parts.values()]
        lines.append(f"| {least:.2f} | " + " | ".join(f"{share:.1%}" for share in shares) + " |")
    means = [f"{rows[:, 4].mean():.1f} / {np.quantile(rows[:, 4], 0.05):.1f}" for rows in parts.values()]
    return [*lines, f"| effective hues, mean / 5th percentile | {' | '.join(means)} |"]
