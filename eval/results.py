"""Records to ``results.json``: slices, figures with intervals, and everything needed to read them years later."""

from __future__ import annotations

import csv
import datetime
import hashlib
import importlib.metadata
import json
import platform
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from colorization.files import replace_file

from .measures import MEASURES, SKY_CUT_MEASURES, Measure
from .statistics import DRAWS, Drawn, best_of, draw_figure, draw_weights, estimate

SCHEMA = 3
ALWAYS = ("grey", "mean", "truth")
"""Rows of every table that are no candidates."""
_PACKAGES = (
    "landscape-colorizer",
    "torch",
    "torchvision",
    "transformers",
    "torchmetrics",
    "torch-fidelity",
    "pillow",
    "numpy",
)
_SLICES_OF_DISTANCES = ("all", "sky yes", "sky no")  # each interval takes half a minute
_MIN_SET = 50  # pictures; a distance between sets of fewer is noise

Distances = Mapping[str, tuple[str, Callable[[np.ndarray, np.ndarray], tuple[float, tuple[float, float]]]]]


def terciles_of(chroma: np.ndarray) -> list[str]:
    """Name the third of all values that each of them is in: "low", "middle" or "high"."""
    edges = np.quantile(chroma, (1 / 3, 2 / 3)) if len(chroma) else ()
    return [("low", "middle", "high")[place] for place in np.searchsorted(edges, chroma, side="right")]


def rows_of(records: list[dict]) -> list[dict]:
    """One row a picture and colorizer, with the tercile of the truth's chroma among all pictures measured."""
    measured = [record for record in records if record.get("rows")]
    chroma = np.array([record["rows"]["truth"]["chroma_mean"] for record in measured])
    rows = []
    for record, tercile in zip(measured, terciles_of(chroma), strict=True):
        facts = {key: record[key] for key in ("picture", "path", "source", "scene", "sky", "sky_by")}
        facts["chroma_tercile"] = tercile
        rows += [{**facts, "colorizer": name, **figures} for name, figures in record["rows"].items()]
    return rows


def slices_of(rows: list[dict]) -> dict[str, list[str]]:
    """Name of a slice to the pictures in it; only those with at least two."""
    found: dict[str, dict[str, None]] = {}
    for row in rows:
        names = ["all", f"chroma {row['chroma_tercile']}"]
        names += [f"{key} {row[key]}" for key in ("sky", "scene", "source") if row[key]]
        if row["sky"] and row["sky_by"] == "hand":
            names.append(f"sky {row['sky']}, by hand")
        for name in names:
            found.setdefault(name, {})[row["picture"]] = None
    order = {"all": 0, "sky": 1, "chroma": 2, "source": 3, "scene": 4}
    return {
        name: list(found[name])
        for name in sorted(found, key=lambda n: (order[n.split()[0]], n))
        if len(found[name]) > 1
    }


def summarize(rows: list[dict], measures: tuple[Measure, ...] = MEASURES) -> list[dict]:
    """One entry a slice and colorizer: n, and each figure with its interval. Figures nobody has are absent.

    The best of those judged, and who cannot be told from it, have ``best``: True.
    """
    by_name: dict[str, dict[str, dict]] = {}
    for row in rows:
        by_name.setdefault(row["colorizer"], {})[row["picture"]] = row
    summaries: list[dict] = []
    for name, pictures in slices_of(rows).items():
        weights = draw_weights(len(pictures))
        entries: dict[str, dict] = {}
        drawn: dict[Measure, dict[str, Drawn]] = {}
        for colorizer, own in by_name.items():
            members = [own[picture] for picture in pictures]
            entries[colorizer] = {"slice": name, "colorizer": colorizer, "n": len(members)}
            for measure in measures:
                found = draw_figure(measure, members, weights) if measure.column else None
                if found:
                    entries[colorizer][measure.key] = found.entry
                    drawn.setdefault(measure, {})[colorizer] = found
        for measure, figures in drawn.items():
            judged = {colorizer: found for colorizer, found in figures.items() if colorizer not in ALWAYS}
            for colorizer in best_of(measure, judged):
                entries[colorizer][measure.key]["best"] = True
        summaries += entries.values()
    return summaries


def add_distances(summaries: list[dict], rows: list[dict], features: dict, distances: Distances) -> None:
    """Add distances of sets to the summaries of large enough slices, in place.

    Args:
        summaries: of :func:`summarize`.
        rows: of :func:`rows_of`.
        features: colorizer, picture, set of features to a vector.
        distances: figure to the set of features and the function that compares two of them, [n, d] each.
    """
    slices = slices_of(rows)
    for entry in summaries:
        pictures = slices[entry["slice"]]
        if entry["colorizer"] == "truth" or len(pictures) < _MIN_SET or entry["slice"] not in _SLICES_OF_DISTANCES:
            continue
        for key, (kind, distance) in distances.items():
            if kind not in features["truth"][pictures[0]]:
                continue
            ours, truth = (
                np.stack([features[name][picture][kind] for picture in pictures])
                for name in (entry["colorizer"], "truth")
            )
            value, interval = distance(ours, truth)
            entry[key] = {"value": value, "interval": list(interval)}


def summarize_sky_dependence(records: list[dict]) -> dict | None:
    """Figures of the sky dependence a colorizer, and the rows they come from."""
    rows = [
        {"picture": record["picture"], "path": record["path"], "colorizer": name, **figures}
        for record in records
        for name, figures in record.get("sky_dependence", {}).items()
    ]
    return summarize_sky_rows(rows)


def summarize_sky_rows(rows: list[dict]) -> dict | None:
    """As :func:`summarize_sky_dependence`, of its own rows; None where there are none."""
    if not rows:
        return None
    summaries: list[dict] = []
    for name in dict.fromkeys(row["colorizer"] for row in rows):
        own = [row for row in rows if row["colorizer"] == name]
        entry: dict = {"colorizer": name, "n": sum("chroma_cut" in row for row in own)}
        for measure in SKY_CUT_MEASURES:
            members = [row for row in own if measure.column in row]
            found = estimate(measure, members, draw_weights(len(members))) if members else None
            if found:
                entry[measure.key] = {**found, "n": len(members)}
        summaries.append(entry)
    return {
        "pictures": max(entry["n"] for entry in summaries),
        "metrics": {measure.key: measure.describe() for measure in SKY_CUT_MEASURES},
        "summaries": summaries,
        "rows": rows,
    }


def document(records: list[dict], header: dict, summaries: list[dict], rows: list[dict]) -> dict:
    """The whole of ``results.json``; ``header`` holds command, protocol, data, colorizers and notes."""
    measured = [record for record in records if record.get("rows")]
    named = "".join(f"{r['path']} {r['sha1']}\n" for r in measured)
    digest = hashlib.sha256(named.encode(errors="surrogateescape")).hexdigest()
    used = {key for entry in summaries for key in entry}
    return {
        "schema": SCHEMA,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": header["command"],
        "commit": _commit(),
        "versions": {"python": platform.python_version(), **_versions()},
        "protocol": {**header["protocol"], "bootstrap_draws": DRAWS, "seed": 0},
        "data": {
            **header["data"],
            "pictures": len(records),
            "measured": len(measured),
            "near_grey_left_out": sum(bool(record.get("near_grey")) for record in records),
            "sha256": digest,
        },
        "colorizers": header["colorizers"],
        "metrics": {measure.key: measure.describe() for measure in MEASURES if measure.key in used},
        "summaries": summaries,
        "sky_dependence": summarize_sky_dependence(records),
        "failures": [record["failure"] for record in records if "failure" in record],
        "notes": header["notes"],
        "rows": rows,
    }


def read(path: Path, schemas: tuple[int, ...] = (SCHEMA,)) -> dict:
    """Read a ``results.json`` of one of these schemas.

    Raises:
        ValueError: if it is no such file, or one of another schema.
    """
    try:
        evaluation = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path}: no results can be read from it ({error}).") from error
    schema = evaluation.get("schema") if isinstance(evaluation, dict) else None
    if schema not in schemas:
        raise ValueError(
            f"{path}: this file has schema {schema}, known is {SCHEMA}; measure again with `python -m eval run`."
        )
    return evaluation


def write(output: Path, results: dict) -> None:
    """``results.json`` and ``results.csv`` (one line a row), each whole or not at all."""
    output.mkdir(parents=True, exist_ok=True)
    columns = list(dict.fromkeys(key for row in results["rows"] for key in row))
    # A name that is no UTF-8 is written with escapes.
    with (
        replace_file(output / "results.csv") as part,
        part.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(results["rows"])
    with replace_file(output / "results.json") as part, part.open("w", encoding="utf-8") as file:
        head = json.dumps({**results, "rows": []}, indent=1, allow_nan=False)
        file.write(head[: head.rindex("[]")] + "[")
        for place, row in enumerate(results["rows"]):  # a line each: all of them as one text would fill the memory
            file.write(",\n  " * bool(place) + json.dumps(row, allow_nan=False))
        file.write("]\n}\n")


def _versions() -> dict[str, str]:
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _commit() -> str | None:
    """The commit of the checkout that measures, "+" where it has changes; None for an installed package."""
    here = Path(__file__).parents[1]
    if not (here / ".git").exists():
        return None
    try:
        answers = [
            subprocess.run(["git", "-C", str(here), *words], capture_output=True, text=True, check=True).stdout.strip()
            for words in (("rev-parse", "HEAD"), ("status", "--porcelain", "--untracked-files=no"))
        ]
    except (OSError, subprocess.CalledProcessError):
        return None
    return answers[0] + "+" * bool(answers[1])
