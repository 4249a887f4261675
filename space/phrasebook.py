"""What the model says of files and guidance, in the visitor's language.

The model speaks English: it goes to the Hub, and a command line reads it too. Here, at the page's edge, each of its
sentences is known by its template, and so are the parts that it puts into them; ``phrasebook.json`` has them in the
other languages. Tests collect the templates from the model's source, so that none is missing.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

from space.language import language, localized

PHRASES: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("phrasebook.json").read_text(encoding="utf-8"))
"""Template in English, without the file's name before it and the period behind it -> language -> translation."""
_COLON = {"fr": " : "}


def translate(sentence: str) -> str:
    """A sentence of the model in the visitor's language; as it is where it is of somebody else.

    Args:
        sentence: in English, often of the form "beach.jpg: the file is empty."; numbers as "12,000" and "1.5".
    """
    spoken = language()
    if spoken == "en":
        return sentence
    text, period = sentence.removesuffix("."), "." if sentence.endswith(".") else ""
    for colon in reversed([*re.finditer(": ", text)]):  # the name of a file may have some of its own
        if rest := _known(text[colon.end() :], spoken):
            name = text[: colon.start()]
            return f"{_known(name, spoken) or name}{_COLON.get(spoken, ': ')}{rest}{period}"
    known = _known(text, spoken)
    return f"{known}{period}" if known else sentence


def _known(text: str, spoken: str) -> str | None:
    for pattern, translations in _patterns():
        if found := pattern.fullmatch(text):
            parts = {name: _known(part, spoken) or localized(part) for name, part in found.groupdict().items()}
            return translations[spoken].format(**parts)
    return None


@functools.cache
def _patterns() -> list[tuple[re.Pattern[str], dict[str, str]]]:
    """The templates as patterns, those with most words of their own first."""
    found = []
    for template, translations in PHRASES.items():
        words = re.split(r"\{(\w+)\}", template)
        pattern = "".join(f"(?P<{part}>.+)" if at % 2 else re.escape(part) for at, part in enumerate(words))
        found.append((sum(map(len, words[::2])), re.compile(pattern, re.DOTALL), translations))
    return [(pattern, translations) for _, pattern, translations in sorted(found, key=lambda each: -each[0])]
