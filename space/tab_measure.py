"""Tab *Compare and measure*: a color photograph against its own recoloring, with figures that explain themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from colorization.drawing import draw_in_color
from space.language import label, say
from space.measure import (
    LONGEST_SIDE,
    MAP_COLORS,
    MAP_TOP,
    MEASURES,
    Comparison,
    Measure,
    column_name,
    compare,
    compare_in_steps,
    written,
)
from space.models import Models
from space.service import ColorizeService, PageError
from space.uploads import PRIVATE, photo_input, show_errors, uploaded_path
from space.views import encode, write_fresh

_WITHOUT, _WITH = "No color at all (grey)", "Another model"
_FIRST = 2  # of the measures; a small screen folds the others away


def build(service: ColorizeService, second: Models | None = None) -> None:
    """Lay out the tab; with a second model, visitors can choose it as the baseline."""
    gr.Markdown(label("measure_intro", side=LONGEST_SIDE))
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=320):
            photo = photo_input(
                label("color_photograph"),
                "truth",
                placeholder=label("drop_color_photograph"),
                buttons=["fullscreen"],
                height=280,
            )
            baseline = gr.Radio(
                [(label("against_grey"), _WITHOUT), (label("against_other"), _WITH)],
                value=_WITH if second else _WITHOUT,
                label=label("compare_with"),
                visible=second is not None,
                elem_id="measure-baseline",
            )
            start = gr.Button(label("measure"), variant="primary", size="lg", elem_id="measure-start")
            example = gr.Button(label("measure_example"), size="sm", elem_id="measure-example")
        with gr.Column(scale=3, min_width=320, elem_id="measured"):
            pictures = gr.Gallery(
                label=label("pictures"),
                show_label=False,
                columns=3,
                height="auto",
                object_fit="contain",
                format="png",
                buttons=["fullscreen", "download"],
                interactive=False,
                visible=False,
                elem_id="measure-pictures",
            )
            figures = gr.HTML(f"<p role='status'>{label('measure_empty')}</p>", elem_id="measure-figures")

    def run(upload: dict | None, against: str) -> Iterator[tuple]:
        path = uploaded_path(upload)
        if path is None:
            raise PageError(say("color_photo_first"))
        yield from steps(Path(path), against)

    def run_example(against: str) -> Iterator[tuple]:
        yield from steps(drawn_in_color(service), against)

    def steps(path: Path, against: str) -> Iterator[tuple]:
        for step in compare_in_steps(service, path, second if against == _WITH else None):
            if isinstance(step, str):
                yield gr.skip(), f"<p role='status'>{step} …</p>"
            else:
                shown = [(str(file), caption) for file, caption in step.pictures]
                yield gr.Gallery(value=shown, visible=True), _report(step)

    def forget() -> tuple:
        return gr.Gallery(value=None, visible=False), f"<p role='status'>{say('measure_empty')}</p>"

    def measure(photo: dict | None, against: str = _WITHOUT) -> tuple[dict, list]:
        """Make a color photograph grey, color it, and measure the result against the truth.

        Returns the figures as JSON (for the model, the baseline and the truth: ciede2000, psnr in dB, chroma_ratio,
        sepia_index, ssim; and the share of sky) and the pictures (truth, grey, colored, maps of errors, sky).

        Args:
            photo: a color photograph as a file.
            against: the baseline; "No color at all (grey)", or "Another model" where the page has a second one.
        """
        path = uploaded_path(photo)
        if path is None:
            raise PageError("Send a picture file.")
        if against not in (_WITHOUT, _WITH) or (against == _WITH and second is None):
            raise PageError(f"This page can compare with {_WITHOUT!r}" + (f" or {_WITH!r}." if second else " only."))
        comparison = compare(service, Path(path), second if against == _WITH else None)
        facts = {
            "figures": comparison.figures,
            "sky": {"share": comparison.sky_share, "label": comparison.sky_label},
            "size": list(comparison.size),
        }
        return facts, [(str(file), caption) for file, caption in comparison.pictures]

    outputs = [pictures, figures]
    quick: dict[str, Any] = {"show_progress": "hidden", **PRIVATE}
    running = start.click(show_errors(run), [photo, baseline], outputs, preprocess=False, **quick)
    trying = example.click(lambda: (None, *forget()), None, [photo, *outputs], **quick).then(
        show_errors(run_example), baseline, outputs, **quick
    )
    for event in (running, trying):
        event.failure(forget, None, outputs, **quick)
    gr.on([photo.input, photo.clear], forget, None, outputs, cancels=[running, trying], **quick)
    facts, for_programs = gr.JSON(visible=False), gr.Button(visible=False)
    for_programs.click(
        show_errors(measure), [photo, baseline], [facts, pictures], preprocess=False, api_name="measure"
    )  # fmt: skip


def drawn_in_color(service: ColorizeService) -> Path:
    """A landscape in color that the project draws, as a file."""
    return write_fresh(service.fresh_folder(), "drawn-landscape", encode(draw_in_color(), 92))


def _report(comparison: Comparison) -> str:
    """The tables of figures, each with its sentence."""
    width, height = comparison.size
    sky = f" {say(f'sky {comparison.sky_label}')}" if comparison.sky_label else ""
    legend = (
        f"<p class='legend'>{say('legend_right')} <span style='background: linear-gradient(to right, "
        f"{', '.join(MAP_COLORS)})' role='img' aria-label='{say('legend_alt')}'></span> "
        f"{say('legend_wrong', top=f'{MAP_TOP:g}')}</p>"
    )
    return (
        f"<p role='status'>{say('measured_at', width=width, height=height)}{sky}</p>{legend}"
        f"{_table(comparison, MEASURES[:_FIRST], say('against_truth'))}"
        f"<details class='more'><summary>{say('more_measures')}</summary>"
        f"{_table(comparison, MEASURES[_FIRST:], say('more_measures'))}</details>"
        f"<p>{say('measure_end')}</p>"
    )


def _table(comparison: Comparison, measures: Sequence[Measure], caption: str) -> str:
    columns = list(comparison.figures)
    head = "".join(f"<th scope='col'>{column_name(name)}</th>" for name in columns)
    rows = ""
    for measure in measures:
        values = "".join(
            f"<td><span class='of'>{column_name(name)}</span>{written(measure, figures[measure.key])}</td>"
            for name, figures in comparison.figures.items()
        )
        rows += (
            f"<tr data-key='{measure.key}'><th scope='row'>{say(f'{measure.key} title')}"
            f"<small>{say(f'{measure.key} meaning')}</small></th>"
            f"{values}</tr>"
        )
    return (
        f"<table><caption>{caption}</caption>"
        f"<thead><tr><th scope='col'>{say('measure_head')}</th>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )
