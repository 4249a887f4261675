"""``results.json`` and its thumbnails to ``REPORT.md``, tables and one self-contained ``report.html``."""

from __future__ import annotations

import re
from pathlib import Path

from colorization.files import replace_file

from . import metric_table, plots, results
from .gallery import KINDS, Shelf, caption, galleries, opening
from .merge import merge

_SPAN = (0.0, 2.0)  # of the histogram of chroma ratios
_FEW, _MANY = 30, 200  # pictures; of fewer than the first each is drawn, where no group has more than the second
_SHOWN = 3  # pictures of a gallery before the rest is asked for
_SKY_TEXT = (
    "Pictures with sky, colored whole and again with the sky cut away; the same pixels are compared. The control cuts "
    "as much from left and right and leaves the sky."
)


def write_report(folder: Path) -> None:
    """Write ``REPORT.md``, ``report.html`` and ``tables/`` into a results folder, each file whole or not at all.

    Raises:
        ValueError: if there is no ``results.json`` of this version in it.
    """
    _write_all(results.read(folder / "results.json"), folder, Shelf(folder / "pictures"))


def write_joint_report(folders: list[Path], output: Path) -> None:
    """Write one report of several runs, over the pictures that all of them measured, and its ``results.json``.

    Raises:
        ValueError: if one has no results, or they have no picture in common.
    """
    evaluation, elsewhere = merge([(results.read(folder / "results.json"), folder) for folder in folders])
    results.write(output, evaluation)
    _write_all(evaluation, output, Shelf(folders[0] / "pictures", elsewhere))


def _write_all(evaluation: dict, folder: Path, shelf: Shelf) -> None:
    (folder / "tables").mkdir(exist_ok=True)
    for name, (csv, latex) in tables(evaluation).items():
        _write(folder / "tables" / f"{name}.csv", csv)
        _write(folder / "tables" / f"{name}.tex", latex)
    _write(folder / "REPORT.md", to_markdown(evaluation))
    _write(folder / "report.html", to_html(evaluation, shelf))


def tables(evaluation: dict) -> dict[str, tuple[str, str]]:
    """CSV (every figure) and LaTeX (the most telling ones) of each slice and of the sky dependence, by file name."""
    metrics = evaluation["metrics"]
    few = {key: metrics[key] for key in metric_table.HEADLINE if key in metrics}
    made = {}
    for part in dict.fromkeys(entry["slice"] for entry in evaluation["summaries"]):
        entries = [entry for entry in evaluation["summaries"] if entry["slice"] == part]
        name = re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-")
        made[name] = metric_table.to_csv(entries, metrics), metric_table.to_latex(entries, few)
    if sky := evaluation["sky_dependence"]:
        made["sky-dependence"] = (
            metric_table.to_csv(sky["summaries"], sky["metrics"]),
            metric_table.to_latex(sky["summaries"], sky["metrics"]),
        )
    return made


def to_markdown(evaluation: dict) -> str:
    """Tables, what was left out, and how to read it."""
    metrics = evaluation["metrics"]
    lines = ["# Colorizers compared", "", f"`{evaluation['command']}`", "", _counts(evaluation), ""]
    whole = [entry for entry in evaluation["summaries"] if entry["slice"] == "all"]
    lines += [
        "## All pictures",
        "",
        "Value, 95 % bootstrap interval over pictures, and number of pictures; bold: the best",
    ]
    lines += ["of those judged, and who cannot be told from it (paired interval).", ""]
    lines += _turned(whole, metrics)
    headline = [key for key in metric_table.HEADLINE if key in metrics]
    lines += ["", "## Slices", ""]
    titles = [metric_table.title(metrics[key]) for key in headline]
    lines += [f"| slice | n | colorizer | {' | '.join(titles)} |", "|---" * (3 + len(headline)) + "|"]
    for entry in evaluation["summaries"]:
        if entry["slice"].split()[0] in ("sky", "chroma", "source") and entry["colorizer"] != "mean":
            values = [metric_table.cell(entry, key, metrics[key]["digits"]) for key in headline]
            lines.append(f"| {entry['slice']} | {entry['n']} | {_cell(entry['colorizer'])} | {' | '.join(values)} |")
    if evaluation["sky_dependence"]:
        part = evaluation["sky_dependence"]
        lines += ["", "## Sky dependence", "", _SKY_TEXT, "", *_turned(part["summaries"], part["metrics"])]
    lines += ["", "## What was left out", "", *(f"- {text}" for text in _left_out(evaluation))]
    lines += ["", "## How to read it", ""]
    for metric in (*metrics.values(), *(evaluation["sky_dependence"] or {"metrics": {}})["metrics"].values()):
        unit = f", {metric['unit']}" if metric.get("unit") else ""
        lines.append(f"- **{metric['title']}**{unit}: {metric['formula']}; {metric['statistic']} [{metric['source']}]")
    return "\n".join([*lines, "", "## Where it comes from", "", *(f"- {text}" for text in provenance(evaluation)), ""])


def _turned(entries: list[dict], metrics: dict) -> list[str]:
    """Markdown lines: a row a figure, a column a colorizer."""
    lines = [f"| figure | {' | '.join(_cell(entry['colorizer']) for entry in entries)} |"]
    lines.append("|---" * (len(entries) + 1) + "|")
    for key, metric in metrics.items():
        values = [metric_table.cell(entry, key, metric["digits"]) for entry in entries]
        lines.append(f"| {metric_table.title(metric)} | {' | '.join(values)} |")
    return lines


def provenance(evaluation: dict) -> list[str]:
    """What somebody needs to measure the same again."""
    weights = [f"{name} {c['sha256'][:16]}" for name, c in evaluation["colorizers"].items() if c.get("sha256")]
    protocol = evaluation["protocol"]
    commit = evaluation.get("commit")
    versions = ", ".join(f"{name} {number}" for name, number in evaluation["versions"].items())
    return [
        f"Command: `{evaluation['command']}`",
        f"Weights (sha256): {', '.join(weights) or 'of no colorizer known'}",
        f"Commit: {commit[:12] + ' with changes' * commit.endswith('+') if commit else 'an installed package'}",
        f"Seed {protocol.get('seed', 0)}, {protocol.get('bootstrap_draws', '?')} resamples; input {protocol['input']}"
        f"{', ' + protocol['degradation'] if protocol['degradation'] else ''}; size {protocol['size'] or 'native'}",
        f"Set of pictures (sha256): {evaluation['data']['sha256'][:16]}",
        f"Measured {evaluation['created']} with {versions}",
    ]


def to_html(evaluation: dict, shelf: Shelf) -> str:
    """The page: pictures, tables and plots, with everything inside it."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    metrics = evaluation["metrics"]
    names = [name for name in evaluation["colorizers"] if any(row["colorizer"] == name for row in evaluation["rows"])]
    made = galleries(evaluation, names, shelf)
    slices = list(dict.fromkeys(entry["slice"] for entry in evaluation["summaries"]))
    texts = tables(evaluation)
    return environment.get_template("report.html.jinja").render(
        evaluation=evaluation,
        names=names,
        judged=[name for name in names if name not in results.ALWAYS],
        kinds=KINDS,
        opening=opening(made),
        few_pictures=_SHOWN,
        title=metric_table.title,
        numbers=metric_table.numbers,
        headline=[key for key in metric_table.HEADLINE if key in metrics],
        slices=slices,
        copies={part: text for part, text in zip(slices, texts.values(), strict=False)}
        | {"sky dependence": texts.get("sky-dependence")},
        caption=caption,
        counts=_counts(evaluation),
        left_out=_left_out(evaluation),
        provenance=provenance(evaluation),
        sky_text=_SKY_TEXT,
        plots=_plots(evaluation, names),
        galleries=made,
        images=shelf.images,
    )


def _plots(evaluation: dict, names: list[str]) -> list[tuple[str, str]]:
    """(caption, SVG); the SVG is our own and escapes names itself."""
    drawn = []
    # Floors last, so that a colorizer has the same color here and in the histogram.
    order = sorted(evaluation["summaries"], key=lambda entry: entry["colorizer"] in ("grey", "mean"))
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
        if name not in results.ALWAYS:
            for sky, word in (("yes", "sky"), ("no", "no sky")):
                values = [
                    row["chroma_ratio"] for row in evaluation["rows"]
                    if row["colorizer"] == name and row["sky"] == sky and row.get("chroma_ratio") is not None
                ]  # fmt: skip
                groups.append((f"{name}, {word}", values))
    if any(values for _, values in groups):
        named = "Chroma ratio of pictures with and without sky"
        sizes = [len(values) for _, values in groups if values]
        if min(sizes) < _FEW and max(sizes) < _MANY:  # outlines of a few pictures are all spikes
            svg = plots.strips([group for group in groups if group[1]], "chroma ratio", named, *_SPAN)
            drawn.append(("Chroma ratio, a dot a picture; the line is the median, left of 0.5 is collapse.", svg))
        else:
            svg = plots.histogram(groups, "chroma ratio", named, *_SPAN)
            drawn.append(("Chroma ratio per picture, with sky and (dashed) without; left of 0.5 is collapse.", svg))
    rows = []
    for entry in (evaluation["sky_dependence"] or {"summaries": []})["summaries"]:
        for key, word in (("chroma_lost", "sky cut away"), ("chroma_lost_control", "control: sides cut")):
            if key in entry:
                rows.append(
                    (f"{entry['colorizer']}, {word}", entry[key]["value"], entry[key]["interval"], "control" in key)
                )
    if rows:
        svg = plots.bars(rows, "share of chroma lost on the same pixels", "Sky dependence")
        drawn.append(("Sky dependence: how much color the ground loses when the sky is cut away.", svg))
    return drawn


def _counts(evaluation: dict) -> str:
    data = evaluation["data"]
    grey, failures = _counted(data["near_grey_left_out"], "near-grey reference"), len(evaluation["failures"])
    return (
        f"{data['measured']} of {data['pictures']} pictures measured; left out: {grey} and "
        f"{_counted(failures, 'failure')}; described by a manifest or data set: {data['described']}."
    )


def _left_out(evaluation: dict) -> list[str]:
    grey = evaluation["data"]["near_grey_left_out"]
    bound = evaluation["protocol"]["near_grey_chroma"]
    lines = [f"{_counted(grey, 'reference')} with a mean chroma below {bound}: there is no color to be right about."]
    lines += [f"{name}: {text}" for name, c in evaluation["colorizers"].items() for text in c.get("unmatched", [])]
    return [*lines, *evaluation["failures"], *evaluation["notes"]]


def _counted(number: int, name: str) -> str:
    return f"{number} {name}{'s' * (number != 1)}"


def _cell(text: str) -> str:
    """A name inside a Markdown table."""
    return re.sub(r"([|<>\\`*_\[\]])", r"\\\1", text)


def _write(path: Path, text: str) -> None:
    # A name that is no UTF-8 is written with escapes.
    with replace_file(path) as part:
        part.write_text(text, encoding="utf-8", errors="backslashreplace")
