"""What is said of a colored photograph: one line of facts, and at most one sentence of warning."""

from __future__ import annotations

import html

from colorization.model.negatives import NOTE
from space.language import number, say
from space.service import ColoredPhoto

SMALL = 64  # px, longest side: hardly a picture
_UNSURE = {  # of Prediction.confidence, whose bounds are fitted on validation pictures; a sure model says nothing
    "several colorings are plausible": "several_plausible",
    "little to go on here": "little_to_go_on",
}


def describe(result: ColoredPhoto) -> str:
    """The note under the picture, as HTML that is read out when it changes."""
    width, height = result.size
    name = html.escape(result.name, quote=False)
    text = say("facts", name=name, width=number(width), height=number(height), seconds=number(result.seconds, 1))
    if result.reduced:
        text += f" {say('reduced')}"
    warning = _warning(result)
    return f"<p role='status'>{text}{f' <span class=warning>{warning}</span>' if warning else ''}</p>"


def _warning(result: ColoredPhoto) -> str:
    """The one thing that matters most, or nothing."""
    if result.plain:
        return say("one_tone")
    if max(result.size) < SMALL:
        return say("too_small", width=result.size[0], height=result.size[1])
    if result.prediction.notes:
        return say("negative" if NOTE in result.prediction.notes else "cut_off")
    if result.in_color:
        link = f"<button type='button' class='link' data-tab='tab-measure'>{say('compare_own')}</button>"
        return f"{say('came_in_color')} {link}"
    unsure = _UNSURE.get(result.confidence or "")
    return say(unsure) if unsure else ""
