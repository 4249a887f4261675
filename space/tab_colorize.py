"""Tab *Colorize*: one photograph, before and after, other colors, and the download."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from space import before_after, keeping, panel_fine_tuning
from space.examples import ExampleShelf
from space.fine_tuning import Guide
from space.hints import Guidance, read_hints
from space.language import label, say
from space.notes import describe
from space.opening import Opening
from space.panel_fine_tuning import press
from space.service import DELETE_AFTER, SUFFIXES, ColoredPhoto, ColorizeService, PageError
from space.session import Session
from space.uploads import PRIVATE, photo_input, show_errors, uploaded_path

_COMPARISON, _LAYER, _RECIPE = "Before and after", "Color layer", "Recipe"
_START_DOWNLOAD = "() => setTimeout(() => document.querySelector('#file-link')?.click(), 150)"
_SHOW_RESULT = """() => setTimeout(() => {
  const box = document.querySelector('#result');
  if (box && box.getBoundingClientRect().top > window.innerHeight * 0.6) {
    const still = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
    box.scrollIntoView({behavior: still ? 'auto' : 'smooth', block: 'start'});
  }
}, 200)"""


def build(page: gr.Blocks, service: ColorizeService, shelf: ExampleShelf, opening: Opening) -> None:
    """Lay out the tab, inside of ``page``."""
    guide = Guide(service)
    session = gr.State(Session(), time_to_live=DELETE_AFTER)
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=300):
            photo = photo_input(
                label("your_photograph"),
                "photo",
                placeholder=label("drop_photograph"),
                sources=["upload", "clipboard", "webcam"],
                buttons=["fullscreen"],
                height=240,
            )
            start = gr.Button(label("tab_colorize"), variant="primary", size="lg", interactive=False, elem_id="start")
            gr.Markdown(label("examples_title"), elem_id="examples-title")
            examples = gr.HTML("", js_on_load=press("number"), apply_default_css=False, elem_id="examples")
        with gr.Column(scale=4, min_width=320, elem_id="result"):
            view = before_after.build()
            with gr.Row(visible=False, equal_height=True, elem_id="saving") as saving:
                save_as = gr.Dropdown(
                    [
                        ("JPEG", "JPEG"),
                        (label("save_png"), "PNG"),
                        (label("save_comparison"), _COMPARISON),
                        (label("save_layer"), _LAYER),
                        (label("save_recipe"), _RECIPE),
                    ],
                    value="JPEG",
                    label=label("save_as"),
                    show_label=False,
                    filterable=False,
                    min_width=120,
                    elem_id="format",
                )
                save = gr.Button(label("download"), variant="primary", min_width=180, elem_id="save")
            note = gr.HTML("", apply_default_css=False, elem_id="note")
            with gr.Column(visible=False, elem_id="controls") as controls:
                panel = panel_fine_tuning.build(guide)
    file_link = gr.DownloadButton(visible="hidden", elem_id="file-link")
    dropped = gr.File(file_types=[".json"], visible="hidden", elem_id="dropped-recipe")  # on the page, anywhere

    def check(session: Session, upload: dict | None) -> tuple:
        path = uploaded_path(upload)
        number = session.begin(None if path is None else Path(path))
        shown = service.preview(path) if path else None
        session.check(number)
        return gr.skip() if shown is None else str(shown), *_nothing(bool(path))

    def forget(session: Session) -> tuple:
        session.begin(None)
        return None, *_nothing(False)

    def clear(session: Session) -> tuple:
        return forget(session)[1:]

    def color(session: Session, strength: float, warmth: float) -> tuple:
        number, path = session.number, session.source
        if path is None:
            raise PageError(say("add_first"))
        result = service.colorize(path, strength, warmth, check=lambda: session.check(number))
        session.settings = (strength, warmth, False)
        return _something(session.keep(number, result))

    def color_for_recipe(session: Session, upload: dict | None) -> tuple:
        path = uploaded_path(upload)
        if path is None or session.colored is not None:
            return (gr.skip(),) * 5
        keeping.read_recipe(Path(path))  # before anybody waits for colors
        if session.source is None:
            raise PageError(say("recipe_first"))
        return color(session, 1, 0)

    def choose(session: Session, event: gr.EventData) -> tuple:
        example = shelf.examples()[int((event._data or {}).get("number", -1))]
        number = session.begin(example.path)
        result = opening.coloring(example) or service.colorize(example.path, check=lambda: session.check(number))
        session.settings = (1, 0, False)
        result = session.keep(number, service.own(result))
        return str(example.path), *_something(result), gr.Button(interactive=True), 1, 0

    def open_page(session: Session) -> tuple:
        result = opening.first()
        if session.source is not None:
            return opening.tiles(), *(gr.skip(),) * 5
        if result is None:
            return opening.tiles(), *_nothing(False)[:5]
        session.begin(result.source)
        session.settings = (1, 0, False)
        return opening.tiles(), *_something(session.keep(session.number, service.own(result)))

    def download(session: Session, strength: float, warmth: float, chosen: str) -> str:
        if session.colored is None:
            raise PageError(say("color_first"))
        if chosen in SUFFIXES:
            return str(service.write(session.colored, strength, chosen, warmth))
        others = {
            _COMPARISON: keeping.write_comparison,
            _LAYER: keeping.write_layer,
            _RECIPE: keeping.write_recipe,
        }
        return str(others[chosen](service, session.colored, strength, warmth))

    def colorize(photo: dict | None, strength: float = 1.0, file_format: str = "JPEG", warmth: float = 0.0) -> str:
        """Color one photograph. Returns the colored picture as a file, at the size of the one sent, EXIF kept.

        Args:
            photo: a picture file (JPEG, PNG, TIFF, WebP and more; at most 100 megapixels).
            strength: how strong the colors are; 0 is grey, 1 as the model sees them, at most 2.
            file_format: "JPEG" or "PNG".
            warmth: -1 (cool) to 1 (warm); 0 is as the model sees them.
        """
        path = uploaded_path(photo)
        if path is None:
            raise PageError("Send a picture file.")
        return str(service.colorize_file(path, strength, file_format, warmth))

    def colorize_guided(
        photo: dict | None,
        hints: list | None = None,
        reference: dict | None = None,
        variant: float = 1,
        strength: float = 1.0,
        file_format: str = "JPEG",
        warmth: float = 0.0,
    ) -> str:
        """Color one photograph with given colors, or otherwise than the model first would. Returns it as a file.

        Args:
            photo: a picture file, as for /colorize.
            hints: colors at points, a list of [across in percent, down in percent, "#rrggbb"].
            reference: a photograph in color, whose colors are borrowed.
            variant: 1 for the model's own choice, 2 to 9 for others that are plausible too.
            strength: how strong the colors are; 0 is grey, 1 as the model sees them, at most 2.
            file_format: "JPEG" or "PNG".
            warmth: -1 (cool) to 1 (warm); 0 is as the model sees them.
        """
        path, other = uploaded_path(photo), uploaded_path(reference)
        if path is None:
            raise PageError("Send a picture file.")
        guidance = Guidance(read_hints(hints), None if other is None else guide.palette(other))
        return str(guide.guided_file(path, guidance, variant, strength, file_format, warmth))

    # ``preprocess=False`` hands over the path of the file as it was sent; ``gr.Image`` would open, and for some
    # kinds of pictures rewrite, the file first. So ``uploaded_path`` has to check where the file lies.
    settings = [panel.strength, panel.warmth]
    results = [view, note, saving, controls, save_as]
    everything = [photo, *results, start, *settings]
    quick: dict[str, Any] = {"show_progress": "hidden", **PRIVATE}
    panel.listen(session, view, note)
    colored = start.click(show_errors(color), [session, *settings], results, show_progress_on=[view], **PRIVATE)
    chosen = examples.click(show_errors(choose), session, everything, show_progress_on=[view], **PRIVATE)
    for event in (colored, chosen):
        event.success(None, None, None, js=_SHOW_RESULT, **PRIVATE)
    opened = page.load(show_errors(open_page), session, [examples, *results], **quick)
    # Whoever goes over to another photograph waits for none of these any more; what is too late to stop is dropped by
    # its number.
    running = [colored, chosen, *(event.success(show_errors(panel.renew), [session, *settings], panel.parts, **quick)
                                  for event in (colored, chosen, opened))]  # fmt: skip
    checked = photo.input(
        show_errors(check), [session, photo], everything, preprocess=False, cancels=running, **quick
    )  # fmt: skip
    checked.failure(show_errors(forget), session, everything, **quick)
    # Not the photograph itself: the next one may be there already, where it was dropped on the one before.
    photo.clear(show_errors(clear), session, everything[1:], cancels=[*running, checked], **quick)
    repeated = dropped.upload(
        show_errors(color_for_recipe), [session, dropped], results, preprocess=False, show_progress_on=[view], **PRIVATE
    ).success(show_errors(panel.renew), [session, *settings], panel.parts, **quick)
    repeated.success(
        show_errors(panel.repeat),
        [session, panel.unsure, dropped],
        [*settings, view, note, *panel.result_parts],
        preprocess=False,
        show_progress_on=[view],
        **PRIVATE,
    ).then(lambda: None, None, dropped, **quick)
    saved = save.click(
        show_errors(download), [session, *settings, save_as], file_link, show_progress_on=[save], **PRIVATE
    )
    saved.success(None, None, None, js=_START_DOWNLOAD, **PRIVATE)
    for_programs = gr.Button(visible=False)
    file_format = gr.Radio(list(SUFFIXES), value="JPEG", visible=False)
    for_programs.click(
        show_errors(colorize),
        [photo, panel.strength, file_format, panel.warmth],
        file_link,
        preprocess=False,
        api_name="colorize",
    )
    hints, variant, reference = gr.JSON(visible=False), gr.Number(1, visible=False), gr.Image(visible=False)
    for_programs.click(
        show_errors(colorize_guided),
        [photo, hints, reference, variant, panel.strength, file_format, panel.warmth],
        file_link,
        preprocess=False,
        api_name="colorize_guided",
    )


def _nothing(ready: bool) -> tuple:
    """View, note, saving, controls and format without a result; start, strength and warmth as they begin."""
    note = f"<p role='status'>{say('ready' if ready else 'waiting')}</p>"
    hidden = gr.Row(visible=False), gr.Column(visible=False)
    return before_after.nothing_shown(), note, *hidden, gr.skip(), gr.Button(interactive=ready), 1, 0


def _something(result: ColoredPhoto) -> tuple:
    """View, note, saving, controls and format of a result."""
    chosen = "PNG" if result.lossless else "JPEG"
    return before_after.shown(result), describe(result), gr.Row(visible=True), gr.Column(visible=True), chosen
