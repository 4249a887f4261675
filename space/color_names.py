"""A few plain words for a color, for those who do not see it or do not read hexadecimal numbers."""

from __future__ import annotations

import torch
from PIL import ImageColor

from colorization.model.color import rgb_to_lab
from space.language import say

_GREY = 6.0  # C* below which a color passes for grey
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


def color_name(color: str) -> str:
    """For example "light blue" or "dark muted green" of "#rrggbb"."""
    rgb = torch.tensor(ImageColor.getrgb(color)[:3]).float()[:, None, None] / 255
    lightness, a, b = rgb_to_lab(rgb).flatten().tolist()
    chroma = (a * a + b * b) ** 0.5
    shade = "light" if lightness > _LIGHT else "dark" if lightness < _DARK else ""
    if chroma < _GREY:
        if lightness > 96 or lightness < 8:
            return say("color white" if lightness > 96 else "color black")
        return _shaded(say("color grey"), shade)
    hue = float(torch.rad2deg(torch.atan2(torch.tensor(b), torch.tensor(a)))) % 360
    name = next(name for end, name in _HUES if hue <= end)
    if lightness < _BROWN_BELOW:
        name = "brown" if hue <= _BROWN_UP_TO and name == "yellow" else _DARKER.get(name, name)
    text = say(f"color {name}")
    return _shaded(say("shade muted", name=text) if chroma < _MUTED else text, shade)


def _shaded(name: str, shade: str) -> str:
    return say(f"shade {shade}", name=name) if shade else name
