"""Tab *Batch*: many photographs or a zip in, a table that says how far each is, a zip out."""

from __future__ import annotations

import html
from collections.abc import Iterator

import gradio as gr

from space.batch import AS_THEY_CAME, FORMATS, MAX_FILES, REPORT, Batch, color_batch
from space.keeping import take_recipe
from space.language import label, say
from space.service import MAX_SATURATION, ColorizeService, PageError
from space.uploads import PRIVATE, show_errors, uploaded_paths


def build(service: ColorizeService) -> None:
    """Lay out the tab."""
    gr.Markdown(label("batch_intro", most=MAX_FILES, report=REPORT))
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=320):
            files = gr.File(
                label=label("batch_files"),
                file_count="multiple",
                file_types=["image", ".zip", ".json"],
                height=240,
                elem_id="batch-files",
            )
            strength = gr.Slider(
                0, MAX_SATURATION, value=1, step=0.05, label=label("strength"), elem_id="batch-strength"
            )
            warmth = gr.Slider(-1, 1, value=0, step=0.05, label=label("warmth"), elem_id="batch-warmth")
            file_format = gr.Radio(
                [(label("automatic") if name == AS_THEY_CAME else name, name) for name in FORMATS],
                value=AS_THEY_CAME,
                label=label("save_as"),
                info=label("automatic_info"),
                elem_id="batch-format",
            )
            with gr.Row():
                start = gr.Button(label("colorize_all"), variant="primary", size="lg", elem_id="batch-start")
                stop = gr.Button(label("stop"), size="lg", interactive=False, elem_id="batch-stop")
        with gr.Column(scale=3, min_width=320):
            progress = gr.HTML(f"<p>{label('batch_empty')}</p>", elem_id="batch-progress")
            save = gr.DownloadButton(
                label("download_all"), variant="primary", visible=False, elem_id="batch-save"
            )  # fmt: skip

    def run(uploads: list | None, saturation: float, warmth: float, chosen: str) -> Iterator[tuple]:
        paths = uploaded_paths(uploads)
        if not paths:
            raise PageError(say("batch_first"))
        recipe, paths = take_recipe(paths)
        for batch in color_batch(service, paths, saturation, warmth, chosen, recipe):
            done = batch.archive is not None
            shown = gr.DownloadButton(visible=done, value=str(batch.archive) if done else None)
            yield _table(batch), shown, gr.Button(interactive=done), gr.Button(interactive=not done)

    def end() -> tuple:
        return gr.Button(interactive=True), gr.Button(interactive=False)

    def colorize_batch(
        files: list[dict],
        strength: float = 1.0,
        warmth: float = 0.0,
        file_format: str = AS_THEY_CAME,
        recipe: dict | None = None,
    ) -> str:
        """Color many photographs. Returns a zip: the colored pictures under their own names, and failures.csv with
        the columns file and reason for those that could not be colored.

        Args:
            files: picture files, or zip archives of them; at most 100 pictures in all.
            strength: how strong the colors are; 0 is grey, 1 as the model sees them, at most 2.
            warmth: -1 (cool) to 1 (warm); 0 is as the model sees them.
            file_format: "Automatic" (JPEG stays JPEG, lossless files become PNG), "JPEG" or "PNG".
            recipe: points, look, variant, strength and warmth as the command line's --hints takes them, such as
                {"points": [[50, 10, "#6f94b8"]], "look": "autumn"}, for all of them, instead of strength and warmth.
        """
        paths = uploaded_paths(files)
        if not paths:
            raise PageError("Send picture files or a zip archive.")
        if not isinstance(recipe, dict | None):
            raise PageError("A recipe is a JSON object with points, look, variant, strength and warmth.")
        *_, last = color_batch(service, paths, strength, warmth, file_format, recipe)
        return str(last.archive)

    settings = [files, strength, warmth, file_format]
    running = start.click(
        show_errors(run), settings, [progress, save, start, stop], preprocess=False, show_progress="hidden", **PRIVATE
    )
    running.failure(end, None, [start, stop], **PRIVATE)
    stop.click(
        lambda: (f"<p role='status'>{say('stopped')}</p>", *end()),
        None,
        [progress, start, stop],
        cancels=[running],
        **PRIVATE,
    )
    for_programs = gr.Button(visible=False)
    recipe = gr.JSON(visible=False)
    for_programs.click(
        show_errors(colorize_batch), [*settings, recipe], save, preprocess=False, api_name="colorize_batch"
    )


def _table(batch: Batch) -> str:
    """The state of a batch, as a table; only its first line is read out when it changes."""
    total, done, failed = len(batch.items), batch.count("done"), batch.count("failed")
    key = ("batch_some" if batch.archive is None else "batch_all") + ("_failed" if failed else "")
    summary = say(key, ready=done + failed, done=done, failed=failed, total=total)
    rows = "".join(
        f"<tr class='{item.state}'><th scope='row'>{html.escape(item.name)}</th><td>{say(f'state {item.state}')}"
        + (f"<br><small>{html.escape(item.reason)}</small>" if item.reason else "")
        + "</td></tr>"
        for item in batch.items
    )
    return (
        f"<p role='status'><strong>{summary}</strong></p>"
        f"<progress max='{total}' value='{done + failed}' aria-label='{say('batch_ready')}'></progress>"
        f"<div class='batch-table' tabindex='0' role='region' aria-label='{say('batch_table')}'><table>"
        f"<thead><tr><th scope='col'>{say('file')}</th><th scope='col'>{say('state')}</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )
