"""What is and what is not different between two colorizers: a paired bootstrap over their common pictures."""

from __future__ import annotations

import argparse
import itertools
import json
import math
from pathlib import Path

import numpy as np

from colorization.files import replace_file

from . import results
from .measures import MEASURES, SKY_CUT_MEASURES, Measure
from .statistics import draw_figure, draw_weights

_DRAWS = 10_000
_FEW = 20
_LEVEL = 0.05


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", type=Path, nargs="+", metavar="RESULTS.json", help="results of one run or of several")
    parser.add_argument("--colorizer", help="the colorizer to compare, of one name in all files")
    parser.add_argument("--between", nargs=2, metavar="NAME", help="a colorizer of the first file and one of the last")
    parser.add_argument(
        "--slice", nargs="+", default=["all"], help="for example 'sky no' (default: all); several may be"
    )
    parser.add_argument("--output", type=Path, help="also write the comparisons to this JSON file")


def run(args: argparse.Namespace) -> int:
    """The command ``python -m eval compare``."""
    files = [(path, results.read(path)) for path in args.files]
    if args.between:
        sides = [(*files[0], args.between[0]), (*files[-1], args.between[1])]
    elif len(files) == 1 and args.colorizer is None:
        (path, evaluation) = files[0]
        sides = [(path, evaluation, name) for name in evaluation["colorizers"] if name not in results.ALWAYS]
        if len(sides) < 2:
            _only(evaluation, None, path)
            raise ValueError(f"{path} holds one colorizer; give another file, or choose with --between.")
    else:
        sides = [(path, evaluation, _only(evaluation, args.colorizer, path)) for path, evaluation in files]
    compared: list[dict] = []
    for (path, a, first), (other, b, second) in itertools.combinations(sides, 2):
        if path.resolve() == other.resolve() and first == second:
            raise ValueError("This compares a colorizer with itself; name two with --between, or give two files.")
        for part in args.slice:
            compared.append(compare(a, b, first, second, part))
            compared[-1]["files"] = [str(path), str(other)]
    correct(compared)
    if args.output:
        with replace_file(args.output) as part:
            part.write_text(json.dumps(compared[0] if len(compared) == 1 else compared, indent=1), encoding="utf-8")
    print("\n".join(to_markdown(each) for each in compared))
    return 0


def correct(comparisons: list[dict]) -> None:
    """Holm's correction (1979) over all figures of all comparisons, in place: ``p_holm``, and verdicts that hold.

    The chance that any verdict but "not different" is wrong, of all of them together, stays below 5 %.
    """
    entries = sorted(
        (entry for comparison in comparisons for entry in comparison["figures"]), key=lambda entry: entry["p"]
    )
    highest = 0.0
    for place, entry in enumerate(entries):
        highest = max(highest, min(1.0, (len(entries) - place) * entry["p"]))
        entry["p_holm"] = highest
        if highest >= _LEVEL:
            entry["verdict"] = "not different"
    for comparison in comparisons:
        comparison["warnings"].insert(
            0,
            f"{len(entries)} figures are tested at once; verdicts hold for all of them together (Holm's correction, "
            f"{_LEVEL:.0%}), intervals for each alone.",
        )


def compare(a: dict, b: dict, first: str, second: str, part: str = "all") -> dict:
    """Compare colorizer ``first`` of results ``a`` with ``second`` of ``b``.

    Args:
        a: contents of a ``results.json``.
        b: likewise.
        first: name in ``a``.
        second: name in ``b``.
        part: name of a slice of ``a``; only its pictures count.

    Returns:
        ``names``, ``slice``, ``n``, ``warnings`` (sentences) and ``figures``: one entry a figure with ``a``, ``b``,
        ``difference`` (a - b), its 95 % ``interval``, ``p`` of this figure alone, and ``verdict``: "A is better",
        "B is better", "not different", or "A is higher" and "A is lower" for figures without a direction.

    Raises:
        ValueError: if a name or slice is unknown or no picture is common.
    """
    rows_a, rows_b = _rows(a, first), _rows(b, second)
    slices = {"all": list(rows_a)} | results.slices_of(a["rows"])
    if part not in slices:
        raise ValueError(f"There is no slice {part!r}; known are: {', '.join(slices)}.")
    pictures = [picture for picture in slices[part] if picture in rows_a and picture in rows_b]
    if not pictures:
        raise ValueError("The two runs have no picture in common, so they cannot be compared.")
    weights = draw_weights(len(pictures), _DRAWS)
    one, other = ([rows[picture] for picture in pictures] for rows in (rows_a, rows_b))
    figures = [found for measure in MEASURES if (found := _difference(measure, one, other, weights))]
    figures += _sky_dependence(a, b, first, second, set(pictures))
    return {
        "names": [first, second],
        "slice": part,
        "n": len(pictures),
        "warnings": _warnings(a, b, len(pictures)),
        "figures": figures,
    }


def _sky_dependence(a: dict, b: dict, first: str, second: str, pictures: set[str]) -> list[dict]:
    """The figures of the sky dependence, over those of the pictures that were cut for both."""
    sides = [
        {
            row["picture"]: row
            for row in (evaluation["sky_dependence"] or {"rows": []})["rows"]
            if row["colorizer"] == name
        }
        for evaluation, name in ((a, first), (b, second))
    ]
    common = sorted(pictures.intersection(*sides))
    if len(common) < 2:
        return []
    one, other = ([side[picture] for picture in common] for side in sides)
    weights = draw_weights(len(common), _DRAWS)
    own = (measure for measure in SKY_CUT_MEASURES if measure.key != "one_hue_rate_truth")  # that is the same for both
    return [found for measure in own if (found := _difference(measure, one, other, weights))]


def to_markdown(comparison: dict) -> str:
    """A table and sentences for people."""
    first, second = comparison["names"]
    count, part = comparison["n"], comparison["slice"]
    lines = [
        f"A: {first}, B: {second}; {count} pictures that both were measured on, slice {part!r}.",
        "",
        "| figure | n | A | B | A - B | 95 % interval | p, corrected | verdict |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for entry in comparison["figures"]:
        digits = entry["digits"]
        values = [f"{entry[key]:.{digits}f}" for key in ("a", "b")]
        low, high = entry["interval"]
        values.append(f"{entry['difference']:+.{digits}f}")
        p = entry.get("p_holm", entry["p"])
        values += [f"{low:+.{digits}f} to {high:+.{digits}f}", "< 0.0001" if p < 1e-4 else f"{p:.4f}", entry["verdict"]]
        lines.append(f"| {entry['title']} | {entry['n']} | {' | '.join(values)} |")
    return "\n".join([*lines, "", *comparison["warnings"], ""])


def _difference(measure: Measure, rows_a: list[dict], rows_b: list[dict], weights: np.ndarray) -> dict | None:
    """A figure of both over the pictures that have it for both; None of fewer than two, and of one that has no rows."""
    both = [None not in (a.get(measure.column), b.get(measure.column)) for a, b in zip(rows_a, rows_b, strict=True)]
    if measure.column is None or sum(both) < 2:
        return None
    one, other = (
        draw_figure(measure, [row for row, kept in zip(rows, both, strict=True) if kept], weights[:, both])
        for rows in (rows_a, rows_b)
    )
    assert one and other
    whole, drawn = [each.entry["value"] for each in (one, other)], [one.values, other.values]
    low, high = np.nanpercentile(drawn[0] - drawn[1], (2.5, 97.5))
    # Which is nearer to what is right decides; for "one" that is the distance from 1 of each.
    gap = drawn[0] - drawn[1]
    if measure.better == "one":
        gap = np.abs(drawn[1] - 1) - np.abs(drawn[0] - 1)
    elif measure.better == "lower":
        gap = -gap
    worst, best = np.nanpercentile(gap, (2.5, 97.5))
    # Of the bootstrap's standard error: counting resamples, 10,000 of them, could not go below 0.0002.
    error = float(np.nanstd(gap))
    p = math.erfc(abs(float(np.nanmean(gap))) / error / math.sqrt(2)) if error else float(not gap.any())
    if worst <= 0 <= best:
        verdict = "not different"
    elif measure.better == "none":
        verdict = "A is higher" if worst > 0 else "A is lower"
    else:
        verdict = "A is better" if worst > 0 else "B is better"
    return {
        "key": measure.key,
        "title": measure.title,
        "digits": measure.digits,
        "n": sum(both),
        "a": whole[0],
        "b": whole[1],
        "difference": whole[0] - whole[1],
        "interval": [float(low), float(high)],
        "p": p,
        "verdict": verdict,
    }


def _only(evaluation: dict, name: str | None, path: Path | None) -> str:
    """The name asked for, or the only colorizer of a file that is no floor and not the truth."""
    names = [key for key in evaluation["colorizers"] if key not in results.ALWAYS]
    if name is None and len(names) == 1:
        return names[0]
    if name is None:
        raise ValueError(
            f"{path or 'The file'} holds {', '.join(names) or 'only floors'}; choose with --colorizer or --between."
        )
    return name


def _rows(evaluation: dict, name: str) -> dict[str, dict]:
    rows = {row["picture"]: row for row in evaluation["rows"] if row["colorizer"] == name}
    if not rows:
        raise ValueError(f"There is no colorizer {name!r} here; known are: {', '.join(evaluation['colorizers'])}.")
    return rows


def _warnings(a: dict, b: dict, pictures: int) -> list[str]:
    warnings = []
    other = sorted(
        key for key in a["protocol"].keys() | b["protocol"].keys() if a["protocol"].get(key) != b["protocol"].get(key)
    )
    if other:
        warnings.append(
            f"The two runs follow different protocols ({', '.join(other)}): their figures should not be compared."
        )
    if a["data"]["sha256"] != b["data"]["sha256"]:
        warnings.append("The two runs saw different sets of pictures; only the common ones are compared, by name.")
    if pictures < _FEW:
        warnings.append(f"{pictures} pictures are too few to tell small differences from chance.")
    return warnings


__all__ = ["add_arguments", "compare", "correct", "run", "to_markdown"]
