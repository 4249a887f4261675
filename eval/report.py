"""``results.json`` and its thumbnails to ``REPORT.md`` and one self-contained ``report.html``."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from colorization.files import replace_file

from . import plots, results

_ARROWS = {"higher": "↑", "lower": "↓", "one": "→ 1", "none": ""}
_HEADLINE = (
    "psnr_rgb_mean", "lpips_squeeze_mean", "ciede2000_mean", "chroma_ratio_median", "collapse_rate",
    "oversaturation_rate", "sepia_rate", "one_hue_rate", "effective_hues_mean",
)  # fmt: skip
_GALLERY = 12  # rows of each kind and colorizer
_MAX_BYTES = 15_000_000  # of pictures in the page; base64 makes a third more of it
_SPAN = (0.0, 2.0)  # of the histogram of chroma ratios


def write_report(folder: Path) -> None:
    """Write ``REPORT.md`` and ``report.html`` into a results folder, each whole or not at all.

    Raises:
        ValueError: if there is no ``results.json`` of this version in it.
    """
    found = results.read(folder / "results.json")
    _write(folder / "REPORT.md", to_markdown(found))
    _write(folder / "report.html", to_html(found, folder / "pictures"))


def to_markdown(found: dict) -> str:
    """Tables, what was left out, and how to read it."""
    metrics = found["metrics"]
    lines = ["# Colorizers compared", "", f"`{found['command']}`", "", _counts(found), ""]
    whole = [entry for entry in found["summaries"] if entry["slice"] == "all"]
    lines += ["## All pictures", "", "Value and 95 % bootstrap interval over pictures.", ""]
    names = [entry["colorizer"] for entry in whole]
    lines += [f"| figure | {' | '.join(map(_cell, names))} |", "|---" * (len(names) + 1) + "|"]
    for key, metric in metrics.items():
        values = [_value(entry.get(key), metric["digits"]) for entry in whole]
        lines.append(f"| {metric['title']} {_ARROWS[metric['better']]} | {' | '.join(values)} |")
    headline = [key for key in _HEADLINE if key in metrics]
    lines += ["", "## Slices", ""]
    titles = [f"{metrics[key]['title']} {_ARROWS[metrics[key]['better']]}" for key in headline]
    lines += [f"| slice | n | colorizer | {' | '.join(titles)} |", "|---" * (3 + len(headline)) + "|"]
    for entry in found["summaries"]:
        if entry["slice"].split()[0] in ("sky", "chroma", "source") and entry["colorizer"] != "mean":
            values = [_value(entry.get(key), metrics[key]["digits"]) for key in headline]
            lines.append(f"| {entry['slice']} | {entry['n']} | {_cell(entry['colorizer'])} | {' | '.join(values)} |")
    if found["sky_dependence"]:
        part = found["sky_dependence"]
        lines += ["", "## Sky dependence", "", _SKY_TEXT, ""]
        names = [entry["colorizer"] for entry in part["summaries"]]
        lines += [f"| figure | {' | '.join(map(_cell, names))} |", "|---" * (len(names) + 1) + "|"]
        for key, metric in part["metrics"].items():
            values = [_value(entry.get(key), metric["digits"]) for entry in part["summaries"]]
            lines.append(f"| {metric['title']} {_ARROWS[metric['better']]} | {' | '.join(values)} |")
    lines += ["", "## What was left out", "", *(f"- {text}" for text in _left_out(found)), "", "## How to read it", ""]
    for metric in (*metrics.values(), *(found["sky_dependence"] or {"metrics": {}})["metrics"].values()):
        unit = f", {metric['unit']}" if metric.get("unit") else ""
        lines.append(f"- **{metric['title']}**{unit}: {metric['formula']}; {metric['statistic']} [{metric['source']}]")
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    lines += [
        "",
        f"Measured {found['created']} with {versions}.",
        f"Set of pictures: `{found['data']['sha256'][:16]}`.",
        "",
    ]
    return "\n".join(lines)


_SKY_TEXT = (
    "Pictures with sky, coloured whole and again with the sky cut away; the same pixels are compared. The control cuts "
    "as much from left and right and leaves the sky."
)


def to_html(found: dict, pictures: Path) -> str:
    """The page: tables, plots and galleries, with everything inside it."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    metrics = found["metrics"]
    names = [name for name in found["colorizers"] if any(row["colorizer"] == name for row in found["rows"])]
    shelf = _Shelf(pictures)
    return environment.get_template("report.html.jinja").render(
        found=found,
        names=names,
        judged=[name for name in names if name not in ("grey", "mean", "truth")],
        arrows=_ARROWS,
        headline=[key for key in _HEADLINE if key in metrics],
        slices=list(dict.fromkeys(entry["slice"] for entry in found["summaries"])),
        value=_value,
        figures=_figures,
        counts=_counts(found),
        left_out=_left_out(found),
        sky_text=_SKY_TEXT,
        plots=_plots(found, names),
        galleries=_galleries(found, names, shelf),
        images=shelf.images,
    )


def _plots(found: dict, names: list[str]) -> list[tuple[str, str]]:
    """(caption, SVG); the SVG is our own and escapes names itself."""
    drawn = []
    # Floors last, so that a colorizer has the same colour here and in the histogram.
    order = sorted(found["summaries"], key=lambda entry: entry["colorizer"] in ("grey", "mean"))
    points = [
        (e["colorizer"], e["chroma_ratio_median"]["value"], e["chroma_ratio_median"]["interval"],
         e["psnr_rgb_mean"]["value"], e["psnr_rgb_mean"]["interval"])
        for e in order
        if e["slice"] == "all" and e["colorizer"] != "truth" and {"chroma_ratio_median", "psnr_rgb_mean"} <= e.keys()
    ]  # fmt: skip
    if points:
        svg = plots.scatter(points, "median chroma ratio", "RGB PSNR, dB", "PSNR against chroma ratio", ideal=1)
        drawn.append(("PSNR rewards caution: what it is worth shows only beside the chroma ratio (1 is right).", svg))
    groups = []
    for name in names:
        if name not in ("grey", "mean", "truth"):
            for sky, word in (("yes", "sky"), ("no", "no sky")):
                values = [
                    row["chroma_ratio"] for row in found["rows"]
                    if row["colorizer"] == name and row["sky"] == sky and row.get("chroma_ratio") is not None
                ]  # fmt: skip
                groups.append((f"{name}, {word}", values))
    if any(values for _, values in groups):
        svg = plots.histogram(groups, "chroma ratio", "Chroma ratio of pictures with and without sky", *_SPAN)
        drawn.append(("Chroma ratio per picture, with sky and (dashed) without; left of 0.5 is collapse.", svg))
    rows = []
    for entry in (found["sky_dependence"] or {"summaries": []})["summaries"]:
        for key, word in (("chroma_lost", "sky cut away"), ("chroma_lost_control", "control: sides cut")):
            if key in entry:
                rows.append(
                    (f"{entry['colorizer']}, {word}", entry[key]["value"], entry[key]["interval"], "control" in key)
                )
    if rows:
        svg = plots.bars(rows, "share of chroma lost on the same pixels", "Sky dependence")
        drawn.append(("Sky dependence: how much colour the ground loses when the sky is cut away.", svg))
    return drawn


class _Shelf:
    """Thumbnails as data addresses, each once, up to a bound of bytes."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.images, self.bytes = folder, {}, 0

    def put(self, picture: str, name: str) -> str | None:
        key = f"{picture}/{name}"
        if key not in self.images:
            path = self.folder / picture / f"{name}.jpg"
            # Names come from a file that anybody may have written; nothing outside the folder is read.
            if not re.fullmatch(r"[0-9a-f]{12}/[\w-]+", key) or not path.is_file() or self.bytes > _MAX_BYTES:
                return None
            data = path.read_bytes()
            self.bytes += len(data)
            self.images[key] = "data:image/jpeg;base64," + base64.b64encode(data).decode()
        return key


def _galleries(found: dict, names: list[str], shelf: _Shelf) -> list[dict]:
    """Best, median and worst of each colorizer by CIEDE2000, and its failures where no sky is seen."""
    by_picture: dict[str, dict[str, dict]] = {}
    for row in found["rows"]:
        by_picture.setdefault(row["picture"], {})[row["colorizer"]] = row
    galleries = []
    for name in names:
        if name in ("grey", "mean", "truth"):
            continue
        own = sorted(
            (r[name] for r in by_picture.values() if name in r and r[name].get("ciede2000_mean") is not None),
            key=lambda row: row["ciede2000_mean"],
        )
        middle = max(0, (len(own) - _GALLERY) // 2)
        failed = [row for row in reversed(own) if row["sky"] == "no" and _faded(row)]
        kinds = {
            "failures without sky": failed[:_GALLERY],
            "worst": own[::-1][:_GALLERY],
            "median": own[middle : middle + _GALLERY],
            "best": own[:_GALLERY],
        }
        for kind, members in kinds.items():
            rows = []
            for row in members:
                cells = [("input", shelf.put(row["picture"], "input"), None)]
                shown = [other for other in names if other not in ("grey", "mean")]
                cells += [(n, shelf.put(row["picture"], n), by_picture[row["picture"]].get(n)) for n in shown]
                rows.append({"row": row, "cells": cells})
            galleries.append({"colorizer": name, "kind": kind, "rows": rows})
    return galleries


def _faded(row: dict) -> bool:
    """Sepia or collapsed; a figure that was not computed accuses nobody."""
    ratio = row.get("chroma_ratio")
    return bool(row.get("sepia")) or (ratio is not None and ratio < 0.5)


def _figures(row: dict) -> str:
    """What stands below a picture in a gallery."""
    kinds = (("ciede2000_mean", "ΔE00 {:.1f}"), ("chroma_ratio", "chroma × {:.2f}"), ("psnr_rgb", "PSNR {:.1f}"))
    said = [text.format(row[key]) for key, text in kinds if row.get(key) is not None]
    return ", ".join([*said, *(["sepia"] if row.get("sepia") else [])])


def _value(entry: dict | None, digits: int) -> str:
    if not entry:
        return "not computed"
    low, high = entry["interval"]
    return f"{entry['value']:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _counts(found: dict) -> str:
    data = found["data"]
    return (
        f"{data['measured']} of {data['pictures']} pictures measured; {data['near_grey_left_out']} near-grey "
        f"references and {len(found['failures'])} failures left out; "
        f"{data['described']} are described by a manifest or data set."
    )


def _left_out(found: dict) -> list[str]:
    grey = found["data"]["near_grey_left_out"]
    bound = found["protocol"]["near_grey_chroma"]
    said = [f"{grey} references with a mean chroma below {bound}: there is no colour to be right about."]
    said += [f"{name}: {text}" for name, c in found["colorizers"].items() for text in c.get("unmatched", [])]
    return [*said, *found["failures"], *found["notes"]]


def _cell(text: str) -> str:
    """A name inside a Markdown table."""
    return re.sub(r"([|<>\\`*_\[\]])", r"\\\1", text)


def _write(path: Path, text: str) -> None:
    # A name that is no UTF-8 is written with escapes.
    with replace_file(path) as part:
        part.write_text(text, encoding="utf-8", errors="backslashreplace")
