"""What comes in from visitors, and how they are told what is wrong with it: the edge of every event of the page."""

from __future__ import annotations

import html
import inspect
import logging
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from space.language import say
from space.phrasebook import translate
from space.service import PageError, UnreadableImageError
from space.session import SupersededError

logger = logging.getLogger(__name__)

PRIVATE: dict[str, Any] = {"api_visibility": "private"}
"""For events that only the page itself calls; programs have the named endpoints."""


def photo_input(label: str, elem_id: str, **more) -> gr.Image:
    """Where a photograph is added: as a path, in its own mode, so that the pipeline reads it and nobody converts it."""
    more = {"sources": ["upload", "clipboard"], "buttons": []} | more
    return gr.Image(label=label, elem_id=elem_id, type="filepath", image_mode=None, **more)


def show_errors(function: Callable) -> Callable:
    """Show what goes wrong for a known reason to the visitor, in its sentence: it is no accident of the server."""
    if inspect.isgeneratorfunction(function):

        @wraps(function)
        def call_steps(*args):
            try:
                yield from function(*args)
            except SupersededError:
                return
            except Exception as error:
                raise _sentence(error, function) from None

        return call_steps

    @wraps(function)
    def call(*args):
        try:
            return function(*args)
        except SupersededError:  # nobody waits for it: what is shown stays
            return gr.skip()
        except Exception as error:
            raise _sentence(error, function) from None

    return call


def _sentence(error: Exception, function: Callable) -> gr.Error:
    if isinstance(error, PageError | UnreadableImageError):
        # Names of files come from outside, and the page would show tags in them as tags.
        message = html.escape(translate(str(error)), quote=False)
    else:  # the visitor gets a sentence for this too; the log gets the rest
        logger.error("%s failed", function.__name__, exc_info=error)
        message = say("server_error")
    return gr.Error(message, print_exception=False)


def uploaded_path(upload: dict | None) -> str | None:
    """Path of the uploaded file. Gradio checks only what is marked as a file, and a request need not carry the mark."""
    if upload is not None and not isinstance(upload, dict):
        raise PageError("This is not a file that was uploaded here.")
    path = (upload or {}).get("path")
    if path and not Path(path).resolve().is_relative_to(Path(get_upload_folder()).resolve()):
        raise PageError("This is not a file that was uploaded here.")
    return path


def uploaded_paths(uploads: list[dict] | dict | None) -> list[Path]:
    """Paths of the uploaded files, in their order; see :func:`uploaded_path`."""
    paths = map(uploaded_path, uploads if isinstance(uploads, list) else [uploads])
    return [Path(path) for path in paths if path]


def plain(text: str) -> str:
    """Text from outside, as Markdown and HTML that show it letter by letter."""
    return html.escape("".join(f"\\{c}" if c in r"\`*_[]#~|" else c for c in text), quote=False)
