"""What the page says, in the visitor's language. The sentences stand in ``texts.json``, each in every language.

What is laid out once for everybody goes through Gradio's own translation, in the browser (:func:`label`); what is said
of one visitor's photograph is said in the language their browser asks for (:func:`say`). Both take the same language:
the browser's first, English where that is none of ours.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import gradio as gr
from gradio.context import LocalContext

LANGUAGES = ("en", "de", "fr", "es")
TEXTS: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("texts.json").read_text(encoding="utf-8"))
I18N = gr.I18n(**{language: {} for language in LANGUAGES})
"""For ``launch``: the sentences that :func:`label` was asked for."""
_THIN = "\N{NARROW NO-BREAK SPACE}"
_SEPARATORS = {"en": (",", "."), "de": (".", ","), "fr": (_THIN, ","), "es": (".", ",")}  # of thousands, of decimals


def label(key: str, **values: object) -> str:
    """A sentence for the layout, as a mark that the browser replaces by the sentence in its language."""
    for language in LANGUAGES:
        I18N.translations[language][key] = TEXTS[key][language].format(**values)
    return str(I18N(key))


def say(key: str, **values: object) -> str:
    """A sentence in the language of whoever asks for it now."""
    return TEXTS[key][language()].format(**values)


def say_if_known(key: str, otherwise: str) -> str:
    """As :func:`say`, of names that come with a model or a folder of pictures and may be others."""
    return say(key) if key in TEXTS else otherwise


def language() -> str:
    """The first language that the visitor's browser asks for, "en" if it is none of ours; outside of events, too."""
    request = LocalContext.request.get(None)
    asked = request.headers.get("accept-language", "") if request is not None else ""
    first = asked.split(",")[0].split(";")[0].split("-")[0].strip().lower()
    return first if first in LANGUAGES else "en"


def number(value: float, digits: int = 0, sign: str = "") -> str:
    """For example "1,234.5", or "1.234,5" in German; ``sign`` "+" shows that of positive numbers, too."""
    return localized(f"{value:{sign},.{digits}f}")


def localized(text: str) -> str:
    """A number that is written as in English, "1,234.5", as it is written in the visitor's language; others as is."""
    thousands, decimals = _SEPARATORS[language()]
    is_number = re.fullmatch(r"[+-]?\d{1,3}(,\d{3})*(\.\d+)?|[+-]?\d+(\.\d+)?", text)
    return text.translate({ord(","): thousands, ord("."): decimals}) if is_number else text


def percent(share: float, digits: int = 0) -> str:
    """For example "12%", or "12 %" in other languages than English, of 0.12."""
    return number(100 * share, digits) + ("%" if language() == "en" else f"{_THIN}%")
