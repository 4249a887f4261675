"""Photographs for a card: grey, colored and true, each with its credit and what the model made of it.

One without a credit is not published; one where the model failed is, and says so.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ..model.readers import READABLE_SUFFIXES
from .upload import PublishError

LONGEST_SIDE = 480  # px of each part


@dataclass(frozen=True)
class Credit:
    """Where a strip lies in the repository and whose the photograph is."""

    path: str
    title: str
    author: str
    licence: str
    source: str
    sky: str = ""
    """Whether sky is in sight, where the table says it: "yes" or "no"."""


@dataclass(frozen=True)
class Verdict:
    """What the model made of a color photograph.

    Attributes:
        figures: measured, as words.
        failures: what went wrong, as words; empty where nothing did.
    """

    figures: str
    failures: tuple[str, ...]


@dataclass(frozen=True)
class Example:
    """A strip of a card; without a verdict where the photograph has no colors of its own."""

    credit: Credit
    verdict: Verdict | None


def read_credits(folder: Path) -> list[tuple[Path, Credit]]:
    """The pictures of a folder with their lines in its ``credits.csv``.

    Its columns are path, author, licence and, where known, source_url and sky (yes or no).

    Raises:
        PublishError: if the file is missing, or a picture has no line, no author or no licence in it.
    """
    table = folder / "credits.csv"
    try:
        with table.open(newline="", encoding="utf-8") as file:
            lines = {Path(line["path"]).name: line for line in csv.DictReader(file)}
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise PublishError(
            f"{table}: the credits cannot be read ({error!r}); columns: path, author, licence."
        ) from error
    found = []
    for picture in sorted(path for path in folder.iterdir() if path.suffix.lower() in READABLE_SUFFIXES):
        line = lines.get(picture.name, {})
        missing = [key for key in ("author", "licence") if not (line.get(key) or "").strip()]
        if missing:
            raise PublishError(
                f"{picture.name}: {table.name} names no {' and no '.join(missing)}; add it, or move it away."
            )
        title = picture.stem.replace("-", " ").replace("_", " ").capitalize()
        source, sky = ((line.get(key) or "").strip() for key in ("source_url", "sky"))
        name = f"examples/{picture.stem}.jpg"
        found.append((picture, Credit(name, title, line["author"].strip(), line["licence"].strip(), source, sky)))
    if not found:
        raise PublishError(f"{folder}: there are no pictures in it.")
    return found


def write_strip(pictures: Sequence[Image.Image], path: Path) -> None:
    """Pictures of one size side by side."""
    width, height = pictures[0].size
    strip = Image.new("RGB", (len(pictures) * (width + 8) - 8, height), "white")
    for number, picture in enumerate(pictures):
        strip.paste(picture.convert("RGB"), (number * (width + 8), 0))
    path.parent.mkdir(exist_ok=True)
    strip.save(path, **({"optimize": True} if path.suffix == ".png" else {"quality": 90}))


def judge(colored: Image.Image, truth: Image.Image) -> Verdict | None:
    """What the harness measures of one result; None where the truth is as good as grey.

    Failures are those that the harness counts: less than half of the true chroma, more than one and a half of it, one
    brown hue over all (sepia), and colors farther from the truth than grey is.
    """
    # Here and not above: a data set and the metric are sent without waiting for PyTorch.
    import numpy as np
    import torch

    from eval.inputs import make_input
    from eval.metrics import colors, sepia

    from ..model.color import NEAR_GREY, rgb_to_lab, to_tensor

    def lab_of(picture: Image.Image) -> torch.Tensor:
        return rgb_to_lab(to_tensor(picture))

    made, true, grey = lab_of(colored), lab_of(truth), lab_of(make_input(np.array(truth)))
    if colors.mean_chroma(true).item() < NEAR_GREY:
        return None
    error, of_grey = (colors.delta_e(lab, true)[0].item() for lab in (made, grey))
    ratio = colors.chroma_ratio(made, true).item()
    failures = [
        words
        for words, wrong in (
            ("less than half of its color", ratio < colors.COLLAPSED),
            ("too colorful by more than half", ratio > colors.OVERSATURATED),
            ("sepia", bool(sepia.is_sepia(sepia.hue_statistics(made)).item())),
            ("farther from the truth than grey", error > of_grey),
        )
        if wrong
    ]
    return Verdict(f"CIEDE2000 {error:.1f} (grey {of_grey:.1f}), chroma ratio {ratio:.2f}", tuple(failures))


def write_examples(folder: Path, color: Callable[[Image.Image], Image.Image], target: Path) -> list[Example]:
    """Strips of all pictures of ``folder`` below ``target``: grey, colored, and the truth where it is in color.

    Args:
        folder: with pictures and their ``credits.csv``.
        color: takes a grey picture and gives it colored, of the same size.
        target: folder of the repository.

    Raises:
        PublishError: if a picture has no credit.
    """
    import numpy as np

    from eval.inputs import make_input

    from ..model.images import read_picture

    found = []
    for path, credit in read_credits(folder):
        truth = read_picture(path)
        truth.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
        grey = make_input(np.array(truth))
        colored = color(grey)
        verdict = judge(colored, truth)
        write_strip([grey, colored, truth] if verdict else [grey, colored], target / credit.path)
        found.append(Example(credit, verdict))
    return found
