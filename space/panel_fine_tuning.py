"""Under the picture of the tab *Colorize*: other colors as tiles, and sub-tabs to change the colors by hand."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from space import before_after
from space.color_names import color_name
from space.fine_tuning import Guide, Suggestion, Tiles
from space.hints import Guidance, make_hint
from space.keeping import guidance_of, read_recipe
from space.language import label, percent, say, say_if_known
from space.models import PageError
from space.notes import describe
from space.service import MAX_SATURATION, ColoredPhoto
from space.session import Session
from space.uploads import PRIVATE, photo_input, show_errors, uploaded_path
from space.views import address_of

_LEGEND = "<p class='unsure-legend'><span style='background:#c060b8' aria-hidden='true'></span> {}</p>"
# Buttons in HTML rather than Gradio's: each shows its color, or its picture.
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
        renew: from the session (and strength, warmth) to the panel as it begins for a new coloring, in steps.
        repeat: from the session, :attr:`unsure` and an uploaded recipe to strength, warmth, the picture, the note and
            :attr:`result_parts`.
        answered: outputs that show a result in other colors, beside the picture and the note.
        listen: attach what the buttons do, given the session, the picture and the note.
    """

    strength: gr.Slider
    warmth: gr.Slider
    unsure: gr.Checkbox
    parts: list[gr.components.Component]
    renew: Callable[[Session, float, float], Iterator[tuple]]
    repeat: Callable[[Session, bool, dict | None], tuple]
    result_parts: list[gr.components.Component]
    listen: Callable[..., None]


def build(guide: Guide) -> Panel:
    """Lay out the panel where it is called."""
    tiles_row = gr.HTML("", js_on_load=press("variant"), apply_default_css=False, elem_id="choices")
    with gr.Tabs(elem_id="fine-tune", overflow_behavior="wrap"):
        with gr.Tab(label("tab_strength"), id="settings"), gr.Row(equal_height=False):
            strength = gr.Slider(
                0,
                MAX_SATURATION,
                value=1,
                step=0.05,
                label=label("strength"),
                info=label("strength_info"),
                buttons=["reset"],
                min_width=200,
                elem_id="strength",
            )
            warmth = gr.Slider(
                -1,
                1,
                value=0,
                step=0.05,
                label=label("warmth"),
                info=label("warmth_info"),
                buttons=["reset"],
                min_width=200,
                elem_id="warmth",
            )
        with gr.Tab(label("tab_points"), id="points"):
            unable = gr.Markdown("", visible=False, elem_id="fine-tune-unable")
            with gr.Column(elem_id="points-part") as points:
                swatches = gr.HTML("", js_on_load=press("color"), elem_id="swatches")
                with gr.Row(equal_height=False):
                    across = gr.Number(
                        50, minimum=0, maximum=100, label=label("across"), min_width=70, elem_id="across"
                    )
                    down = gr.Number(50, minimum=0, maximum=100, label=label("down"), min_width=70, elem_id="down")
                    picker = gr.ColorPicker("#6f94b8", label=label("color"), min_width=70, elem_id="picker")
                with gr.Row():
                    look = gr.Button(label("look_there"), size="sm", min_width=90, elem_id="look")
                    use = gr.Button(label("use_color"), size="sm", min_width=120, elem_id="use-color")
                listed = gr.HTML("", elem_id="points")
                with gr.Row():
                    undo = gr.Button(label("undo"), size="sm", interactive=False, min_width=90, elem_id="undo")
                    clear = gr.Button(label("remove_all"), size="sm", interactive=False, min_width=90, elem_id="clear")
        with gr.Tab(label("tab_recipe"), id="recipe"):
            gr.Markdown(label("recipe_help"))
            recipe_file = gr.File(label=label("a_recipe"), file_types=[".json"], height=130, elem_id="recipe-file")
        with gr.Tab(label("tab_mood"), id="mood"), gr.Column() as mood:
            reference = photo_input(
                label("reference"),
                "reference",
                placeholder=label("drop_color_photograph"),
                height=170,
            )
        with gr.Tab(label("tab_unsure"), id="unsure"), gr.Column() as sureness:
            unsure = gr.Checkbox(label=label("show_unsure"), elem_id="doubt")
            gr.HTML(_LEGEND.format(label("unsure_legend")))

    listing = [swatches, listed, undo, clear]
    parts = [unable, points, mood, sureness, tiles_row, reference, recipe_file, unsure, *listing]

    def renew(session: Session, strength: float, warmth: float) -> Iterator[tuple]:
        number, result = session.number, session.colored
        offered = result if result and result.prediction.logits is not None else None
        guided = offered is not None and guide.is_guided()
        if offered:
            tiles = guide.tiles(offered, strength, warmth)
            session.check(number)
            session.tiles = (tiles,)
        yield (
            gr.Markdown(say("not_guided" if offered else "one_answer"), visible=result is not None and not guided),
            gr.Column(visible=guided),
            gr.Column(visible=guided),
            gr.Column(visible=offered is not None),
            _tiles(session.tiles, offered) if offered else "",
            None,
            None,
            False,
            _swatches([]),
            *_list(Guidance()),
        )
        looks = guide.looks(offered) if offered and guided else None
        if looks:  # the network runs for them, so they come a little later
            session.check(number)
            session.tiles = (*session.tiles, looks)
            changes: list = [gr.skip()] * len(parts)
            changes[parts.index(tiles_row)] = _tiles(session.tiles, _needed(session))
            yield tuple(changes)

    def changed(session: Session, number: int, result: ColoredPhoto, strength, warmth, unsure: bool) -> ColoredPhoto:
        """Show a result anew and keep it, if its photograph is still the visitor's."""
        session.check(number)
        session.settings = (strength, warmth, unsure)
        return session.keep(number, guide.show(result, strength, warmth, unsure))

    def adopt(session: Session, strength, warmth, unsure, event: gr.EventData) -> tuple:
        number, result = session.number, _needed(session)
        name = str((event._data or {}).get("variant"))[:40]
        variant, look = (int(name), None) if name.isdecimal() else (1, name)
        guidance = guide.with_look(result.guidance, look)
        if guidance is not result.guidance:
            result = guide.ask(replace(result, variant=1), guidance)
        result = changed(session, number, guide.adopt(result, variant), strength, warmth, unsure)
        return before_after.shown(result), describe(result), _tiles(session.tiles, result)

    def suggest(session: Session, x: float, y: float) -> tuple:
        place = make_hint(x, y, "#000000")
        suggestions = guide.suggest(_needed(session), place.x, place.y)
        return _swatches(suggestions), suggestions[0].color

    def click(session: Session, event: gr.EventData) -> tuple:
        data = event._data or {}
        place = make_hint(100 * data.get("x", -1), 100 * data.get("y", -1), "#000000")
        x, y = round(100 * place.x, 1), round(100 * place.y, 1)
        return x, y, *suggest(session, x, y)

    def again(session: Session, guidance: Guidance, strength, warmth, unsure) -> tuple:
        number = session.number
        return answer(session, number, guide.ask(_needed(session), guidance), strength, warmth, unsure)

    def repeat(session: Session, unsure: bool, upload: dict | None) -> tuple:
        number, path = session.number, uploaded_path(upload)
        if path is None:
            return gr.skip()
        recipe = read_recipe(Path(path))
        result = guide.ask(replace(_needed(session), variant=1), guidance_of(recipe, guide))
        result = guide.adopt(result, recipe.variant)
        updates = answer(session, number, result, recipe.strength, recipe.warmth, unsure)
        return recipe.strength, recipe.warmth, *updates

    def answer(session: Session, number: int, result: ColoredPhoto, strength, warmth, unsure) -> tuple:
        """Everything that tells of the result of a run of the network."""
        result, guidance = changed(session, number, result, strength, warmth, unsure), result.guidance
        # Under a look, the variants are still those that one would go back to.
        if not guidance.look and result.prediction.logits is not None:
            session.tiles = (guide.tiles(result, strength, warmth), *session.tiles[1:])
        row = _tiles(session.tiles, result) if session.tiles else ""
        return before_after.shown(result), describe(result), row, _swatches([]), *_list(guidance)

    def give(session: Session, strength, warmth, unsure, x: float, y: float, color: Any) -> tuple:
        return again(session, _needed(session).guidance.with_hint(make_hint(x, y, color)), strength, warmth, unsure)

    def press_swatch(session: Session, strength, warmth, unsure, x: float, y: float, event: gr.EventData) -> tuple:
        return give(session, strength, warmth, unsure, x, y, (event._data or {}).get("color"))

    def take_back(session: Session, strength, warmth, unsure) -> tuple:
        guidance = _needed(session).guidance
        return again(session, replace(guidance, hints=guidance.hints[:-1]), strength, warmth, unsure)

    def take_all_back(session: Session, strength, warmth, unsure) -> tuple:
        return again(session, replace(_needed(session).guidance, hints=()), strength, warmth, unsure)

    def borrow(session: Session, strength, warmth, unsure, upload: dict | None) -> tuple:
        guidance, path = _needed(session).guidance, uploaded_path(upload)
        if path is None:  # taken away, which is an event of its own
            return gr.skip()
        return again(session, Guidance(guidance.hints, guide.palette(path)), strength, warmth, unsure)

    def give_borrowed_back(session: Session, strength, warmth, unsure) -> tuple:
        if session.colored is None or session.colored.guidance.palette is None or session.colored.guidance.look:
            return gr.skip()
        return again(session, Guidance(session.colored.guidance.hints), strength, warmth, unsure)

    def recolor(session: Session, strength, warmth, unsure) -> dict:
        if session.colored is None or session.settings == (strength, warmth, unsure):
            return gr.skip()  # the sliders were put back for a new photograph
        return before_after.shown(changed(session, session.number, session.colored, strength, warmth, unsure))

    def listen(session: gr.State, view: gr.HTML, note: gr.HTML) -> None:
        settings = [session, strength, warmth, unsure]
        result_parts = [view, note, tiles_row, *listing]
        network: dict[str, Any] = {"show_progress_on": [view], **PRIVATE}
        quick: dict[str, Any] = {"show_progress": "hidden", **PRIVATE}
        gr.on(
            [strength.change, warmth.change, unsure.input],
            show_errors(recolor),
            settings,
            view,
            trigger_mode="always_last",
            **quick,
        )
        tiles_row.click(show_errors(adopt), settings, [view, note, tiles_row], show_progress_on=[view], **PRIVATE)
        view.click(show_errors(click), session, [across, down, swatches, picker], **quick)
        gr.on(
            [look.click, across.submit, down.submit],
            show_errors(suggest),
            [session, across, down],
            [swatches, picker],
            **quick,
        )
        swatches.click(show_errors(press_swatch), [*settings, across, down], result_parts, **network)
        use.click(show_errors(give), [*settings, across, down, picker], result_parts, **network)
        undo.click(show_errors(take_back), settings, result_parts, **network)
        clear.click(show_errors(take_all_back), settings, result_parts, **network)
        borrowed = reference.input(
            show_errors(borrow), [*settings, reference], result_parts, preprocess=False, **network
        )
        borrowed.failure(lambda: None, None, reference, **quick).then(
            show_errors(give_borrowed_back), settings, result_parts, **network
        )
        reference.clear(show_errors(give_borrowed_back), settings, result_parts, **network)
        recipe_file.upload(
            show_errors(repeat),
            [session, unsure, recipe_file],
            [strength, warmth, *result_parts],
            preprocess=False,
            **network,
        )

    return Panel(strength, warmth, unsure, parts, renew, repeat, [tiles_row, *listing], listen)


def _needed(session: Session) -> ColoredPhoto:
    if session.colored is None:
        raise PageError(say("color_first"))
    return session.colored


def _tiles(strips: tuple[Tiles, ...], result: ColoredPhoto) -> str:
    """All small pictures as buttons; the one whose colors are adopted is pressed."""
    chosen, buttons = (result.guidance.look or str(result.variant)).lower(), []
    for strip in strips:
        (width, height), count = strip.size, len(strip.names)
        for place, name in enumerate(strip.names):
            if name.isdecimal():
                title = say("first_choice") if name == "1" else say("choice", number=name)
            else:
                title = say_if_known(f"look {name}", name.capitalize())
            pressed = str(name.lower() == chosen).lower()
            position = 100 * place / max(1, count - 1)
            buttons.append(
                f"<button type='button' data-variant='{html.escape(name)}' aria-pressed='{pressed}'>"
                f"<span class='tile' style='aspect-ratio:{width}/{height};"
                f"background-image:url({address_of(strip.file)});background-size:{100 * count}% 100%;"
                f"background-position:{position:g}% 0'></span>{html.escape(title)}</button>"
            )
    return f"<div class='tiles' role='group' aria-label='{say('tiles_group')}'>{''.join(buttons)}</div>"


def _swatches(suggestions: list[Suggestion]) -> str:
    """Likely colors as buttons; without any, how to come to them."""
    if not suggestions:
        return f"<p>{say('no_suggestions')}</p>"
    names = [color_name(each.color) for each in suggestions]
    buttons = "".join(
        f'<button type="button" data-color="{each.color}"><span style="background:{each.color}"></span>{name}'
        f"{f' {each.color}' if names.count(name) > 1 else ''} <small>{percent(each.share)}</small></button>"
        for each, name in zip(suggestions, names, strict=True)  # two of one name are told apart by their codes
    )
    return f'<p>{say("likely_help")}</p><div role="group" aria-label="{say("likely_group")}">{buttons}</div>'


def _list(guidance: Guidance) -> tuple:
    """The list of points, and its two buttons."""
    items = "".join(
        f'<li><span style="background:{hint.color}"></span>'
        f"{say('point', color=color_name(hint.color), x=percent(hint.x), y=percent(hint.y))}</li>"
        for hint in guidance.hints
    )
    some = bool(guidance.hints)
    shown = f"<ol>{items}</ol>" if some else f"<p>{say('no_points')}</p>"
    return shown, gr.Button(interactive=some), gr.Button(interactive=some)
