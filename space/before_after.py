"""The picture of the page: before and after under one line, with alternative texts, at the weight of a phone's line."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from space.service import Colouring
from space.session import next_number
from space.views import address_of

_TEMPLATE = """<div class="ba">
  <div class="ba-stage" hidden><div class="ba-inner"><div class="ba-points" aria-hidden="true"></div></div>
  <div class="ba-line" aria-hidden="true"></div></div>
  <input type="range" min="0" max="100" step="1" value="50" aria-label="Line between before and after" hidden>
  <p class="ba-empty">Your coloured photograph will appear here.</p>
</div>"""


def build() -> gr.HTML:
    """Lay it out; its value is what :func:`shown` gives, and its ``click`` says where as ``x`` and ``y``, 0 to 1."""
    script = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    return gr.HTML(
        nothing_shown(), html_template=_TEMPLATE, js_on_load=script, apply_default_css=False, elem_id="slider"
    )


def shown(colouring: Colouring) -> dict:
    """What the page needs to show a photograph and its colours."""
    width, height = colouring.shown_size
    return {
        "number": next_number(),
        "before": address_of(colouring.before),
        "after": address_of(colouring.after),
        "width": width,
        "height": height,
        "before_text": f"{colouring.name}, in black and white",
        "after_text": f"{colouring.name}, in colour",
        "points": [{"x": hint.x, "y": hint.y, "color": hint.colour} for hint in colouring.wishes.hints],
    }


def nothing_shown() -> dict:
    """What the page needs to show no photograph, whatever comes late."""
    return {"number": next_number(), "after": None}
