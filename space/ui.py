"""Layout of the page, and which button calls what. What the buttons do is in ``service.py``."""

from __future__ import annotations

import html
import logging
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from space.examples import Example, ExampleShelf
from space.service import MAX_SATURATION, SUFFIXES, ColorizeService, Colouring, PageError, UnreadableImageError

logger = logging.getLogger(__name__)

_FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif"]
_MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]

# Everything is served by the page itself: it works with no network, and tells nobody that it was opened.
LAUNCH_OPTIONS: dict[str, Any] = {
    "theme": gr.themes.Soft(
        primary_hue="teal", secondary_hue="teal", neutral_hue="slate", radius_size="lg", font=_FONTS, font_mono=_MONO
    ).set(  # white on these reaches a contrast of 4.5 and more
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
        button_primary_text_color="white",
        block_label_text_color="*primary_800",
        block_title_text_color="*primary_800",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        checkbox_label_background_fill_selected="*primary_700",
        slider_color="*primary_700",
    ),
    "css_paths": Path(__file__).with_name("page.css"),
    "max_file_size": "100mb",
    "footer_links": ["api", "settings"],
    "run_history": False,
    "pwa": False,
    "ssr_mode": False,
}

_DELETE_EVERY, _DELETE_AFTER = 600, 2 * 3600  # s; uploads and results

_TITLE = """# Bring colour to a black-and-white landscape
Add a photograph and see it in believable colours in a few seconds.
Size, shape and every detail of your picture stay as they are."""
_PLACEHOLDER = "# Drop a photograph here\nor click to choose one, or paste it"
_WAITING = "Your coloured photograph will appear here."
_SMALL_PRINT = """The colours are a well-informed guess: what the place really looked like, no program can know.
Works best on landscapes: mountains, coasts, woods, fields. Up to 100 megapixels or 100 MB;
JPEG, PNG, TIFF, WebP and more. Your photographs stay on this server and are deleted after about two hours."""

_START_DOWNLOAD = "() => setTimeout(() => document.querySelector('#file-link')?.click(), 150)"
_SHOW_RESULT = """() => setTimeout(() => {
  const box = document.querySelector('#result');
  if (box && box.getBoundingClientRect().top > window.innerHeight * 0.6) {
    const still = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
    box.scrollIntoView({behavior: still ? 'auto' : 'smooth', block: 'start'});
  }
}, 200)"""


def build_page(model: str | Path | None = None, device: str = "auto", shelf: ExampleShelf | None = None) -> gr.Blocks:
    """Lay out the page. Launch it with ``build_page().launch(**LAUNCH_OPTIONS)``.

    Args:
        model: a folder or an id on the Hub; None for the model that comes with the project.
        device: as in ``load_pipeline``.
        shelf: the examples; None for the usual ones.
    """
    service = ColorizeService(get_upload_folder(), model, device)
    shelf = shelf or ExampleShelf()
    shelf.start()
    with gr.Blocks(
        title="Landscape Colorizer", analytics_enabled=False, delete_cache=(_DELETE_EVERY, _DELETE_AFTER)
    ) as page:
        source = gr.State(None, time_to_live=_DELETE_AFTER)  # the visitor's own file, as it was sent
        colouring = gr.State(None, time_to_live=_DELETE_AFTER)
        gr.Markdown(_TITLE, elem_id="title")
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=320):
                photo = gr.Image(
                    label="Your photograph",
                    alt_text="The photograph you added",
                    placeholder=_PLACEHOLDER,
                    type="filepath",
                    image_mode=None,
                    sources=["upload", "clipboard", "webcam"],
                    buttons=["fullscreen"],
                    height=320,
                    elem_id="photo",
                )
                start = gr.Button("Colourize", variant="primary", size="lg", interactive=False, elem_id="start")
                gr.Markdown("No photograph at hand? Try one of these:", elem_id="examples-title")
                examples = gr.Gallery(
                    label="Example photographs",
                    show_label=False,
                    columns=4,
                    height="auto",
                    object_fit="cover",
                    allow_preview=False,
                    buttons=[],
                    format="jpeg",
                    elem_id="examples",
                )
            with gr.Column(scale=3, min_width=320, elem_id="result"):
                slider = gr.ImageSlider(
                    label="Before and after",
                    format="png",
                    type="filepath",
                    interactive=False,
                    max_height=560,
                    buttons=["fullscreen"],
                    elem_id="slider",
                )
                note = gr.Markdown(_WAITING, elem_id="note")
                with gr.Column(visible=False, elem_id="controls") as controls:
                    strength = gr.Slider(
                        0,
                        MAX_SATURATION,
                        value=1,
                        step=0.05,
                        label="Colour strength",
                        info="0 is grey, 1 is as the model sees it, 2 is twice as colourful. Changes at once.",
                        buttons=["reset"],
                        elem_id="strength",
                    )
                    with gr.Row(equal_height=False):
                        file_format = gr.Radio(
                            list(SUFFIXES),
                            value="JPEG",
                            label="Save as",
                            info="JPEG is smaller, PNG loses nothing.",
                            elem_id="format",
                        )
                        save = gr.Button("Download at full size", variant="primary", size="lg", elem_id="save")
        gr.Markdown(_SMALL_PRINT, elem_id="small-print", elem_classes="small-print")
        credits = gr.Markdown(elem_classes="small-print")
        file_link = gr.DownloadButton(visible="hidden", elem_id="file-link")

        def check(upload: dict | None) -> tuple:
            path = _path(upload)
            if path is None:
                return gr.skip(), None, gr.Button(interactive=False)
            shown = service.preview(path)
            return (gr.skip() if shown is None else str(shown)), path, gr.Button(interactive=True)

        def colour(path: str | None, saturation: float) -> tuple:
            if path is None:
                raise PageError("Add a photograph first.")
            result = service.colorize(path, saturation)
            chosen = "PNG" if result.lossless else "JPEG"
            return result, _pair(result), _describe(result), gr.Column(visible=True), chosen

        def recolour(result: Colouring | None, saturation: float) -> tuple:
            if result is None:
                return gr.skip(), gr.skip()
            result = service.recolour(result, saturation)
            return result, _pair(result)

        def download(result: Colouring | None, saturation: float, chosen: str) -> str:
            if result is None:
                raise PageError("Colour a photograph first.")
            return str(service.write(result, saturation, chosen))

        def choose(event: gr.SelectData) -> tuple:
            path = str(shelf.examples()[event.index].path)
            return path, path, gr.Button(interactive=True)

        def forget() -> tuple:
            return None, None, None, None, _WAITING, gr.Column(visible=False), gr.Button(interactive=False)

        def colorize(photo: dict | None, strength: float = 1.0, file_format: str = "JPEG") -> str:
            """Colour one photograph. Returns the coloured picture as a file, at the size of the one sent, EXIF kept.

            Args:
                photo: a picture file (JPEG, PNG, TIFF, WebP and more; at most 100 megapixels).
                strength: how strong the colours are; 0 is grey, 1 as the model sees them, at most 2.
                file_format: "JPEG" or "PNG".
            """
            path = _path(photo)
            if path is None:
                raise PageError("Send a picture file.")
            return str(service.colorize_file(path, strength, file_format))

        # ``preprocess=False`` hands over the path of the file as it was sent; ``gr.Image`` would open, and for some
        # kinds of pictures rewrite, the file first. So ``_path`` has to check where the file lies.
        quiet = {"api_visibility": "private"}
        results = [colouring, slider, note, controls, file_format]
        everything = [photo, source, colouring, slider, note, controls, start]
        photo.input(
            _told(check), photo, [photo, source, start], preprocess=False, show_progress="hidden", **quiet
        ).failure(forget, None, everything, **quiet)
        photo.clear(forget, None, everything, queue=False, **quiet)
        coloured = start.click(_told(colour), [source, strength], results, show_progress_on=[slider], **quiet)
        coloured.success(None, None, None, js=_SHOW_RESULT, **quiet)
        picked = examples.select(choose, None, [photo, source, start], show_progress="hidden", **quiet)
        coloured = picked.success(_told(colour), [source, strength], results, show_progress_on=[slider], **quiet)
        coloured.success(None, None, None, js=_SHOW_RESULT, **quiet)
        strength.change(
            _told(recolour),
            [colouring, strength],
            [colouring, slider],
            show_progress="hidden",
            trigger_mode="always_last",
            **quiet,
        )
        saved = save.click(
            _told(download), [colouring, strength, file_format], file_link, show_progress_on=[save], **quiet
        )
        saved.success(None, None, None, js=_START_DOWNLOAD, **quiet)
        page.load(lambda: _gallery(shelf.examples()), None, [examples, credits], show_progress="hidden", **quiet)
        for_programs = gr.Button(visible=False)
        for_programs.click(
            _told(colorize),
            [photo, strength, file_format],
            file_link,
            preprocess=False,
            api_name="colorize",
        )
    return page.queue(default_concurrency_limit=2, max_size=100)


def _told(function: Callable) -> Callable:
    """What goes wrong for a known reason is told to the visitor in its sentence, and is no accident of the server."""

    @wraps(function)
    def tell(*args):
        try:
            return function(*args)
        except (PageError, UnreadableImageError) as error:
            # Names of files come from outside, and the page would show tags in them as tags.
            message = html.escape(str(error), quote=False)
            raise gr.Error(message, print_exception=False) from None
        except Exception:  # the visitor gets a sentence for this too; the log gets the rest
            logger.exception("%s failed", function.__name__)
            message = "Something went wrong on the server and was written to its log. Please try again."
            raise gr.Error(message, print_exception=False) from None

    return tell


def _path(upload: dict | None) -> str | None:
    """Path of the uploaded file. Gradio checks only what is marked as a file, and a request need not carry the mark."""
    path = (upload or {}).get("path")
    if path and not Path(path).resolve().is_relative_to(Path(get_upload_folder()).resolve()):
        raise PageError("This is not a file that was uploaded here.")
    return path


def _pair(result: Colouring) -> tuple[str, str]:
    return str(result.before), str(result.after)


def _describe(result: Colouring) -> str:
    width, height = result.size
    name = html.escape(result.name).replace("_", r"\_").replace("*", r"\*").replace("[", r"\[").replace("`", r"\`")
    text = f"**{name}**: {width:,} × {height:,} pixels, coloured in {result.seconds:.1f} seconds."
    text += " Drag the line to compare."
    if result.reduced:
        text += " The view above is reduced; the download has every pixel."
    return text


def _gallery(examples: list[Example]) -> tuple[list[tuple[str, str]], str]:
    credits = "; ".join(f"{example.title} ({example.credit})" for example in examples if example.credit)
    pictures = [(str(example.thumbnail), example.title) for example in examples]
    return pictures, f"Example photographs: {credits}." if credits else ""
