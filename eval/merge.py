"""Several results to one, over the pictures that all of them measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from . import results
from .measures import MEASURES

_SET_FIGURES = {measure.key for measure in MEASURES if measure.column is None}


def merge(runs: list[tuple[dict, Path]]) -> tuple[dict, dict[str, tuple[Path, str]]]:
    """Join the rows of several ``results.json``.

    Args:
        runs: contents and folder of each. A colorizer whose name is taken is called ``NAME (FOLDER)``; the rows that
            are in every table come from the first.

    Returns:
        What a ``results.json`` holds; and name of a row to the folder and name of its thumbnails.

    Raises:
        ValueError: if no picture is common.
    """
    common = set.intersection(*({row["picture"] for row in evaluation["rows"]} for evaluation, _ in runs))
    if not common:
        raise ValueError("These runs have no picture in common, so there is no one report of them.")
    first, notes = runs[0][0], []
    rows, sky_rows, colorizers, elsewhere = [], [], {}, {}
    for number, (evaluation, folder) in enumerate(runs):
        names = {}
        for name, facts in evaluation["colorizers"].items():
            if number and name in results.ALWAYS:
                continue
            own = name if name not in colorizers else f"{name} ({folder.name})"
            own = own if own not in colorizers else f"{name} ({folder})"
            names[name], colorizers[own] = own, facts
            elsewhere[own] = folder / "pictures", name
        kept = [row for row in evaluation["rows"] if row["picture"] in common and row["colorizer"] in names]
        rows += [{**row, "colorizer": names[row["colorizer"]]} for row in kept]
        sky_rows += [
            {**row, "colorizer": names[row["colorizer"]]}
            for row in (evaluation["sky_dependence"] or {"rows": []})["rows"]
            if row["picture"] in common and row["colorizer"] in names
        ]
        notes += [note for note in evaluation["notes"] if note not in notes]
        notes += _differences(first, evaluation, folder)
    _set_terciles(rows)
    summaries = results.summarize(rows)
    used = {key for entry in summaries for key in entry}
    notes.append(f"{', '.join(sorted(_SET_FIGURES))} belong to the pictures of one run and are left out here.")
    return {
        **first,
        "command": "; ".join(dict.fromkeys(evaluation["command"] for evaluation, _ in runs)),
        "data": {**first["data"], "measured": len(common)},
        "colorizers": colorizers,
        "metrics": {measure.key: measure.describe() for measure in MEASURES if measure.key in used},
        "summaries": summaries,
        "sky_dependence": results.summarize_sky_rows(sky_rows),
        "failures": list(dict.fromkeys(failure for evaluation, _ in runs for failure in evaluation["failures"])),
        "notes": notes,
        "rows": rows,
    }, elsewhere


def _differences(first: dict, evaluation: dict, folder: Path) -> list[str]:
    keys = sorted(first["protocol"].keys() | evaluation["protocol"].keys())
    other = [key for key in keys if first["protocol"].get(key) != evaluation["protocol"].get(key)]
    notes = []
    if other:
        notes.append(f"{folder} follows another protocol ({', '.join(other)}): its figures should not be compared.")
    if first["data"]["sha256"] != evaluation["data"]["sha256"]:
        notes.append(f"{folder} saw another set of pictures; only the common ones are here, by name.")
    return notes


def _set_terciles(rows: list[dict]) -> None:
    """Terciles of the truth's chroma among the common pictures, in place."""
    chroma = {row["picture"]: row["chroma_mean"] for row in rows if row["colorizer"] == "truth"}
    names = dict(zip(chroma, results.terciles_of(np.array(list(chroma.values()))), strict=True))
    for row in rows:
        row["chroma_tercile"] = names[row["picture"]]
