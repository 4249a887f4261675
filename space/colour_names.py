"""A few plain words for a colour, for those who do not see it or do not read hexadecimal numbers."""

from __future__ import annotations

import torch
from PIL import ImageColor

from colorization.model.color import rgb_to_lab

_GREY = 6.0  # C* below which a colour passes for grey
_MUTED = 20.0
_LIGHT, _DARK = 72.0, 35.0  # L*
# Hue angle of CIE Lab in degrees up to which a name holds; the first and the last meet at the red end.
_HUES = (
    (20, "pink"),
    (50, "red"),
    (78, "orange"),
    (108, "yellow"),
    (165, "green"),
    (225, "teal"),
    (290, "blue"),
    (335, "purple"),
    (360, "pink"),
)
_DARKER = {"orange": "brown", "yellow": "olive", "pink": "red"}  # what a hue is called at low lightness
_BROWN_BELOW = 62.0  # L*
_BROWN_UP_TO = 92.0  # degrees; dark yellow beyond is olive


def colour_name(colour: str) -> str:
    """For example "light blue" or "dark muted green" of "#rrggbb"."""
    rgb = torch.tensor(ImageColor.getrgb(colour)[:3]).float()[:, None, None] / 255
    lightness, a, b = rgb_to_lab(rgb).flatten().tolist()
    chroma = (a * a + b * b) ** 0.5
    shade = "light " if lightness > _LIGHT else "dark " if lightness < _DARK else ""
    if chroma < _GREY:
        if lightness > 96:
            return "white"
        return "black" if lightness < 8 else f"{shade}grey"
    hue = float(torch.rad2deg(torch.atan2(torch.tensor(b), torch.tensor(a)))) % 360
    name = next(name for end, name in _HUES if hue <= end)
    if lightness < _BROWN_BELOW:
        name = "brown" if hue <= _BROWN_UP_TO and name == "yellow" else _DARKER.get(name, name)
    return f"{shade}{'muted ' if chroma < _MUTED else ''}{name}"
