"""The picture of the page: before and after under one line, with alternative texts, at the weight of a phone's line."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from space.language import say
from space.service import ColoredPhoto
from space.session import next_number
from space.views import address_of

_TEMPLATE = """<div class="ba">
  <div class="ba-stage" hidden><div class="ba-inner"><div class="ba-points" aria-hidden="true"></div></div>
  <div class="ba-line" aria-hidden="true"></div></div>
  <input type="range" min="0" max="100" step="1" value="50" hidden>
  <p class="ba-empty"></p>
</div>"""


def build() -> gr.HTML:
    """Lay it out; its value is what :func:`shown` gives, and its ``click`` says where as ``x`` and ``y``, 0 to 1."""
    script = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    return gr.HTML(
        nothing_shown(), html_template=_TEMPLATE, js_on_load=script, apply_default_css=False, elem_id="slider"
    )


def shown(colored: ColoredPhoto) -> dict:
    """What the page needs to show a photograph and its colors."""
    width, height = colored.shown_size
    return {
        "number": next_number(),
        "before": address_of(colored.before),
        "after": address_of(colored.after),
        "width": width,
        "height": height,
        "before_text": say("before_alt", name=colored.name),
        "after_text": say("after_alt", name=colored.name),
        "line": say("line"),
        "points": [{"x": hint.x, "y": hint.y, "color": hint.color} for hint in colored.guidance.hints],
    }


def nothing_shown() -> dict:
    """What the page needs to show no photograph, whatever comes late."""
    return {"number": next_number(), "after": None, "empty": say("appears_here")}
