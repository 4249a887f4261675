"""What is and what is not different between two colorizers: a paired bootstrap over their common pictures."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from colorization.files import replace_file

from . import results
from .measures import MEASURES, Measure
from .statistics import draw_weights

_DRAWS = 10_000
_FEW = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("first", type=Path, metavar="A.json", help="results.json of a run")
    parser.add_argument("second", type=Path, metavar="B.json", nargs="?", help="another one (default: the same)")
    parser.add_argument("--colorizer", help="the colorizer to compare, of one name in both files")
    parser.add_argument("--between", nargs=2, metavar="NAME", help="a colorizer of A and one of B")
    parser.add_argument("--slice", default="all", help="for example 'sky no' (default: all)")
    parser.add_argument("--output", type=Path, help="also write the comparison to this JSON file")


def run(args: argparse.Namespace) -> int:
    """The command ``python -m eval compare``."""
    a, b = results.read(args.first), results.read(args.second or args.first)
    first, second = args.between or (_only(a, args.colorizer, args.first), _only(b, args.colorizer, args.second))
    if args.first.resolve() == (args.second or args.first).resolve() and first == second:
        raise ValueError("This compares a colorizer with itself; name two with --between, or give two files.")
    found = compare(a, b, first, second, args.slice)
    if args.output:
        with replace_file(args.output) as part:
            part.write_text(json.dumps(found, indent=1), encoding="utf-8")
    print(to_markdown(found))
    return 0


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
        ``difference`` (a - b), its 95 % ``interval`` and ``verdict``: "A is better", "B is better", "not different",
        or "higher" and "lower" for figures without a direction.

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
    figures = []
    for measure in MEASURES:
        if measure.column is None:
            continue
        pair = [(rows_a[p].get(measure.column), rows_b[p].get(measure.column)) for p in pictures]
        both = np.array([None not in values for values in pair])
        if both.sum() > 1:
            values = np.array([v for v, kept in zip(pair, both, strict=True) if kept], np.float64)
            base = None
            if measure.weight:
                base = np.array([rows_a[p][measure.weight] for p, kept in zip(pictures, both, strict=True) if kept])
            figures.append(_difference(measure, values, weights[:, both], base))
    return {
        "names": [first, second],
        "slice": part,
        "n": len(pictures),
        "warnings": _warnings(a, b, len(pictures), len(figures)),
        "figures": figures,
    }


def to_markdown(found: dict) -> str:
    """A table and sentences for people."""
    first, second = found["names"]
    lines = [
        f"A: {first}, B: {second}; {found['n']} pictures that both were measured on, slice {found['slice']!r}.",
        "",
        "| figure | A | B | A - B | 95 % interval | verdict |",
        "|---|---|---|---|---|---|",
    ]
    for entry in found["figures"]:
        digits = entry["digits"]
        values = [f"{entry[key]:.{digits}f}" for key in ("a", "b")]
        low, high = entry["interval"]
        values.append(f"{entry['difference']:+.{digits}f}")
        values += [f"{low:+.{digits}f} to {high:+.{digits}f}", entry["verdict"]]
        lines.append(f"| {entry['title']} | {' | '.join(values)} |")
    return "\n".join([*lines, "", *found["warnings"], ""])


def _difference(measure: Measure, values: np.ndarray, weights: np.ndarray, base: np.ndarray | None) -> dict:
    ones = np.ones(len(values))

    def figure(column: np.ndarray, drawn: np.ndarray) -> np.ndarray:
        """The figure for each row of ``drawn`` [draws, n]."""
        if measure.statistic == "median":
            order = np.argsort(column)
            total = drawn[:, order].cumsum(axis=1)
            return column[order][(total >= total[:, -1:] / 2).argmax(axis=1)]
        if measure.statistic in ("below", "above"):
            column = (column < measure.threshold if measure.statistic == "below" else column > measure.threshold) * 1.0
        elif measure.statistic == "mean abs":
            column = np.abs(column)
        weight = ones if base is None else base
        mean = drawn @ (column * weight) / np.maximum(drawn @ weight, 1e-12)
        return np.abs(mean) if measure.statistic == "abs mean" else mean

    whole = [float(figure(values[:, side], ones[None])[0]) for side in (0, 1)]
    drawn = [figure(values[:, side], weights) for side in (0, 1)]
    if measure.statistic == "median":
        whole = [float(np.median(values[:, side])) for side in (0, 1)]
    low, high = np.percentile(drawn[0] - drawn[1], (2.5, 97.5))
    # Which is nearer to what is right decides; for "one" that is the distance from 1 of each.
    gap = drawn[0] - drawn[1]
    if measure.better == "one":
        gap = np.abs(drawn[1] - 1) - np.abs(drawn[0] - 1)
    elif measure.better == "lower":
        gap = -gap
    worst, best = np.percentile(gap, (2.5, 97.5))
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
        "n": len(values),
        "a": whole[0],
        "b": whole[1],
        "difference": whole[0] - whole[1],
        "interval": [float(low), float(high)],
        "verdict": verdict,
    }


def _only(found: dict, name: str | None, path: Path | None) -> str:
    """The name asked for, or the only colorizer of a file that is no floor and not the truth."""
    names = [key for key in found["colorizers"] if key not in results.ALWAYS]
    if name is None and len(names) == 1:
        return names[0]
    if name is None:
        raise ValueError(
            f"{path or 'The file'} holds {', '.join(names) or 'only floors'}; choose with --colorizer or --between."
        )
    return name


def _rows(found: dict, name: str) -> dict[str, dict]:
    rows = {row["picture"]: row for row in found["rows"] if row["colorizer"] == name}
    if not rows:
        raise ValueError(f"There is no colorizer {name!r} here; known are: {', '.join(found['colorizers'])}.")
    return rows


def _warnings(a: dict, b: dict, pictures: int, figures: int) -> list[str]:
    said = [
        f"{figures} figures are tested at once: about one in twenty would seem different by chance alone, "
        "and most of them are related."
    ]
    other = sorted(
        key for key in a["protocol"].keys() | b["protocol"].keys() if a["protocol"].get(key) != b["protocol"].get(key)
    )
    if other:
        said.append(
            f"The two runs follow different protocols ({', '.join(other)}): their figures should not be compared."
        )
    if a["data"]["sha256"] != b["data"]["sha256"]:
        said.append("The two runs saw different sets of pictures; only the common ones are compared, by name.")
    if pictures < _FEW:
        said.append(f"{pictures} pictures are too few to tell small differences from chance.")
    return said


__all__ = ["add_arguments", "compare", "run", "to_markdown"]
