"""The page around its tabs. Each tab lays itself out; what its buttons do is in a module without layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder
from starlette.middleware import Middleware

from space import tab_batch, tab_colorize, tab_failures, tab_measure
from space.examples import ExampleShelf
from space.language import I18N, label
from space.models import Models
from space.opening import Opening
from space.preview import TITLE, SharedPreview
from space.service import DELETE_AFTER, DELETE_EVERY, ColorizeService
from space.sweeping import start_sweeping

_FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif"]
_MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]


def launch_options() -> dict[str, Any]:
    """For ``launch``, which changes some of them: fresh ones for each page."""
    # Everything is served by the page itself: it works with no network, and tells nobody that it was opened.
    return {
        "theme": gr.themes.Soft(
            primary_hue="teal",
            secondary_hue="teal",
            neutral_hue="slate",
            radius_size="lg",
            font=_FONTS,
            font_mono=_MONO,
        ).set(  # white on these reaches a contrast of 4.5 and more
            button_primary_background_fill="*primary_700",
            button_primary_background_fill_hover="*primary_800",
            button_primary_background_fill_dark="*primary_700",
            button_primary_background_fill_hover_dark="*primary_800",
            button_primary_text_color="white",
            body_background_fill="*neutral_50",
            block_border_width="1px",
            block_label_text_color="*primary_800",
            block_title_text_color="*primary_800",
            block_info_text_color="*neutral_600",
            block_info_text_color_dark="*neutral_300",
            block_label_background_fill_dark="*primary_800",
            block_title_background_fill_dark="*primary_800",
            body_text_color_subdued="*neutral_600",
            body_text_color_subdued_dark="*neutral_300",
            button_secondary_background_fill_hover_dark="*neutral_600",
            checkbox_label_background_fill_selected="*primary_700",
            checkbox_label_background_fill_selected_dark="*primary_700",
            slider_color="*primary_700",
        ),
        "i18n": I18N,
        "app_kwargs": {"middleware": [Middleware(SharedPreview)]},
        "css_paths": Path(__file__).with_name("page.css"),
        "js": Path(__file__).with_name("page.js").read_text(encoding="utf-8"),
        "max_file_size": "100mb",
        "show_error": True,  # what Gradio itself refuses (a path that was never uploaded) is told, too
        "footer_links": ["api", "settings"],
        "run_history": False,
        "pwa": False,
        "ssr_mode": False,
    }


def build_page(
    model: str | Path | None = None,
    device: str = "auto",
    shelf: ExampleShelf | None = None,
    second: str | Path | None = None,
    deletion: tuple[int, int] = (DELETE_EVERY, DELETE_AFTER),
) -> gr.Blocks:
    """Lay out the page. Launch it with ``build_page().launch(**launch_options())``.

    Args:
        model: a folder or an id on the Hub; None for the model that comes with the project.
        device: as in ``load_pipeline``.
        shelf: the examples; None for the usual ones.
        second: another model, to compare with in *Compare and measure*.
        deletion: every so many seconds, uploads and results older than so many seconds are deleted.
    """
    temporary = Path(get_upload_folder())
    own = temporary / "landscape-colorizer"
    service = ColorizeService(own, model, device)
    start_sweeping(temporary, deletion[0], deletion[1], own)
    shelf = shelf or ExampleShelf()
    shelf.start()
    gr.set_static_paths([shelf.folder])  # the examples, which are everybody's
    opening = Opening(shelf, ColorizeService(shelf.folder, model, device))
    opening.start()
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=deletion) as page:
        gr.Markdown(label("title"), elem_id="title")
        with gr.Tabs(elem_id="tabs", overflow_behavior="wrap"):
            with gr.Tab(label("tab_colorize"), id="colorize", elem_id="tab-colorize"):
                tab_colorize.build(page, service, shelf, opening)
            with gr.Tab(label("tab_batch"), id="batch", elem_id="tab-batch"):
                tab_batch.build(service)
            with gr.Tab(label("tab_measure"), id="measure", elem_id="tab-measure"):
                tab_measure.build(service, Models(second, device) if second else None)
            with gr.Tab(label("tab_failures"), id="failures", elem_id="tab-failures") as failures:
                tab_failures.build(service, failures)
        gr.Markdown(label("small_print"), elem_id="small-print", elem_classes="small-print")
    return page.queue(default_concurrency_limit=2, max_size=100)
