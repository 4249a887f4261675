"""What a visitor asks of the model beside the photograph: colors at points, and the colors of another photograph."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PIL import ImageColor

from space.language import say
from space.models import PageError

if TYPE_CHECKING:
    import torch

MAX_HINTS = 50
_SAME_POINT = 0.012  # share of a side: about half of the model's raster; a second color there replaces the first


@dataclass(frozen=True)
class Hint:
    """A color at a point.

    Attributes:
        x, y: shares of width and height from the upper left corner, 0 to 1.
        color: "#rrggbb".
    """

    x: float
    y: float
    color: str

    def pixel(self, width: int, height: int) -> tuple[int, int]:
        """The pixel of a picture of that size in which the point lies."""
        return min(int(self.x * width), width - 1), min(int(self.y * height), height - 1)


@dataclass(frozen=True)
class Guidance:
    """Everything asked for one photograph; the network takes all of it at once.

    Attributes:
        hints: at most ``MAX_HINTS``.
        palette: [1, Q] share of each bin of ab, of the look or of the reference photograph; None for none.
        look: the name of the look that ``palette`` is of; None for none, and for a photograph's.
    """

    hints: tuple[Hint, ...] = ()
    palette: torch.Tensor | None = None
    look: str | None = None

    def __bool__(self) -> bool:
        return bool(self.hints) or self.palette is not None

    def with_hint(self, hint: Hint) -> Guidance:
        """One more point; at the place of an earlier one it replaces that.

        Raises:
            PageError: if there are ``MAX_HINTS`` already.
        """
        others = tuple(h for h in self.hints if max(abs(h.x - hint.x), abs(h.y - hint.y)) > _SAME_POINT)
        if len(others) >= MAX_HINTS:
            raise PageError(say("many_points", most=MAX_HINTS))
        return replace(self, hints=(*others, hint))


def make_hint(x: object, y: object, color: object) -> Hint:
    """A hint out of what came from outside.

    Args:
        x, y: percent of width and height, 0 to 100.
        color: a CSS color, "#4060a0" or "rgb(64, 96, 160)".

    Raises:
        PageError: if one of them is none.
    """
    return Hint(_share(x, "across"), _share(y, "down"), read_color(color))


def read_hints(hints: object) -> tuple[Hint, ...]:
    """Hints out of a list of ``[x %, y %, color]``, as programs send them.

    Raises:
        PageError: if it is anything else.
    """
    wrong = PageError('Hints are a list of [across %, down %, color], such as [[50, 10, "#4060a0"]].')
    if hints is None:
        return ()
    if not isinstance(hints, list | tuple) or any(not isinstance(h, list | tuple) or len(h) != 3 for h in hints):
        raise wrong
    guidance = Guidance()
    for hint in hints:
        guidance = guidance.with_hint(make_hint(*hint))
    return guidance.hints


def read_color(color: object) -> str:
    """A CSS color as "#rrggbb"; transparency is ignored, fractions are rounded (color pickers send such).

    Raises:
        PageError: if it is none.
    """
    text = str(color).strip()
    if found := re.fullmatch(r"rgba?\(([\d.]+), *([\d.]+), *([\d.]+)(?:, *[\d.]+)?\)", text):
        text = "rgb({}, {}, {})".format(*(round(float(part)) for part in found.groups()))
    try:
        red, green, blue = ImageColor.getrgb(text)[:3]
    except ValueError:
        raise PageError(say("no_color", text=text[:40])) from None
    if max(red, green, blue) > 255:
        raise PageError(say("color_range", text=text[:40]))
    return f"#{red:02x}{green:02x}{blue:02x}"


def color_values(color: str) -> tuple[int, int, int]:
    """Red, green and blue of "#rrggbb", 0 to 255."""
    return ImageColor.getrgb(color)[:3]


def _share(percent: object, name: str) -> float:
    number = percent if isinstance(percent, int | float) and not isinstance(percent, bool) else math.nan
    if not 0 <= number <= 100:
        raise PageError(say(f"bad_{name}", value=str(percent)[:40]))
    return number / 100
