"""Tab *Colourize*: one photograph, before and after, stronger or weaker, and the download."""

from __future__ import annotations

import gradio as gr

from space import panel_guidance
from space.examples import Example, ExampleShelf
from space.guidance import Guide
from space.service import DELETE_AFTER, MAX_SATURATION, SUFFIXES, ColorizeService, Colouring, PageError
from space.uploads import PRIVATE, photo_input, plain, told, uploaded_path
from space.wishes import Wishes, read_hints

_PLACEHOLDER = "# Drop a photograph here\nor click to choose one, or paste it"
_WAITING = "Your coloured photograph will appear here."
_NO_SKY = """**No sky was seen in this photograph**, so the colours have less to go on than usual. Take them as a first
try: the sliders help, and the tab *When it fails* says more."""
_SURENESS = {  # of Prediction.confidence
    "fairly sure": "The model is fairly sure of these colours.",
    "several colourings are plausible": "Several colourings are plausible here: look into *Fine-tune the colours*.",
    "little to go on here": "**There is little to go on here**; *Fine-tune the colours* lets you help the model.",
}
_START_DOWNLOAD = "() => setTimeout(() => document.querySelector('#file-link')?.click(), 150)"
_SHOW_RESULT = """() => setTimeout(() => {
  const box = document.querySelector('#result');
  if (box && box.getBoundingClientRect().top > window.innerHeight * 0.6) {
    const still = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
    box.scrollIntoView({behavior: still ? 'auto' : 'smooth', block: 'start'});
  }
}, 200)"""


def build(page: gr.Blocks, service: ColorizeService, shelf: ExampleShelf) -> None:
    """Lay out the tab, inside of ``page``."""
    guide = Guide(service)
    source = gr.State(None, time_to_live=DELETE_AFTER)  # the visitor's own file, as it was sent
    colouring = gr.State(None, time_to_live=DELETE_AFTER)
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=320):
            photo = photo_input(
                "Your photograph",
                "The photograph you added",
                "photo",
                placeholder=_PLACEHOLDER,
                sources=["upload", "clipboard", "webcam"],
                buttons=["fullscreen"],
                height=320,
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
                with gr.Row(equal_height=False):
                    strength = gr.Slider(
                        0,
                        MAX_SATURATION,
                        value=1,
                        step=0.05,
                        label="Colour strength",
                        info="0 is grey, 1 is as the model sees it, 2 is twice as colourful. Changes at once.",
                        buttons=["reset"],
                        min_width=240,
                        elem_id="strength",
                    )
                    warmth = gr.Slider(
                        -1,
                        1,
                        value=0,
                        step=0.05,
                        label="Warmth",
                        info="Below 0 bluer, above 0 more golden; what is grey stays grey. Changes at once.",
                        buttons=["reset"],
                        min_width=240,
                        elem_id="warmth",
                    )
                panel = panel_guidance.build(guide, _pair, _describe)
                with gr.Row(equal_height=False):
                    file_format = gr.Radio(
                        list(SUFFIXES),
                        value="JPEG",
                        label="Save as",
                        info="JPEG is smaller, PNG loses nothing.",
                        elem_id="format",
                    )
                    save = gr.Button("Download at full size", variant="primary", size="lg", elem_id="save")
    credits = gr.Markdown(elem_classes="small-print")
    file_link = gr.DownloadButton(visible="hidden", elem_id="file-link")

    def check(upload: dict | None) -> tuple:
        path = uploaded_path(upload)
        if path is None:
            return gr.skip(), None, gr.Button(interactive=False)
        shown = service.preview(path)
        return (gr.skip() if shown is None else str(shown)), path, gr.Button(interactive=True)

    def colour(path: str | None, saturation: float, warmth: float) -> tuple:
        if path is None:
            raise PageError("Add a photograph first.")
        result = service.colorize(path, saturation, warmth)
        chosen = "PNG" if result.lossless else "JPEG"
        return result, _pair(result), _describe(result), gr.Column(visible=True), chosen

    def recolour(result: Colouring | None, saturation: float, warmth: float, unsure: bool) -> tuple:
        if result is None or unsure:  # then the slider shows no colours
            return gr.skip(), gr.skip()
        result = service.recolour(result, saturation, warmth)
        return result, _pair(result)

    def download(result: Colouring | None, saturation: float, warmth: float, chosen: str) -> str:
        if result is None:
            raise PageError("Colour a photograph first.")
        return str(service.write(result, saturation, chosen, warmth))

    def choose(event: gr.SelectData) -> tuple:
        path = str(shelf.examples()[event.index].path)
        return path, path, gr.Button(interactive=True)

    def forget() -> tuple:
        return None, None, None, None, _WAITING, gr.Column(visible=False), gr.Button(interactive=False)

    def colorize(photo: dict | None, strength: float = 1.0, file_format: str = "JPEG", warmth: float = 0.0) -> str:
        """Colour one photograph. Returns the coloured picture as a file, at the size of the one sent, EXIF kept.

        Args:
            photo: a picture file (JPEG, PNG, TIFF, WebP and more; at most 100 megapixels).
            strength: how strong the colours are; 0 is grey, 1 as the model sees them, at most 2.
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
        """Colour one photograph with given colours, or otherwise than the model first would. Returns it as a file.

        Args:
            photo: a picture file, as for /colorize.
            hints: colours at points, a list of [across in percent, down in percent, "#rrggbb"].
            reference: a photograph in colour, whose colours are borrowed.
            variant: 1 for the model's own choice, 2 to 9 for others that are plausible too.
            strength: how strong the colours are; 0 is grey, 1 as the model sees them, at most 2.
            file_format: "JPEG" or "PNG".
            warmth: -1 (cool) to 1 (warm); 0 is as the model sees them.
        """
        path, other = uploaded_path(photo), uploaded_path(reference)
        if path is None:
            raise PageError("Send a picture file.")
        wishes = Wishes(read_hints(hints), None if other is None else guide.palette(other))
        return str(guide.guided_file(path, wishes, variant, strength, file_format, warmth))

    # ``preprocess=False`` hands over the path of the file as it was sent; ``gr.Image`` would open, and for some
    # kinds of pictures rewrite, the file first. So ``uploaded_path`` has to check where the file lies.
    results = [colouring, slider, note, controls, file_format]
    everything = [photo, source, colouring, slider, note, controls, start]
    panel.listen(colouring, slider, note, [strength, warmth])
    photo.input(
        told(check), photo, [photo, source, start], preprocess=False, show_progress="hidden", **PRIVATE
    ).failure(forget, None, everything, **PRIVATE)
    photo.clear(forget, None, everything, queue=False, **PRIVATE)
    coloured = start.click(told(colour), [source, strength, warmth], results, show_progress_on=[slider], **PRIVATE)
    coloured.success(None, None, None, js=_SHOW_RESULT, **PRIVATE)
    coloured.success(panel.renew, colouring, panel.parts, show_progress="hidden", **PRIVATE)
    picked = examples.select(choose, None, [photo, source, start], show_progress="hidden", **PRIVATE)
    coloured = picked.success(told(colour), [source, strength, warmth], results, show_progress_on=[slider], **PRIVATE)
    coloured.success(None, None, None, js=_SHOW_RESULT, **PRIVATE)
    coloured.success(panel.renew, colouring, panel.parts, show_progress="hidden", **PRIVATE)
    gr.on(
        [strength.change, warmth.change],
        told(recolour),
        [colouring, strength, warmth, panel.doubt],
        [colouring, slider],
        show_progress="hidden",
        trigger_mode="always_last",
        **PRIVATE,
    )
    saved = save.click(
        told(download), [colouring, strength, warmth, file_format], file_link, show_progress_on=[save], **PRIVATE
    )
    saved.success(None, None, None, js=_START_DOWNLOAD, **PRIVATE)
    page.load(lambda: _gallery(shelf.examples()), None, [examples, credits], show_progress="hidden", **PRIVATE)
    for_programs = gr.Button(visible=False)
    for_programs.click(
        told(colorize),
        [photo, strength, file_format, warmth],
        file_link,
        preprocess=False,
        api_name="colorize",
    )
    hints, variant, reference = gr.JSON(visible=False), gr.Number(1, visible=False), gr.Image(visible=False)
    for_programs.click(
        told(colorize_guided),
        [photo, hints, reference, variant, strength, file_format, warmth],
        file_link,
        preprocess=False,
        api_name="colorize_guided",
    )


def _pair(result: Colouring) -> tuple[str, str]:
    return str(result.before), str(result.after)


def _describe(result: Colouring) -> str:
    width, height = result.size
    name = plain(result.name)
    text = f"**{name}**: {width:,} × {height:,} pixels, coloured in {result.seconds:.1f} seconds."
    text += " Drag the line to compare."
    if result.reduced:
        text += " The view above is reduced; the download has every pixel."
    if result.confidence is not None:
        text += f"\n\n{_SURENESS[result.confidence]}"
    if result.sky == "no":
        text += f"\n\n{_NO_SKY}"
    return text


def _gallery(examples: list[Example]) -> tuple[list[tuple[str, str]], str]:
    credits = "; ".join(f"{example.title} ({example.credit})" for example in examples if example.credit)
    pictures = [(str(example.thumbnail), example.title) for example in examples]
    return pictures, f"Example photographs: {credits}." if credits else ""
