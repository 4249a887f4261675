"""Tab *When it fails*: why colours go wrong, how often they do, and an experiment to see it."""

from __future__ import annotations

import html
from pathlib import Path

import gradio as gr

from space.failures import Experiment, Figures, SkyExperiment, read_figures
from space.service import ColorizeService, PageError
from space.story import tell
from space.uploads import PRIVATE, photo_input, told, uploaded_path

_HELP = """## What you can do
- Leave the sky in when you crop or scan; colour first, crop later.
- If a result is pale, move *Colour strength* up; if it is too brown, take another of the small pictures below it, or
  move *Warmth* towards cooler.
- Do not trust a colour because it looks right. People, buildings, rooms, night scenes and drawings are not what the
  model was trained on, and no program can know the colour of a jacket."""
_EXPERIMENT = """## See for yourself
The same ground is coloured twice: with the sky in sight, and with everything above the horizon cut away."""
_COLUMNS = (("all", "All"), ("sky yes", "Sky in sight"), ("sky no", "No sky"), ("chroma low", "Palest third"))


def build(service: ColorizeService, tab: gr.Tab) -> None:
    """Lay out the tab; its pictures appear when ``tab`` is selected for the first time."""
    experiment = SkyExperiment(service)
    figures = read_figures(service.models.folder())
    with gr.Row(equal_height=False):
        with gr.Column(scale=3, min_width=320):
            gr.Markdown(tell(figures), elem_id="failures-story")
            gr.HTML(_published(figures), elem_id="published", elem_classes="figures")
        with gr.Column(scale=3, min_width=320):
            gr.Markdown(_EXPERIMENT)
            pictures = gr.Gallery(
                label="Four pictures of the experiment",
                columns=2,
                height="auto",
                object_fit="contain",
                format="png",
                buttons=["fullscreen"],
                interactive=False,
                visible=False,
                elem_id="experiment",
            )
            said = gr.HTML("", elem_id="experiment-said")
            drawn = gr.Button("Show it on a drawn landscape", variant="primary", elem_id="experiment-drawn")
            with gr.Accordion("Try it on your own photograph", open=False, elem_id="experiment-own"):
                photo = photo_input(
                    "A landscape with a sky",
                    "The photograph you added",
                    "experiment-photo",
                    placeholder="# Drop a landscape with a sky here\nor click to choose one",
                    height=220,
                )
                start = gr.Button("Cut its sky away", elem_id="experiment-start")
            gr.Markdown(_HELP)

    def on_drawing() -> tuple:
        return _shown(experiment.on_drawing())

    def on_opening(shown: list | None) -> tuple:
        return gr.skip() if shown else on_drawing()

    def on_photograph(upload: dict | None) -> tuple:
        path = uploaded_path(upload)
        if path is None:
            raise PageError("Add a photograph with a sky first.")
        return _shown(experiment.on_photograph(Path(path)))

    def sky_experiment(photo: dict | None = None) -> tuple[dict, list]:
        """Colour a landscape whole, and again with its sky cut away, and compare the ground.

        Returns JSON (chroma_with and chroma_without in CIE units, cut as a share of the height) and the pictures.

        Args:
            photo: a picture with a sky as a file; nothing for a landscape that the page draws.
        """
        path = uploaded_path(photo)
        found = experiment.on_photograph(Path(path)) if path else experiment.on_drawing()
        facts = {"chroma_with": found.chroma_with, "chroma_without": found.chroma_without, "cut": found.cut}
        return facts, _files(found)

    tab.select(told(on_opening), pictures, [pictures, said], show_progress_on=[said], **PRIVATE)
    drawn.click(told(on_drawing), None, [pictures, said], show_progress_on=[said], **PRIVATE)
    start.click(told(on_photograph), photo, [pictures, said], preprocess=False, show_progress_on=[said], **PRIVATE)
    facts, for_programs = gr.JSON(visible=False), gr.Button(visible=False)
    for_programs.click(told(sky_experiment), photo, [facts, pictures], preprocess=False, api_name="sky_experiment")


def _files(found: Experiment) -> list[tuple[str, str]]:
    return [(str(file), caption) for file, caption in found.pictures]


def _shown(found: Experiment) -> tuple:
    change = found.chroma_without / max(found.chroma_with, 1e-6) - 1
    if abs(change) < 0.05:
        verdict = "Here the ground kept its colourfulness."
    else:
        verdict = f"Here the ground {'lost' if change < 0 else 'gained'} {abs(change):.0%} of its colourfulness."
    text = (
        f"The upper {found.cut:.0%} of the picture was cut away. {verdict} One picture proves little; see the figures."
    )
    return gr.Gallery(value=_files(found), visible=True), f"<p role='status'>{text}</p>"


def _published(figures: Figures | None) -> str:
    """The published figures as sentences and a table; every number comes from the file."""
    if figures is None:
        return "<h2>How often?</h2><p>No figures have been published with this page.</p>"
    content = figures.content
    parts = [(key, title) for key, title in _COLUMNS if key in content["slices"]]

    def row(title: str, cells: list[str]) -> str:
        return f"<tr><th scope='row'>{title}</th>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"

    def percent(column: str, measure: str) -> list[str]:
        values = [figures.value(key, column, measure) for key, _ in parts]
        return ["–" if value is None else f"{value:.0%}" for value in values]

    def gain(key: str) -> str:
        ours, grey = figures.value(key, "model", "psnr_rgb_mean"), figures.value(key, "grey", "psnr_rgb_mean")
        return "–" if ours is None or grey is None else f"{ours - grey:+.1f} dB"

    def errors(key: str) -> str:
        values = [figures.value(key, column, "ciede2000_mean") for column in ("model", "grey")]
        return " / ".join("–" if value is None else f"{value:.1f}" for value in values)

    rows = [
        row("Photographs", [f"{content['slices'][key]['n']:,}" for key, _ in parts]),
        row("Nearer to the truth than grey (PSNR)", [gain(key) for key, _ in parts]),
        row("Colour difference: coloured / left grey (CIEDE2000)", [errors(key) for key, _ in parts]),
        row("Colourfulness of the truth that is reached (median)", percent("model", "chroma_ratio_median")),
        row("Results less than half as colourful as the truth", percent("model", "collapse_rate")),
        row("Results more than one and a half times as colourful", percent("model", "oversaturation_rate")),
        row("Results in one single tint", percent("model", "one_hue_rate")),
        row("Of the true photographs, for comparison", percent("truth", "one_hue_rate")),
        row("Results in one brown tone (sepia)", percent("model", "sepia_rate")),
        row("Of the true photographs, for comparison", percent("truth", "sepia_rate")),
    ]
    stale = "" if figures.current else "<p><strong>These figures are of another model than the one in use.</strong></p>"
    head = "".join(f"<th scope='col'>{title}</th>" for _, title in parts)
    return (
        f"<h2>How often?</h2>{stale}"
        f"<p>Measured on {content['pictures']:,} photographs that the model never saw, on "
        f"{html.escape(content['created'])}.</p>"
        "<div class='scroll' tabindex='0' role='region' aria-label='Published figures'><table>"
        f"<thead><tr><th scope='col'>Figure</th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        f"{_dependence(content.get('sky_dependence'))}{_links(content.get('links') or {})}"
    )


def _dependence(sky: dict | None) -> str:
    if not sky:
        return ""
    lost, control = sky["chroma_lost"], sky["chroma_lost_control"]

    if lost["interval"][0] > control["interval"][1]:
        verdict = "So this model does depend on seeing the sky."
    elif lost["interval"][1] < control["interval"][0]:
        verdict = "So losing sight of the sky costs this model less colour than any other crop of the same size."
    else:
        verdict = "The two cannot be told apart."
    before, after = sky["sepia_rate_whole"]["value"], sky["sepia_rate_cut"]["value"]
    return (
        f"<p>The experiment beside this, on {sky['n']:,} photographs: with the sky cut away, the ground "
        f"{_lost_or_gained(lost)} of its colourfulness. With as much cut from the left and right, which leaves the "
        f"sky, it {_lost_or_gained(control)}. {verdict} Grounds in one brown tone: {before:.1%} with the sky in sight, "
        f"{after:.1%} without.</p>"
    )


def _lost_or_gained(figure: dict) -> str:
    """A loss as the file has it, in words that follow its sign, and its interval from less to more."""
    value, (low, high) = figure["value"], sorted(figure["interval"])
    word, ends = ("lost", (low, high)) if value >= 0 else ("gained", (-high, -low))
    chance = " (which may be chance)" if low <= 0 <= high else ""
    return f"{word} {abs(value):.0%} ({ends[0]:.0%} to {ends[1]:.0%}){chance}"


def _links(links: dict[str, str]) -> str:
    def link(key: str, text: str) -> str:
        url = links.get(key, "")
        return f"<a href='{html.escape(url)}'>{text}</a>" if url.startswith("https://") else text

    return (
        f"<p>How each figure is computed is written in {link('harness', 'the description of the harness')} "
        f"(<code>python -m eval list</code> prints every formula); what the model is and was trained on, in "
        f"{link('card', 'the model card')}.</p>"
    )
