"""The part *Fine-tune the colours* of the tab *Colourize*, folded away until it is wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import gradio as gr

from space.colour_names import colour_name
from space.guidance import CHOICES, Guide
from space.models import PageError
from space.service import Colouring
from space.uploads import PRIVATE, photo_input, told, uploaded_path
from space.wishes import Wishes, make_hint

_ONE_ANSWER = """This model gives one answer only. With a model that weighs several colours, this is the place to
choose between them, to give colours at points, to borrow the colours of another photograph, and to see how sure the
model is."""
_NOT_GUIDED = "This model offers other colourings, but was not trained to take colours from you."
_NO_POINTS = "No points yet."
_NO_SUGGESTIONS = "<p>Choose a point, and colours that the model finds likely there appear here.</p>"
# Buttons in HTML rather than Gradio's: each shows its colour.
_PRESS_SWATCH = """element.addEventListener('click', event => {
  const button = event.target.closest('button[data-colour]');
  if (button) trigger('click', {colour: button.dataset.colour});
});"""


@dataclass(frozen=True)
class Panel:
    """What the tab needs of the panel.

    Attributes:
        doubt: the checkbox that shows how sure the model is; while it is on, the slider shows no colours.
        parts: outputs of :attr:`renew`.
        renew: from a new colouring (or None) to the panel as it begins.
        listen: attach what the buttons do, given the tab's colouring, slider, note, strength and warmth.
    """

    doubt: gr.Checkbox
    parts: list[gr.components.Component]
    renew: Callable[[Colouring | None], tuple]
    listen: Callable[..., None]


def build(guide: Guide, pair: Callable[[Colouring], tuple], describe: Callable[[Colouring], str]) -> Panel:
    """Lay out the panel where it is called.

    Args:
        guide: what the buttons do.
        pair: the slider's value.
        describe: the note below the slider.
    """
    with gr.Accordion("Fine-tune the colours", open=False, elem_id="fine-tune") as fold:
        unable = gr.Markdown(_ONE_ANSWER, visible=False, elem_id="fine-tune-unable")
        with gr.Column(elem_classes="fine-tune-part") as others:
            gr.Markdown("### Other plausible colours\nThe model weighed these too. Click one to take it.")
            gallery = gr.Gallery(
                label="Other plausible colours",
                show_label=False,
                columns=CHOICES,
                height="auto",
                object_fit="contain",
                allow_preview=False,
                buttons=[],
                format="jpeg",
                elem_id="choices",
            )
        with gr.Column(elem_classes="fine-tune-part") as points:
            gr.Markdown(
                "### Your own colours\nClick a place in the picture, then a colour for it. "
                "The model carries the colour on to what belongs together."
            )
            canvas = gr.Image(
                label="Click a place",
                alt_text="Your photograph in colour, with the points you have given",
                type="filepath",
                interactive=False,
                buttons=[],
                elem_id="canvas",
            )
            with gr.Row():
                across = gr.Number(50, minimum=0, maximum=100, label="Across, %", min_width=90, elem_id="across")
                down = gr.Number(50, minimum=0, maximum=100, label="Down, %", min_width=90, elem_id="down")
                look = gr.Button("Look there", min_width=110, elem_id="look")
            swatches = gr.HTML(_NO_SUGGESTIONS, js_on_load=_PRESS_SWATCH, elem_id="swatches")
            with gr.Row():
                picker = gr.ColorPicker("#6f94b8", label="Another colour", min_width=120, elem_id="picker")
                use = gr.Button("Use this colour there", min_width=180, elem_id="use-colour")
            listed = gr.HTML(_NO_POINTS, elem_id="points")
            with gr.Row():
                undo = gr.Button("Undo last point", size="sm", interactive=False, min_width=120, elem_id="undo")
                clear = gr.Button("Remove all points", size="sm", interactive=False, min_width=120, elem_id="clear")
        with gr.Column(elem_classes="fine-tune-part") as mood:
            gr.Markdown("### Colours from this photo\nAdd a colour photograph, and its colours are borrowed.")
            reference = photo_input(
                "A photograph in colour", "The photograph whose colours are borrowed", "reference", height=200
            )
        with gr.Column(elem_classes="fine-tune-part") as sureness:
            doubt = gr.Checkbox(
                label="Show where the model is unsure",
                info="Magenta: other colours are as likely. Grey: the model is sure. The download is not changed.",
                elem_id="doubt",
            )

    listing = [swatches, listed, undo, clear]
    parts = [fold, unable, others, points, mood, sureness, gallery, canvas, reference, doubt, *listing]

    def renew(result: Colouring | None) -> tuple:
        classifier = result is not None and result.said.logits is not None
        guided = classifier and guide.takes_wishes()
        sentence = _ONE_ANSWER if not classifier else _NOT_GUIDED
        shown = [gr.Column(visible=visible) for visible in (classifier, guided, guided, classifier)]
        unable = gr.Markdown(sentence, visible=not guided)
        return (
            gr.Accordion(open=False),
            unable,
            *shown,
            None,
            None,
            None,
            False,
            _NO_SUGGESTIONS,
            *_list(Wishes()),
        )

    def fill(result: Colouring | None, strength: float, warmth: float) -> tuple:
        """Gallery and clickable picture, when they are looked at; a page that nobody unfolds computes neither."""
        if result is None or result.said.logits is None:
            return gr.skip(), gr.skip()
        return _gallery(guide, result, strength, warmth), str(guide.mark(result))

    def adopt(result: Colouring | None, strength: float, warmth: float, unsure: bool, event: gr.SelectData) -> tuple:
        result = guide.adopt(_needed(result), event.index + 1)
        result = guide.show(result, strength, warmth, unsure)
        return result, pair(result), _gallery(guide, result, strength, warmth), str(guide.mark(result))

    def click(result: Colouring | None, event: gr.SelectData) -> tuple:
        result = _needed(result)
        width, height = guide.marked_size(result)
        x, y = ((place + 0.5) / side * 100 for place, side in zip(event.index, (width, height), strict=True))
        return round(x, 1), round(y, 1), *suggest(result, x, y)

    def suggest(result: Colouring | None, x: float, y: float) -> tuple:
        result, place = _needed(result), make_hint(x, y, "#000000")
        colours = guide.suggest(result, place.x, place.y)
        return str(guide.mark(result, (place.x, place.y))), _swatches(colours), colours[0]

    def again(result: Colouring, wishes: Wishes, strength: float, warmth: float, unsure: bool) -> tuple:
        result = guide.ask(result, wishes, strength, warmth, unsure)
        refreshed = _gallery(guide, result, strength, warmth), str(guide.mark(result))
        return result, pair(result), describe(result), *refreshed, _NO_SUGGESTIONS, *_list(wishes)

    def give(result: Colouring | None, strength, warmth, unsure, x: float, y: float, colour: str) -> tuple:
        result = _needed(result)
        return again(result, result.wishes.with_hint(make_hint(x, y, colour)), strength, warmth, unsure)

    def press(result: Colouring | None, strength, warmth, unsure, x: float, y: float, event: gr.EventData) -> tuple:
        return give(result, strength, warmth, unsure, x, y, (event._data or {}).get("colour"))

    def take_back(result: Colouring | None, strength, warmth, unsure) -> tuple:
        result = _needed(result)
        return again(result, Wishes(result.wishes.hints[:-1], result.wishes.palette), strength, warmth, unsure)

    def take_all_back(result: Colouring | None, strength, warmth, unsure) -> tuple:
        result = _needed(result)
        return again(result, Wishes((), result.wishes.palette), strength, warmth, unsure)

    def borrow(result: Colouring | None, strength, warmth, unsure, upload: dict | None) -> tuple:
        result, path = _needed(result), uploaded_path(upload)
        if path is None and result.wishes.palette is None:
            return (gr.skip(),) * 9
        palette = None if path is None else guide.palette(path)
        return again(result, Wishes(result.wishes.hints, palette), strength, warmth, unsure)

    def give_borrowed_back(result: Colouring | None, strength, warmth, unsure) -> tuple:
        return borrow(result, strength, warmth, unsure, None)

    def show(result: Colouring | None, strength: float, warmth: float, unsure: bool) -> tuple:
        result = guide.show(_needed(result), strength, warmth, unsure)
        return result, pair(result)

    def listen(colouring: gr.State, slider: gr.ImageSlider, note: gr.Markdown, sliders: list[gr.Slider]) -> None:
        settings = [colouring, *sliders, doubt]
        answered = [colouring, slider, note, gallery, canvas, *listing]
        network = {"show_progress_on": [slider, canvas], **PRIVATE}
        quick = {"show_progress": "hidden", **PRIVATE}
        place = [canvas, swatches, picker]
        fold.expand(told(fill), [colouring, *sliders], [gallery, canvas], show_progress_on=[gallery], **PRIVATE)
        gallery.select(told(adopt), settings, [colouring, slider, gallery, canvas], **quick)
        canvas.select(told(click), colouring, [across, down, *place], **quick)
        gr.on([look.click, across.submit, down.submit], told(suggest), [colouring, across, down], place, **quick)
        swatches.click(told(press), [*settings, across, down], answered, **network)
        use.click(told(give), [*settings, across, down, picker], answered, **network)
        undo.click(told(take_back), settings, answered, **network)
        clear.click(told(take_all_back), settings, answered, **network)
        borrowed = reference.input(told(borrow), [*settings, reference], answered, preprocess=False, **network)
        borrowed.failure(lambda: None, None, reference, **quick).then(
            told(give_borrowed_back), settings, answered, **network
        )
        reference.clear(told(give_borrowed_back), settings, answered, **network)
        doubt.input(told(show), settings, [colouring, slider], **quick)

    return Panel(doubt, parts, renew, listen)


def _needed(result: Colouring | None) -> Colouring:
    if result is None:
        raise PageError("Colour a photograph first.")
    return result


def _gallery(guide: Guide, result: Colouring, strength: float, warmth: float) -> gr.Gallery:
    captions = ["First choice", *(f"Choice {number}" for number in range(2, CHOICES + 1))]
    captions[result.variant - 1 : result.variant] = [f"✓ {captions[result.variant - 1]}"]
    pictures = zip(map(str, guide.thumbnails(result, strength, warmth)), captions, strict=True)
    return gr.Gallery(list(pictures), selected_index=result.variant - 1 if result.variant <= CHOICES else None)


def _swatches(colours: list[str]) -> str:
    names = [colour_name(colour) for colour in colours]
    buttons = "".join(
        f'<button type="button" data-colour="{colour}"><span style="background:{colour}"></span>{name}'
        f"{f' {colour}' if names.count(name) > 1 else ''}</button>"  # two of one name are told apart by their codes
        for colour, name in zip(colours, names, strict=True)
    )
    return f'<p>Likely there; click one to use it:</p><div role="group" aria-label="Likely colours">{buttons}</div>'


def _list(wishes: Wishes) -> tuple:
    """The list of points, and its two buttons."""
    items = "".join(
        f'<li><span style="background:{hint.colour}"></span>{colour_name(hint.colour)}, {100 * hint.x:.0f} % across, '
        f"{100 * hint.y:.0f} % down</li>"
        for hint in wishes.hints
    )
    some = bool(wishes.hints)
    return f"<ol>{items}</ol>" if some else _NO_POINTS, gr.Button(interactive=some), gr.Button(interactive=some)
