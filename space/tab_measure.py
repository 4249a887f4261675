"""Tab *Compare and measure*: a colour photograph against its own recolouring, with figures that explain themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr

from colorization.drawing import draw_in_color
from space.measure import (
    LONGEST_SIDE,
    MAP_COLOURS,
    MAP_TOP,
    MEASURES,
    Comparison,
    compare,
    compare_in_steps,
    written,
)
from space.models import Models
from space.service import ColorizeService, PageError
from space.uploads import PRIVATE, photo_input, told, uploaded_path
from space.views import encode, write_fresh

_INTRO = f"""How good are the colours? Add a **colour** photograph. It is made grey, coloured again, and compared with
what it really looked like. Measured at no more than {LONGEST_SIDE} pixels a side."""
_LEGEND = (
    f"<p class='legend'>Colours of the error map: right <span style='background: linear-gradient(to right, "
    f"{', '.join(MAP_COLOURS)})' role='img' aria-label='dark to bright'></span> wrong by {MAP_TOP:g} or more</p>"
)
_SKY = {
    "yes": "A sky was found in it. That is the easier case: a sky says much about the light and the place.",
    "no": "No sky was found in it. That is the harder case: the tab “When it fails” says why.",
    "uncertain": "A little sky was found in it, or something that looks like sky.",
}
_EMPTY = "<p role='status'>Pictures and figures will appear here.</p>"
_WITHOUT, _WITH = "No colour at all (grey)", "Another model"


def build(service: ColorizeService, second: Models | None = None) -> None:
    """Lay out the tab; with a second model, visitors can choose it as the baseline."""
    gr.Markdown(_INTRO)
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=320):
            photo = photo_input(
                "A colour photograph",
                "The colour photograph you added",
                "truth",
                placeholder="# Drop a colour photograph here\nor click to choose one, or paste it",
                buttons=["fullscreen"],
                height=280,
            )
            baseline = gr.Radio(
                [_WITHOUT, _WITH],
                value=_WITH if second else _WITHOUT,
                label="Compare with",
                visible=second is not None,
                elem_id="measure-baseline",
            )
            start = gr.Button("Measure", variant="primary", size="lg", elem_id="measure-start")
            example = gr.Button("Take a drawn landscape in colour", size="sm", elem_id="measure-example")
        with gr.Column(scale=3, min_width=320, elem_id="measured"):
            pictures = gr.Gallery(
                label="Pictures",
                columns=3,
                height="auto",
                object_fit="contain",
                format="png",
                buttons=["fullscreen", "download"],
                interactive=False,
                visible=False,
                elem_id="measure-pictures",
            )
            figures = gr.HTML(_EMPTY, elem_id="measure-figures")

    def run(upload: dict | None, against: str) -> Iterator[tuple]:
        path = uploaded_path(upload)
        if path is None:
            raise PageError("Add a colour photograph first.")
        yield from steps(Path(path), against)

    def run_example(against: str) -> Iterator[tuple]:
        yield from steps(drawn_in_color(service), against)

    def steps(path: Path, against: str) -> Iterator[tuple]:
        for found in compare_in_steps(service, path, second if against == _WITH else None):
            if isinstance(found, str):
                yield gr.skip(), f"<p role='status'>{found} …</p>"
            else:
                shown = [(str(file), caption) for file, caption in found.pictures]
                yield gr.Gallery(value=shown, visible=True), _report(found)

    def forget() -> tuple:
        return gr.Gallery(value=None, visible=False), _EMPTY

    def measure(photo: dict | None, against: str = _WITHOUT) -> tuple[dict, list]:
        """Make a colour photograph grey, colour it, and measure the result against the truth.

        Returns the figures as JSON (for the model, the baseline and the truth: ciede2000, psnr in dB, chroma_ratio,
        sepia_index, ssim; and the share of sky) and the pictures (truth, grey, coloured, maps of errors, sky).

        Args:
            photo: a colour photograph as a file.
            against: the baseline; "No colour at all (grey)", or "Another model" where the page has a second one.
        """
        path = uploaded_path(photo)
        if path is None:
            raise PageError("Send a picture file.")
        if against not in (_WITHOUT, _WITH) or (against == _WITH and second is None):
            raise PageError(f"This page can compare with {_WITHOUT!r}" + (f" or {_WITH!r}." if second else " only."))
        found = compare(service, Path(path), second if against == _WITH else None)
        facts = {
            "figures": found.figures,
            "sky": {"share": found.sky_share, "label": found.sky_label},
            "size": list(found.size),
        }
        return facts, [(str(file), caption) for file, caption in found.pictures]

    outputs = [pictures, figures]
    quick: dict[str, Any] = {"show_progress": "hidden", **PRIVATE}
    running = start.click(told(run), [photo, baseline], outputs, preprocess=False, **quick)
    trying = example.click(lambda: (None, *forget()), None, [photo, *outputs], **quick).then(
        told(run_example), baseline, outputs, **quick
    )
    for event in (running, trying):
        event.failure(forget, None, outputs, **quick)
    gr.on([photo.input, photo.clear], forget, None, outputs, cancels=[running, trying], **quick)
    facts, for_programs = gr.JSON(visible=False), gr.Button(visible=False)
    for_programs.click(
        told(measure), [photo, baseline], [facts, pictures], preprocess=False, api_name="measure"
    )  # fmt: skip


def drawn_in_color(service: ColorizeService) -> Path:
    """A landscape in colour that the project draws, as a file."""
    return write_fresh(service.fresh_folder(), "drawn-landscape", encode(draw_in_color(), 92))


def _report(found: Comparison) -> str:
    """The table of figures, each with its sentence."""
    columns = list(found.figures)
    head = "".join(f"<th scope='col'>{name}</th>" for name in columns)
    rows = ""
    for measure in MEASURES:
        values = "".join(
            f"<td><span class='of'>{name}</span>{written(measure, found.figures[name][measure.key])}</td>"
            for name in columns
        )
        rows += (
            f"<tr data-key='{measure.key}'><th scope='row'>{measure.title}<small>{measure.meaning}</small></th>"
            f"{values}</tr>"
        )
    said = f" {_SKY[found.sky_label]}" if found.sky_label else ""
    return (
        f"<p role='status'>Measured at {found.size[0]} × {found.size[1]} pixels.{said}</p>{_LEGEND}"
        "<table><caption>Against the truth</caption>"
        f"<thead><tr><th scope='col'>Measure</th>{head}</tr></thead><tbody>{rows}</tbody></table>"
        "<p>Many colours are plausible for one grey picture. A result can be convincing and still differ from the "
        "truth; no single number settles it.</p>"
    )
