"""Which pictures a report shows: the most telling ones of each kind, with their thumbnails."""

from __future__ import annotations

import base64
import random
import re
from pathlib import Path

from .metrics.colors import COLLAPSED, OVERSATURATED
from .results import ALWAYS

KINDS = ("failures without sky", "largest difference", "worst", "median", "best", "random")
_ROWS = 12  # of each kind and colorizer
_MAX_BYTES = 15_000_000  # of pictures in the page; base64 makes a third more of it


class Shelf:
    """Thumbnails as data addresses, each once, up to a bound of bytes.

    Args:
        folder: of thumbnails.
        elsewhere: name of a row to the folder and the name that its thumbnails have there.
    """

    def __init__(self, folder: Path, elsewhere: dict[str, tuple[Path, str]] | None = None) -> None:
        self.folder, self.elsewhere, self.bytes = folder, elsewhere or {}, 0
        self.images: dict[str, str] = {}

    def put(self, picture: str, name: str) -> str | None:
        key = f"{picture}/{name}"
        if key not in self.images:
            folder, file = self.elsewhere.get(name, (self.folder, name))
            path = folder / picture / f"{file}.jpg"
            if self.bytes > _MAX_BYTES or not re.fullmatch(r"[0-9a-f]{12}", picture) or not path.is_file():
                return None
            data = path.read_bytes()
            self.bytes += len(data)
            self.images[key] = "data:image/jpeg;base64," + base64.b64encode(data).decode()
        return key


def galleries(evaluation: dict, names: list[str], shelf: Shelf) -> list[dict]:
    """For each colorizer and kind: the rows of pictures, by CIEDE2000."""
    by_picture: dict[str, dict[str, dict]] = {}
    for row in evaluation["rows"]:
        by_picture.setdefault(row["picture"], {})[row["colorizer"]] = row
    shown = [name for name in names if name not in ("grey", "mean")]
    made = []
    for name in names:
        if name in ALWAYS:
            continue
        for kind, members in _kinds(by_picture, name).items():
            rows = []
            for row, remark in members[:_ROWS]:
                cells: list[tuple[str, str | None, dict | None]] = [("input", shelf.put(row["picture"], "input"), None)]
                cells += [(n, shelf.put(row["picture"], n), by_picture[row["picture"]].get(n)) for n in shown]
                rows.append({"row": row, "remark": remark, "cells": cells})
            made.append({"colorizer": name, "kind": kind, "rows": rows})
    return made


def opening(made: list[dict]) -> dict | None:
    """The gallery to open on: the first kind that has a picture, of the first colorizer that has one."""
    filled = [gallery for gallery in made if gallery["rows"]]
    return min(filled, key=lambda gallery: KINDS.index(gallery["kind"]), default=None)


def _kinds(by_picture: dict[str, dict[str, dict]], name: str) -> dict[str, list[tuple[dict, str]]]:
    own = sorted(
        (rows[name] for rows in by_picture.values() if _error(rows.get(name)) is not None),
        key=lambda row: row["ciede2000_mean"],
    )
    middle = max(0, (len(own) - _ROWS) // 2)
    apart = []
    for row in own:
        others = [
            (abs(error - row["ciede2000_mean"]), error - row["ciede2000_mean"], rival)
            for rival, other in by_picture[row["picture"]].items()
            if rival not in (*ALWAYS, name) and (error := _error(other)) is not None
        ]
        if others:
            _, gap, rival = max(others)
            apart.append((row, gap, rival))
    apart.sort(key=lambda found: -abs(found[1]))
    plain = {
        "failures without sky": [row for row in reversed(own) if row.get("sky") == "no" and failed(row)],
        "worst": own[::-1],
        "median": own[middle:],
        "best": own,
        "random": random.Random(0).sample(own, len(own)),
    }
    kinds = {kind: [(row, "") for row in rows] for kind, rows in plain.items()}
    kinds["largest difference"] = [
        (row, f"{name} is {abs(gap):.1f} {'nearer to' if gap > 0 else 'farther from'} the truth than {rival}")
        for row, gap, rival in apart
    ]
    return {kind: kinds[kind] for kind in KINDS}


def failed(row: dict) -> bool:
    """One tint, collapsed or much too colorful; a figure that was not computed accuses nobody."""
    ratio = row.get("chroma_ratio")
    return bool(row.get("one_hue") or row.get("sepia")) or (
        ratio is not None and not COLLAPSED <= ratio <= OVERSATURATED
    )


def _error(row: dict | None) -> float | None:
    return row.get("ciede2000_mean") if row else None


def caption(row: dict) -> str:
    """What stands below a picture."""
    kinds = (("ciede2000_mean", "ΔE00 {:.1f}"), ("chroma_ratio", "chroma × {:.2f}"), ("psnr_rgb", "PSNR {:.1f}"))
    parts = [text.format(row[key]) for key, text in kinds if row.get(key) is not None]
    tint = "sepia" if row.get("sepia") else "one hue" if row.get("one_hue") else ""
    return ", ".join([*parts, *([tint] if tint else [])])
