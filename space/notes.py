"""What is said of a coloured photograph: one line of facts, and at most one sentence of warning."""

from __future__ import annotations

import html

from space.service import Colouring

SMALL = 64  # px, longest side: hardly a picture
WAITING = "<p role='status'>Add a photograph, or try one of the examples.</p>"
_UNSURE = {  # of Prediction.confidence, whose bounds are fitted on validation pictures; a sure model says nothing
    "several colourings are plausible": "Several colourings are plausible here; the small pictures below show some.",
    "little to go on here": "There is little to go on in this photograph, so these colours are hardly more than a "
    "first try; the small pictures below show others.",
}
_IN_COLOR = (
    "It came in colour: it was made grey first, as on the left. "
    "<button type='button' class='link' data-tab='tab-measure'>Compare with its own colours</button>"
)


def describe(result: Colouring) -> str:
    """The note under the picture, as HTML that is read out when it changes."""
    width, height = result.size
    name = html.escape(result.name, quote=False)
    text = f"<strong>{name}</strong>: {width:,} × {height:,} pixels, {result.seconds:.1f} seconds."
    if result.reduced:
        text += " Shown reduced; the download has every pixel."
    warning = _warning(result)
    return f"<p role='status'>{text}{f' <span class=warning>{warning}</span>' if warning else ''}</p>"


def _warning(result: Colouring) -> str:
    """The one thing that matters most, or nothing."""
    if result.plain:
        return "There is next to nothing in this picture: it is of one tone all over, so there is nothing to colour."
    if max(result.size) < SMALL:
        return f"With {result.size[0]} × {result.size[1]} pixels it is too small to recognize much in it."
    if result.in_color:
        return _IN_COLOR
    return _UNSURE.get(result.confidence or "", "")
