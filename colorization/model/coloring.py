"""A coloring that can be repeated, as a JSON file: points, look, variant, strength and warmth.

    {"points": [[50, 10, "#6f94b8"]], "look": "autumn", "variant": 1, "strength": 1.0, "warmth": 0.0}

Points are [percent of the width, percent of the height, color], so that one file fits a photograph in any size; all
fields may be left out. The pipeline (``recipe=``), the command line (``--hints FILE``) and the page read the same.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from PIL import ImageColor

from .limits import MAX_STRENGTH, MAX_VARIANTS


class ColoringError(ValueError):
    """A coloring that is none; the message is a sentence."""


@dataclass(frozen=True)
class Coloring:
    """What a person wants of a photograph's colors.

    Attributes:
        points: (x, y, color): percent of width and height, 0 to 100, and "#rrggbb" or another CSS color.
        look: the name of a palette of the model, or None.
        variant: which of the model's plausible colorings, 1 for the ordinary one.
        strength: factor on chroma, 0 to 10.
        warmth: shift along daylight, -1 (cool) to 1 (warm).
    """

    points: tuple[tuple[float, float, str], ...] = ()
    look: str | None = None
    variant: int = 1
    strength: float = 1.0
    warmth: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", tuple(_checked_point(point) for point in _as_list(self.points)))
        if not (self.look is None or isinstance(self.look, str)):
            raise ColoringError(f"look is a name, not {self.look!r}.")
        if isinstance(self.variant, bool) or not isinstance(self.variant, int) or not 1 <= self.variant <= MAX_VARIANTS:
            raise ColoringError(f"variant is a whole number from 1 to {MAX_VARIANTS}, not {self.variant!r}.")
        _check_range("strength", self.strength, 0, MAX_STRENGTH)
        _check_range("warmth", self.warmth, -1, 1)

    def to_json(self) -> str:
        """The file's text, which :func:`read_coloring` reads back to the same."""
        return json.dumps(asdict(self), ensure_ascii=False) + "\n"


def read_coloring(source: Coloring | dict | Path | str) -> Coloring:
    """Read a coloring.

    Args:
        source: a file; the text of one, which begins with a brace; what such a text says, as a dictionary; or a
            coloring, which is returned.

    Raises:
        ColoringError: if it cannot be read, is no JSON, or has fields or values that there are not.
    """
    if isinstance(source, Coloring):
        return source
    name = "This coloring"
    values: object = source
    if isinstance(source, Path) or (isinstance(source, str) and not source.lstrip().startswith(("{", "["))):
        name = str(source)
        try:
            values = Path(source).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError, ValueError) as error:
            raise ColoringError(f"{name}: it cannot be read ({getattr(error, 'strerror', None) or error}).") from None
    if isinstance(values, str):
        try:
            values = json.loads(values)
        except json.JSONDecodeError as error:
            raise ColoringError(f"{name}: it is not valid JSON ({error}).") from None
    known = [field.name for field in fields(Coloring)]
    if not isinstance(values, dict):
        raise ColoringError(f"{name}: a coloring is an object with {', '.join(known)}.")
    if unknown := sorted(map(str, values.keys() - set(known))):
        raise ColoringError(f"{name}: unknown field {', '.join(unknown)}; known are {', '.join(known)}.")
    try:
        return Coloring(**values)
    except ColoringError as error:
        raise ColoringError(f"{name}: {error}") from None


def fill_in(coloring: Coloring, given: dict[str, Any]) -> dict[str, Any]:
    """Options of the pipeline: those given, and where they say nothing, what the coloring says."""
    options: dict[str, Any] = {"points": coloring.points, "strength": coloring.strength, "warmth": coloring.warmth}
    if coloring.look and "palette" not in given:
        options["look"] = coloring.look
    if "num_variants" not in given:
        options["variant"] = coloring.variant
    return options | given


def place_on(percent: float, length: int) -> float:
    """Pixel of a side of that length at a percentage of it: 0 is the first, 100 the last."""
    return percent / 100 * (length - 1)


def _as_list(points: object) -> list | tuple:
    if isinstance(points, list | tuple):
        return points
    raise ColoringError(f'points are a list such as [[50, 10, "#4060a0"]], not {points!r}.')


def _checked_point(point: object) -> tuple[float, float, str]:
    if not isinstance(point, list | tuple) or len(point) != 3:
        raise ColoringError(f'A point is [across %, down %, color], such as [50, 10, "#4060a0"], not {point!r}.')
    x, y, color = point
    for place in (x, y):
        _check_range("A point's place, in percent,", place, 0, 100)
    return float(x), float(y), check_color(color)


def check_color(color: Any) -> str:
    """A CSS color as it is. Raises ColoringError if it is none."""
    try:
        ImageColor.getrgb(color)
    except (ValueError, AttributeError, TypeError):
        raise ColoringError(f"{color!r} is no color; write it as #rrggbb.") from None
    return color


def _check_range(name: str, value: Any, low: float, high: float) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or not low <= value <= high:
        raise ColoringError(f"{name} is a number from {low:g} to {high:g}, not {value!r}.")
