"""Under the picture of the tab *Colourize*: other colours as tiles, and sub-tabs to change the colours by hand."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from space import before_after
from space.colour_names import colour_name
from space.guidance import Guide, Suggestion, Tiles
from space.keeping import read_recipe, wishes_of
from space.models import PageError
from space.notes import describe
from space.service import MAX_SATURATION, Colouring
from space.session import Session
from space.uploads import PRIVATE, photo_input, told, uploaded_path
from space.views import address_of
from space.wishes import Wishes, make_hint

_ONE_ANSWER = """This model gives one answer only. With a model that weighs several colours, this is the place to
choose between them, to give colours at points, to borrow the colours of another photograph, and to see how sure the
model is."""
_NOT_GUIDED = "This model offers other colourings, but was not trained to take colours from you."
_NO_POINTS = "<p>No colours of your own yet.</p>"
_NO_SUGGESTIONS = "<p>Click a place in the picture above, and the colours that the model finds likely there appear.</p>"
_LEGEND = """<p class='unsure-legend'><span style='background:#c060b8' aria-hidden='true'></span> Magenta: other colours
are as likely there. Pale colours: the model is sure. The download is not changed.</p>"""
_RECIPE_HELP = """A recipe is saved as a photograph is, above: points, look, variant, strength and warmth. It repeats
them here, in a batch (add it to the photographs there), and on the command line (`--hints FILE`)."""
# Buttons in HTML rather than Gradio's: each shows its colour, or its picture.
_PRESS = """element.addEventListener('click', event => {
  const button = event.target.closest('button[data-KEY]');
  if (button) trigger('click', {KEY: button.dataset.KEY});
});"""


def press(key: str) -> str:
    """Script for ``gr.HTML``: a click on a button with ``data-KEY`` is an event that carries it."""
    return _PRESS.replace("KEY", key)


@dataclass(frozen=True)
class Panel:
    """What the tab needs of the panel.

    Attributes:
        strength, warmth: the two sliders.
        unsure: the checkbox that shows where the model is unsure.
        parts: outputs of :attr:`renew`.
        renew: from the session (and strength, warmth) to the panel as it begins for a new colouring, in steps.
        listen: attach what the buttons do, given the session, the picture and the note.
    """

    strength: gr.Slider
    warmth: gr.Slider
    unsure: gr.Checkbox
    parts: list[gr.components.Component]
    renew: Callable[[Session, float, float], Iterator[tuple]]
    listen: Callable[..., None]


def build(guide: Guide) -> Panel:
    """Lay out the panel where it is called."""
    tiles_row = gr.HTML("", js_on_load=press("variant"), apply_default_css=False, elem_id="choices")
    with gr.Tabs(elem_id="fine-tune", overflow_behavior="wrap"):
        with gr.Tab("Strength and warmth", id="settings"), gr.Row(equal_height=False):
            strength = gr.Slider(
                0,
                MAX_SATURATION,
                value=1,
                step=0.05,
                label="Colour strength",
                info="0 is grey, 2 twice as colourful.",
                buttons=["reset"],
                min_width=200,
                elem_id="strength",
            )
            warmth = gr.Slider(
                -1,
                1,
                value=0,
                step=0.05,
                label="Warmth",
                info="Below 0 bluer, above 0 more golden.",
                buttons=["reset"],
                min_width=200,
                elem_id="warmth",
            )
        with gr.Tab("My colours", id="points"):
            unable = gr.Markdown(_ONE_ANSWER, visible=False, elem_id="fine-tune-unable")
            with gr.Column(elem_id="points-part") as points:
                swatches = gr.HTML(_NO_SUGGESTIONS, js_on_load=press("color"), elem_id="swatches")
                with gr.Row(equal_height=False):
                    across = gr.Number(50, minimum=0, maximum=100, label="Across, %", min_width=70, elem_id="across")
                    down = gr.Number(50, minimum=0, maximum=100, label="Down, %", min_width=70, elem_id="down")
                    picker = gr.ColorPicker("#6f94b8", label="Colour", min_width=70, elem_id="picker")
                with gr.Row():
                    look = gr.Button("Look there", size="sm", min_width=90, elem_id="look")
                    use = gr.Button("Use this colour there", size="sm", min_width=120, elem_id="use-colour")
                listed = gr.HTML(_NO_POINTS, elem_id="points")
                with gr.Row():
                    undo = gr.Button("Undo last", size="sm", interactive=False, min_width=90, elem_id="undo")
                    clear = gr.Button("Remove all", size="sm", interactive=False, min_width=90, elem_id="clear")
        with gr.Tab("From a recipe", id="recipe"):
            gr.Markdown(_RECIPE_HELP)
            recipe_file = gr.File(label="A recipe", file_types=[".json"], height=130, elem_id="recipe-file")
        with gr.Tab("From a photo", id="mood"), gr.Column() as mood:
            reference = photo_input(
                "A photograph whose colours are borrowed",
                "The photograph whose colours are borrowed",
                "reference",
                placeholder="# Drop a colour photograph here\nor click to choose one, or paste it",
                height=170,
            )
        with gr.Tab("Where it is unsure", id="unsure"), gr.Column() as sureness:
            unsure = gr.Checkbox(label="Show where the model is unsure", elem_id="doubt")
            gr.HTML(_LEGEND)

    listing = [swatches, listed, undo, clear]
    parts = [unable, points, mood, sureness, tiles_row, reference, recipe_file, unsure, *listing]

    def renew(session: Session, strength: float, warmth: float) -> Iterator[tuple]:
        number, result = session.number, session.colouring
        offered = result if result and result.said.logits is not None else None
        guided = offered is not None and guide.takes_wishes()
        if offered:
            tiles = guide.tiles(offered, strength, warmth)
            session.check(number)
            session.tiles = (tiles,)
        yield (
            gr.Markdown(_NOT_GUIDED if offered else _ONE_ANSWER, visible=result is not None and not guided),
            gr.Column(visible=guided),
            gr.Column(visible=guided),
            gr.Column(visible=offered is not None),
            _tiles(session.tiles, offered) if offered else "",
            None,
            None,
            False,
            _NO_SUGGESTIONS,
            *_list(Wishes()),
        )
        looks = guide.looks(offered) if offered and guided else None
        if looks:  # the network runs for them, so they come a little later
            session.check(number)
            session.tiles = (*session.tiles, looks)
            changes: list = [gr.skip()] * len(parts)
            changes[parts.index(tiles_row)] = _tiles(session.tiles, _needed(session))
            yield tuple(changes)

    def changed(session: Session, number: int, result: Colouring, strength, warmth, unsure: bool) -> Colouring:
        """Show a result anew and keep it, if its photograph is still the visitor's."""
        session.check(number)
        session.settings = (strength, warmth, unsure)
        return session.keep(number, guide.show(result, strength, warmth, unsure))

    def adopt(session: Session, strength, warmth, unsure, event: gr.EventData) -> tuple:
        number, result = session.number, _needed(session)
        name = str((event._data or {}).get("variant"))[:40]
        variant, look = (int(name), None) if name.isdecimal() else (1, name)
        wishes = guide.with_look(result.wishes, look)
        if wishes is not result.wishes:
            result = guide.ask(replace(result, variant=1), wishes)
        result = changed(session, number, guide.adopt(result, variant), strength, warmth, unsure)
        return before_after.shown(result), describe(result), _tiles(session.tiles, result)

    def suggest(session: Session, x: float, y: float) -> tuple:
        place = make_hint(x, y, "#000000")
        found = guide.suggest(_needed(session), place.x, place.y)
        return _swatches(found), found[0].colour

    def click(session: Session, event: gr.EventData) -> tuple:
        data = event._data or {}
        place = make_hint(100 * data.get("x", -1), 100 * data.get("y", -1), "#000000")
        x, y = round(100 * place.x, 1), round(100 * place.y, 1)
        return x, y, *suggest(session, x, y)

    def again(session: Session, wishes: Wishes, strength, warmth, unsure) -> tuple:
        number = session.number
        return answer(session, number, guide.ask(_needed(session), wishes), strength, warmth, unsure)

    def repeat(session: Session, unsure: bool, upload: dict | None) -> tuple:
        number, path = session.number, uploaded_path(upload)
        if path is None:
            return gr.skip()
        recipe = read_recipe(Path(path))
        result = guide.ask(replace(_needed(session), variant=1), wishes_of(recipe, guide))
        result = guide.adopt(result, recipe.variant)
        told_again = answer(session, number, result, recipe.strength, recipe.warmth, unsure)
        return recipe.strength, recipe.warmth, *told_again

    def answer(session: Session, number: int, result: Colouring, strength, warmth, unsure) -> tuple:
        """Everything that tells of the result of a run of the network."""
        result, wishes = changed(session, number, result, strength, warmth, unsure), result.wishes
        # Under a look, the variants are still those that one would go back to.
        if not wishes.look and result.said.logits is not None:
            session.tiles = (guide.tiles(result, strength, warmth), *session.tiles[1:])
        row = _tiles(session.tiles, result) if session.tiles else ""
        return before_after.shown(result), describe(result), row, _NO_SUGGESTIONS, *_list(wishes)

    def give(session: Session, strength, warmth, unsure, x: float, y: float, colour: Any) -> tuple:
        return again(session, _needed(session).wishes.with_hint(make_hint(x, y, colour)), strength, warmth, unsure)

    def press_swatch(session: Session, strength, warmth, unsure, x: float, y: float, event: gr.EventData) -> tuple:
        return give(session, strength, warmth, unsure, x, y, (event._data or {}).get("color"))

    def take_back(session: Session, strength, warmth, unsure) -> tuple:
        wishes = _needed(session).wishes
        return again(session, replace(wishes, hints=wishes.hints[:-1]), strength, warmth, unsure)

    def take_all_back(session: Session, strength, warmth, unsure) -> tuple:
        return again(session, replace(_needed(session).wishes, hints=()), strength, warmth, unsure)

    def borrow(session: Session, strength, warmth, unsure, upload: dict | None) -> tuple:
        wishes, path = _needed(session).wishes, uploaded_path(upload)
        if path is None:  # taken away, which is an event of its own
            return gr.skip()
        return again(session, Wishes(wishes.hints, guide.palette(path)), strength, warmth, unsure)

    def give_borrowed_back(session: Session, strength, warmth, unsure) -> tuple:
        if session.colouring is None or session.colouring.wishes.palette is None or session.colouring.wishes.look:
            return gr.skip()
        return again(session, Wishes(session.colouring.wishes.hints), strength, warmth, unsure)

    def recolor(session: Session, strength, warmth, unsure) -> dict:
        if session.colouring is None or session.settings == (strength, warmth, unsure):
            return gr.skip()  # the sliders were put back for a new photograph
        return before_after.shown(changed(session, session.number, session.colouring, strength, warmth, unsure))

    def listen(session: gr.State, view: gr.HTML, note: gr.HTML) -> None:
        settings = [session, strength, warmth, unsure]
        answered = [view, note, tiles_row, *listing]
        network: dict[str, Any] = {"show_progress_on": [view], **PRIVATE}
        quick: dict[str, Any] = {"show_progress": "hidden", **PRIVATE}
        gr.on(
            [strength.change, warmth.change, unsure.input],
            told(recolor),
            settings,
            view,
            trigger_mode="always_last",
            **quick,
        )
        tiles_row.click(told(adopt), settings, [view, note, tiles_row], show_progress_on=[view], **PRIVATE)
        view.click(told(click), session, [across, down, swatches, picker], **quick)
        gr.on(
            [look.click, across.submit, down.submit],
            told(suggest),
            [session, across, down],
            [swatches, picker],
            **quick,
        )
        swatches.click(told(press_swatch), [*settings, across, down], answered, **network)
        use.click(told(give), [*settings, across, down, picker], answered, **network)
        undo.click(told(take_back), settings, answered, **network)
        clear.click(told(take_all_back), settings, answered, **network)
        borrowed = reference.input(told(borrow), [*settings, reference], answered, preprocess=False, **network)
        borrowed.failure(lambda: None, None, reference, **quick).then(
            told(give_borrowed_back), settings, answered, **network
        )
        reference.clear(told(give_borrowed_back), settings, answered, **network)
        recipe_file.upload(
            told(repeat),
            [session, unsure, recipe_file],
            [strength, warmth, *answered],
            preprocess=False,
            **network,
        )

    return Panel(strength, warmth, unsure, parts, renew, listen)


def _needed(session: Session) -> Colouring:
    if session.colouring is None:
        raise PageError("Colour a photograph first.")
    return session.colouring


def _tiles(strips: tuple[Tiles, ...], result: Colouring) -> str:
    """All small pictures as buttons; the one whose colours are adopted is pressed."""
    chosen, buttons = (result.wishes.look or str(result.variant)).lower(), []
    for found in strips:
        (width, height), count = found.size, len(found.names)
        for place, name in enumerate(found.names):
            title = name.capitalize() if not name.isdecimal() else "First choice" if name == "1" else f"Choice {name}"
            pressed = str(name.lower() == chosen).lower()
            position = 100 * place / max(1, count - 1)
            buttons.append(
                f"<button type='button' data-variant='{html.escape(name)}' aria-pressed='{pressed}'>"
                f"<span class='tile' style='aspect-ratio:{width}/{height};"
                f"background-image:url({address_of(found.file)});background-size:{100 * count}% 100%;"
                f"background-position:{position:g}% 0'></span>{html.escape(title)}</button>"
            )
    label = "This photograph in other colours"
    return f"<div class='tiles' role='group' aria-label='{label}'>{''.join(buttons)}</div>"


def _swatches(found: list[Suggestion]) -> str:
    names = [colour_name(each.colour) for each in found]
    buttons = "".join(
        f'<button type="button" data-color="{each.colour}"><span style="background:{each.colour}"></span>{name}'
        f"{f' {each.colour}' if names.count(name) > 1 else ''} <small>{each.share:.0%}</small></button>"
        for each, name in zip(found, names, strict=True)  # two of one name are told apart by their codes
    )
    return (
        f"<p>How likely the model finds each colour there; click one to use it:</p>"
        f'<div role="group" aria-label="Likely colours">{buttons}</div>'
    )


def _list(wishes: Wishes) -> tuple:
    """The list of points, and its two buttons."""
    items = "".join(
        f'<li><span style="background:{hint.colour}"></span>{colour_name(hint.colour)}, {100 * hint.x:.0f} % across, '
        f"{100 * hint.y:.0f} % down</li>"
        for hint in wishes.hints
    )
    some = bool(wishes.hints)
    return f"<ol>{items}</ol>" if some else _NO_POINTS, gr.Button(interactive=some), gr.Button(interactive=some)
