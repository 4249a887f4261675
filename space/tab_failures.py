"""Tab *When it fails*: why colors go wrong, how often they do, and an experiment to see it."""

from __future__ import annotations

import html
from pathlib import Path

import gradio as gr

from space.failures import Experiment, Figures, SkyExperiment, read_figures
from space.language import label, number, percent, say
from space.service import ColorizeService, PageError
from space.story import tell, tell_more
from space.uploads import PRIVATE, photo_input, show_errors, uploaded_path

_COLUMNS = ("all", "sky yes", "sky no", "chroma low")


def build(service: ColorizeService, tab: gr.Tab) -> None:
    """Lay out the tab; its pictures appear when ``tab`` is selected for the first time."""
    experiment = SkyExperiment(service)
    figures = read_figures(service.models.folder())
    with gr.Row(equal_height=False):
        with gr.Column(scale=3, min_width=320):
            story = gr.Markdown("", elem_id="failures-story")
            published = gr.HTML("", elem_id="published", elem_classes="figures")
        with gr.Column(scale=3, min_width=320):
            gr.Markdown(label("experiment_intro"))
            pictures = gr.Gallery(
                label=label("four_pictures"),
                show_label=False,
                columns=2,
                height="auto",
                object_fit="contain",
                format="png",
                buttons=["fullscreen"],
                interactive=False,
                visible=False,
                elem_id="experiment",
            )
            summary = gr.HTML("", elem_id="experiment-summary")
            drawn = gr.Button(label("experiment_drawn"), variant="primary", elem_id="experiment-drawn")
            with gr.Accordion(label("experiment_own"), open=False, elem_id="experiment-own"):
                photo = photo_input(
                    label("with_sky"),
                    "experiment-photo",
                    placeholder=label("drop_with_sky"),
                    height=220,
                )
                start = gr.Button(label("cut_sky"), elem_id="experiment-start")
            gr.Markdown(label("help"))

    def on_drawing() -> tuple:
        return _shown(experiment.on_drawing())

    def on_opening(shown: list | None) -> tuple:
        return gr.skip() if shown else on_drawing()

    def on_photograph(upload: dict | None) -> tuple:
        path = uploaded_path(upload)
        if path is None:
            raise PageError(say("sky_first"))
        return _shown(experiment.on_photograph(Path(path)))

    def sky_experiment(photo: dict | None = None) -> tuple[dict, list]:
        """Color a landscape whole, and again with its sky cut away, and compare the ground.

        Returns JSON (chroma_with and chroma_without in CIE units, cut as a share of the height) and the pictures.

        Args:
            photo: a picture with a sky as a file; nothing for a landscape that the page draws.
        """
        path = uploaded_path(photo)
        outcome = experiment.on_photograph(Path(path)) if path else experiment.on_drawing()
        facts = {"chroma_with": outcome.chroma_with, "chroma_without": outcome.chroma_without, "cut": outcome.cut}
        return facts, _files(outcome)

    tab.select(
        lambda: (tell(figures), _published(figures)), None, [story, published], show_progress="hidden", **PRIVATE
    )
    tab.select(show_errors(on_opening), pictures, [pictures, summary], show_progress_on=[summary], **PRIVATE)
    drawn.click(show_errors(on_drawing), None, [pictures, summary], show_progress_on=[summary], **PRIVATE)
    start.click(
        show_errors(on_photograph), photo, [pictures, summary], preprocess=False, show_progress_on=[summary], **PRIVATE
    )
    facts, for_programs = gr.JSON(visible=False), gr.Button(visible=False)
    for_programs.click(
        show_errors(sky_experiment), photo, [facts, pictures], preprocess=False, api_name="sky_experiment"
    )


def _files(outcome: Experiment) -> list[tuple[str, str]]:
    chroma = {"ground_with": outcome.chroma_with, "ground_without": outcome.chroma_without}
    return [(str(file), say(key, chroma=number(chroma.get(key, 0), 1))) for file, key in outcome.pictures]


def _shown(outcome: Experiment) -> tuple:
    change = outcome.chroma_without / max(outcome.chroma_with, 1e-6) - 1
    verdict = "ground_kept" if abs(change) < 0.05 else "ground_lost" if change < 0 else "ground_gained"
    text = say(verdict, cut=percent(outcome.cut), change=percent(abs(change)))
    return gr.Gallery(value=_files(outcome), visible=True), f"<p role='status'>{text}</p>"


def _published(figures: Figures | None) -> str:
    """The published figures as sentences and a table; every number comes from the file."""
    if figures is None:
        return f"<h2>{say('how_often')}</h2><p>{say('no_figures')}</p>"
    content = figures.content
    parts = [key for key in _COLUMNS if key in content["slices"]]

    def row(title: str, cells: list[str]) -> str:
        return f"<tr><th scope='row'>{title}</th>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"

    def rates(column: str, measure: str) -> list[str]:
        values = [figures.value(key, column, measure) for key in parts]
        return ["–" if value is None else percent(value) for value in values]

    def gain(key: str) -> str:
        ours, grey = figures.value(key, "model", "psnr_rgb_mean"), figures.value(key, "grey", "psnr_rgb_mean")
        return "–" if ours is None or grey is None else f"{number(ours - grey, 1, '+')} dB"

    def errors(key: str) -> str:
        values = [figures.value(key, column, "ciede2000_mean") for column in ("model", "grey")]
        return " / ".join("–" if value is None else number(value, 1) for value in values)

    rows = [
        row(say("row photographs"), [number(content["slices"][key]["n"]) for key in parts]),
        row(say("row gain"), [gain(key) for key in parts]),
        row(say("row errors"), [errors(key) for key in parts]),
        row(say("row chroma"), rates("model", "chroma_ratio_median")),
        row(say("row pale"), rates("model", "collapse_rate")),
        row(say("row strong"), rates("model", "oversaturation_rate")),
        row(say("row tint"), rates("model", "one_hue_rate")),
        row(say("row truth"), rates("truth", "one_hue_rate")),
        row(say("row sepia"), rates("model", "sepia_rate")),
        row(say("row truth"), rates("truth", "sepia_rate")),
    ]
    stale = "" if figures.current else f"<p><strong>{say('stale')}</strong></p>"
    head = "".join(f"<th scope='col'>{say(f'slice {key}')}</th>" for key in parts)
    return (
        f"{tell_more(figures)}<h2>{say('how_often')}</h2>{stale}"
        f"<p>{say('measured_on', count=number(content['pictures']), date=html.escape(content['created']))}</p>"
        f"<details><summary>{say('all_figures')}</summary>"
        f"<div class='scroll' tabindex='0' role='region' aria-label='{say('published_figures')}'><table>"
        f"<thead><tr><th scope='col'>{say('figure')}</th>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
        f"{_dependence(content.get('sky_dependence'))}{_links(content.get('links') or {})}</details>"
    )


def _dependence(sky: dict | None) -> str:
    if not sky:
        return ""
    lost, control = sky["chroma_lost"], sky["chroma_lost_control"]

    if lost["interval"][0] > control["interval"][1]:
        verdict = say("depends")
    elif lost["interval"][1] < control["interval"][0]:
        verdict = say("depends_less")
    else:
        verdict = say("no_difference")
    text = say(
        "dependence",
        count=number(sky["n"]),
        lost=_lost_or_gained(lost),
        control=_lost_or_gained(control),
        verdict=verdict,
        before=percent(sky["sepia_rate_whole"]["value"], 1),
        after=percent(sky["sepia_rate_cut"]["value"], 1),
    )
    return f"<p>{text}</p>"


def _lost_or_gained(figure: dict) -> str:
    """A loss as the file has it, in words that follow its sign, and its interval from less to more."""
    value, (low, high) = figure["value"], sorted(figure["interval"])
    word, ends = ("lost", (low, high)) if value >= 0 else ("gained", (-high, -low))
    text = say(word, value=percent(abs(value)), low=percent(ends[0]), high=percent(ends[1]))
    return say("chance", change=text) if low <= 0 <= high else text


def _links(links: dict[str, str]) -> str:
    def link(key: str, text: str) -> str:
        url = links.get(key, "")
        return f"<a href='{html.escape(url)}'>{text}</a>" if url.startswith("https://") else text

    text = say("links", harness=link("harness", say("harness")), card=link("card", say("card")))
    return f"<p>{text}</p>"
