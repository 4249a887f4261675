"""The card of a built data set: what is in it, what was thrown out and why, and how it looks."""

from __future__ import annotations

import dataclasses
import io
import shlex
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from .options import BuildOptions
from .plan import Decision
from .shards import Store

_TILE, _COLUMNS, _ROWS = 128, 10, 6
_HISTOGRAMS = {
    "mean_chroma": ("mean chroma (CIE units)", 0, 60),
    "colorfulness": ("colorfulness (Hasler and Suesstrunk)", 0, 120),  # the font of drawings has no umlauts
    "sky_fraction": ("share of sky", 0, 1),
    "shorter": ("shorter side (px, log scale)", 6, 12),
}
_BINS = 30


def write_card(store: Store, options: BuildOptions, decision: Decision, sources: list[str], seconds: dict) -> None:
    """Write ``README.md`` and ``card/*`` beside ``data/``, reading the columns of the shards file by file.

    Args:
        store: where ``data`` lies.
        decision: counts of the plan.
        sources: what the data set was built from, as given on the command line.
        seconds: of each step of the build so far.
    """
    licences: Counter[tuple[str, str]] = Counter()
    table: defaultdict[str, Counter[str]] = defaultdict(Counter)
    skies: defaultdict[str, Counter[str]] = defaultdict(Counter)
    bins = {name: np.zeros(_BINS, int) for name in _HISTOGRAMS}
    total, weak, size = 0, 0, 0
    for name in store.list("data"):
        split = name.split("/")[-1].rsplit("-", 3)[0]
        columns = [f for f in ("source", "scene", "licence", "sky", "width", "height", *list(_HISTOGRAMS)[:3])]
        rows = store.read(name, columns)
        size += store.filesystem.size(store.path(name))
        values = {c: rows[c].to_pylist() for c in ("source", "scene", "licence", "sky")}
        table["all"][split] += rows.num_rows
        for source, scene, licence, sky in zip(*values.values(), strict=True):
            table[f"{source} / {scene or '(none)'}"][split] += 1
            licences[source, licence or "unknown"] += 1
            skies[split][sky or "not looked for"] += 1
        numbers = {c: rows[c].to_numpy().astype(float) for c in list(_HISTOGRAMS)[:3]}
        shorter = np.minimum(rows["width"].to_numpy(), rows["height"].to_numpy())
        numbers["shorter"] = np.log2(np.maximum(shorter, 1))
        weak += int((numbers["colorfulness"] < options.filters.warn_colorfulness).sum())
        for key, (_, low, high) in _HISTOGRAMS.items():
            known = numbers[key][np.isfinite(numbers[key])]
            bins[key] += np.histogram(known.clip(low, high), _BINS, (low, high))[0]
        total += rows.num_rows
    store.write_bytes("card/histograms.png", _histograms(bins))
    store.write_bytes("card/contact_sheet.jpg", _contact_sheet(store, total))
    splits = sorted(table["all"], key=lambda s: (["train", "validation", "test"].index(s) if s in _FIRST else 9, s))
    runs = (store.read_json("build.json") or {}).get("runs", 1)
    store.write_bytes("README.md", _text(**locals()).encode())


_FIRST = ("train", "validation", "test")
_REASONS = {
    "monochrome": "grey or tinted: color follows lightness up to {min_chroma_spread:g} CIE units",
    "border": "flat bands on two opposite sides, more than {max_border:.0%} of the picture",
    "duplicate": "a copy of a picture that was taken, perhaps mirrored, resized or compressed again",
    "too dark": "mean L* below {min_lightness:g}",
    "too bright": "mean L* above {max_lightness:g}",
    "too small": "shorter side below {min_side} px",
    "extreme aspect": "longer side more than {max_aspect:g} times the shorter",
    "low colorfulness": "below {min_colorfulness:g}",
    "unreadable": "damaged, or no picture at all",
}


def _text(table, licences, skies, total, weak, size, splits, options, decision, sources, seconds, runs, **_) -> str:
    dropped = decision.dropped
    files = "\n".join(f"      - split: {s}\n        path: data/{s}-*.parquet" for s in splits)
    scale = next(n for n, limit in _SIZES if total < limit)
    lines = [
        "---", "pretty_name: Landscape photographs", "license: other", "task_categories:", "  - image-to-image",
        f"size_categories:\n  - {scale}", "configs:\n  - config_name: default\n    data_files:\n" + files, "---", "",
        "# Landscape photographs for colorization", "",
        f"{total:,} photographs, {size / 1e6:,.1f} MB; {sum(dropped.values()):,} files were not taken "
        "(each is named in `dropped.csv`, with the reason).", "", "![Pictures spread over the whole set]"
        "(card/contact_sheet.jpg)", "", "## Counts", "", "| source / scene | " + " | ".join(splits) + " | all |",
        "|---|" + "---:|" * (len(splits) + 1),
    ]  # fmt: skip
    lines += [
        f"| {name} | " + " | ".join(f"{count[s]:,}" for s in splits) + f" | {sum(count.values()):,} |"
        for name, count in sorted(table.items())
    ]
    words = ("yes", "no", "uncertain", "not looked for")
    lines += ["", "| sky | " + " | ".join(words) + " |", "|---|" + "---:|" * len(words)]
    lines += [f"| {s} | " + " | ".join(f"{skies[s][w]:,}" for w in words) + " |" for s in splits]
    lines += [
        "",
        "![Histograms](card/histograms.png)",
        "",
        "## Not taken",
        "",
        "| reason | files | what it means |",
        "|---|---:|---|",
    ]
    thresholds = dataclasses.asdict(options.filters)
    lines += [
        f"| {reason} | {count:,} | {_REASONS.get(reason, 'see `dropped.csv`').format(**thresholds)} |"
        for reason, count in dropped.most_common()
    ] or ["| (nothing) | 0 | |"]
    lines += [
        "", f"{weak:,} of the pictures taken are of low colorfulness (below "
        f"{options.filters.warn_colorfulness:g}): a warning, not a filter.", "", "Thresholds: "
        + ", ".join(
            f"`{k}` {v:g}" for k, v in dataclasses.asdict(options.filters).items()) + ".", "",
        "Color is measured on a copy of 32 × 32 averaged pixels. Copies (also mirrored, resized or compressed again) "
        "are found by a perceptual hash and confirmed by correlation; crops of one another are not. "
        + _about_splits(options, decision),
        "", "## Columns", "", "`image`, `source`, `scene` (from the folders), `width`, `height` (px), `colorfulness` "
        "(Hasler and Süsstrunk 2003, signed), `mean_chroma` (CIE Lab), `sky_fraction`, `sky` (yes, no, uncertain: "
        "found by a model, not by eye), `phash` (64 bits, hexadecimal), `licence`.", "", "## Licences", "",
        "| source | licence | pictures |", "|---|---|---:|",
    ]  # fmt: skip
    lines += [f"| {source} | {licence} | {count:,} |" for (source, licence), count in sorted(licences.items())]
    lines += ["", "The pictures belong to their makers; a licence that is unknown is no permission to share.", ""]
    lines += ["## How it was built", "", "```bash", _command(sources, options), "```", ""]
    # What a run that was stopped had done by then is not in the seconds of the next.
    lines += [
        ("Seconds" if runs == 1 else f"Seconds of the last of {runs} runs")
        + ": "
        + ", ".join(f"{name} {value:.1f}" for name, value in seconds.items())
        + ".",
        "",
    ]
    return "\n".join(lines)


def _command(sources: list[str], options: BuildOptions) -> str:
    """The command, with names instead of paths: where a folder lay on somebody's machine is nobody's business."""
    words, default = [_name(source) for source in sources], BuildOptions()
    if options.shares != default.shares:
        words += ["--splits", f"{options.shares.train:g}/{options.shares.validation:g}/{options.shares.test:g}"]
    if options.splits_from:
        words += ["--splits-from", _name(options.splits_from)]
    if options.share_tolerance != default.share_tolerance:
        words += ["--share-tolerance", f"{options.share_tolerance:g}"]
    if options.same_scene_bits != default.same_scene_bits:
        words += ["--same-scene", str(options.same_scene_bits)]
    for name, value in dataclasses.asdict(options.filters).items():
        if value != getattr(default.filters, name):
            words += ["--filter", f"{name}={value:g}"]
    for source, licence in options.licences.items():
        words += ["--licence", f"{source}={licence}" if source else licence]
    if not options.sky:
        words.append("--no-sky")
    if options.sky_model:
        hub_id = not Path(options.sky_model).exists()
        words += ["--sky-model", options.sky_model if hub_id else _name(options.sky_model)]
    if options.reencode:
        words += ["--reencode", str(options.reencode), "--max-side", str(options.max_side)]
    return shlex.join(["python", "scripts/build_dataset.py", *words, "--output", "DIR"])


def _name(source: str) -> str:
    """An address without passwords in it, of a path the last part."""
    if "://" in source:
        protocol, _, rest = source.partition("://")
        return f"{protocol}://{Path(rest).name if protocol == 'file' else rest.rsplit('@', 1)[-1]}"
    return source if source == "--merge" else Path(source).resolve().name or "source"


def _about_splits(options: BuildOptions, decision: Decision) -> str:
    words = "Splits were given; of pictures without one, the" if options.splits_from else "The"
    words += " split of a picture follows from its own bytes (SHA-256), in shares of "
    words += "{train:g}/{validation:g}/{test:g}".format(**dataclasses.asdict(options.shares))
    words += f", in each scene within {options.share_tolerance:g} points or one picture."
    if not options.same_scene_bits:
        return words
    found = f"{decision.grouped:,} pictures in {decision.groups:,} groups look like the same scene"
    if decision.crossing:
        return f"{words} {found}; {decision.crossing:,} of these groups are in several splits, as was given."
    return f"{words} {found}; each group is in one split."


_SIZES = (("n<1K", 1e3), ("1K<n<10K", 1e4), ("10K<n<100K", 1e5), ("100K<n<1M", 1e6), ("n>1M", float("inf")))


def _histograms(bins: dict[str, np.ndarray]) -> bytes:
    width, height, gap = 360, 150, 40
    canvas = Image.new("RGB", (2 * (width + gap) + gap, 2 * (height + 2 * gap)), "white")
    draw = ImageDraw.Draw(canvas)
    for place, (name, counts) in enumerate(bins.items()):
        title, low, high = _HISTOGRAMS[name]
        left, top = gap + place % 2 * (width + gap), gap + place // 2 * (height + 2 * gap)
        draw.text((left, top - 18), title, fill="black", font_size=13)
        step = width / _BINS
        for b, count in enumerate(counts):
            bar = height * count / max(1, counts.max())
            box = (left + b * step, top + height - bar, left + (b + 1) * step - 2, top + height)
            draw.rectangle(box, fill=(70, 110, 160))
        draw.line((left, top + height, left + width, top + height), fill="black")
        for value, x in ((low, left), ((low + high) / 2, left + width / 2), (high, left + width)):
            shown = f"{2**value:.0f}" if name == "shorter" else f"{value:g}"
            draw.text((x, top + height + 4), shown, fill="black", anchor="ma", font_size=12)
        draw.text((left + width, top - 18), f"highest bar {counts.max():,}", fill="gray", anchor="ra", font_size=12)
    buffer = io.BytesIO()
    canvas.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _contact_sheet(store: Store, total: int) -> bytes:
    """Pictures at equal distances over all shards, so that sources and scenes show in proportion."""
    count = min(total, _COLUMNS * _ROWS)
    canvas = Image.new("RGB", (_COLUMNS * _TILE, -(-count // _COLUMNS) * _TILE), "white")
    wanted, begin, drawn = [(2 * i + 1) * total // (2 * count) for i in range(count)], 0, 0
    for name in store.list("data"):
        rows = store.read(name, ["source"]).num_rows
        here = [w - begin for w in wanted if begin <= w < begin + rows]
        begin += rows
        if not here:
            continue
        for picture in store.read(name, ["image"])["image"].take(here).to_pylist():
            tile = Image.open(io.BytesIO(picture["bytes"])).convert("RGB")
            tile.thumbnail((_TILE - 2, _TILE - 2))
            left, top = (_TILE - tile.width) // 2, (_TILE - tile.height) // 2
            canvas.paste(tile, (drawn % _COLUMNS * _TILE + left, drawn // _COLUMNS * _TILE + top))
            drawn += 1
    buffer = io.BytesIO()
    canvas.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
