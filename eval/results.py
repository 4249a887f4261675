"""Rows to summaries to files."""

from __future__ import annotations

import csv
import json
import os
import random
import statistics
from collections.abc import Callable
from pathlib import Path

Row = dict[str, str | float | None]

_MEASURES: dict[str, tuple[str, Callable[[list[float]], float]]] = {
    "psnr_rgb": ("RGB PSNR, dB ↑", statistics.fmean),
    "lpips_squeeze": ("LPIPS-squeeze ↓", statistics.fmean),
    "ab_rmse": ("ab RMSE ↓", statistics.fmean),
    "chroma_ratio": ("median chroma ratio → 1", statistics.median),
    "collapse": ("chroma ratio < 0.5 ↓", lambda values: statistics.fmean(value < 0.5 for value in values)),
    "oversaturation": ("chroma ratio > 1.5 ↓", lambda values: statistics.fmean(value > 1.5 for value in values)),
}


def interval(values: list[float], statistic: Callable[[list[float]], float], draws: int = 500) -> tuple[float, float]:
    """95 % percentile bootstrap interval of a statistic over pictures (Efron 1979); the seed is fixed."""
    chance = random.Random(0)
    drawn = sorted(statistic(chance.choices(values, k=len(values))) for _ in range(draws))
    return drawn[int(0.025 * draws)], drawn[int(0.975 * draws)]


def summarize(rows: list[Row]) -> list[dict]:
    """One entry a colorizer and slice (all, each source, each sky label), with n and intervals."""
    slices: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        for name in ("all", f"source {row['source']}", f"sky {row['sky']}"):
            if name != "sky ":
                slices.setdefault((name, str(row["colorizer"])), []).append(row)
    summaries = []
    for (name, colorizer), members in sorted(slices.items()):
        entry: dict = {"slice": name, "colorizer": colorizer, "n": len(members)}
        for key, (_, statistic) in _MEASURES.items():
            column = key if key in members[0] else "chroma_ratio"
            values = [float(row[column]) for row in members if row[column] is not None]
            if values:
                entry[key] = {"value": statistic(values), "interval": interval(values, statistic)}
        summaries.append(entry)
    return summaries


def to_markdown(summaries: list[dict]) -> str:
    """A table a person can read, with half-widths of the 95 % intervals."""
    lines = ["| slice | colorizer | n | " + " | ".join(title for title, _ in _MEASURES.values()) + " |"]
    lines.append("|---" * (3 + len(_MEASURES)) + "|")
    for entry in summaries:
        cells = []
        for key in _MEASURES:
            if key not in entry:
                cells.append("not computed")
                continue
            low, high = entry[key]["interval"]
            digits = 2 if key in ("psnr_rgb", "ab_rmse", "chroma_ratio") else 3
            cells.append(f"{entry[key]['value']:.{digits}f} ± {(high - low) / 2:.{digits}f}")
        lines.append(f"| {entry['slice']} | {entry['colorizer']} | {entry['n']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def write(output: Path, rows: list[Row], header: dict) -> None:
    """``results.json``, ``results.csv`` and ``REPORT.md``, each whole or not at all."""
    output.mkdir(parents=True, exist_ok=True)
    summaries = summarize(rows)
    _replace(
        output / "results.json", json.dumps({**header, "summaries": summaries, "rows": rows}, indent=1, allow_nan=False)
    )
    _replace(output / "REPORT.md", to_markdown(summaries))
    fresh = output / "results.csv.part"
    with fresh.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    fresh.replace(output / "results.csv")


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(f"{path.name}.{os.getpid()}.part")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
