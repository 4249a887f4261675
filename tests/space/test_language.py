"""Every sentence of the page exists in every language, and none that a visitor sees is left out."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path

import pytest

from colorization.drawing import SCENES
from colorization.model.pipeline_colorization import EMBEDDED_MODEL, load_pipeline
from space import language
from space.color_names import color_name
from space.failures import read_figures
from space.language import LANGUAGES, TEXTS, number, percent, say
from space.story import tell
from space.tab_failures import _published
from space.ui import build_page

ROOT = Path(language.__file__).parent


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_sentence_is_there_in_every_language() -> None:
    for key, texts in TEXTS.items():
        assert set(texts) == set(LANGUAGES), key
        assert all(text.strip() for text in texts.values()), key
        assert {frozenset(_fields(text)) for text in texts.values()} == {frozenset(_fields(texts["en"]))}, key
        for tag in ("<strong>", "<em>", "<code>", "**", "# ", "`"):  # what the browser would show wrong
            assert len({text.count(tag) for text in texts.values()}) == 1, (key, tag)
    long = [key for key, texts in TEXTS.items() if len(texts["en"]) > 40 and len(set(texts.values())) < 4]
    assert not long, "not translated"


def test_every_key_that_is_asked_for_exists_and_none_is_left_over() -> None:
    asked, patterns = set(), set()
    for path in ROOT.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                asked.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else "\0" for part in node.values]
                patterns.add(re.escape("".join(map(str, parts))).replace("\0", ".+"))
    asked |= {f"color {name}" for name in ("white", "black", "grey")} | {"link in archive", "encrypted", "archive bomb"}
    asked |= {"unsafe path in archive"}
    short = [pattern for pattern in patterns if len(pattern) < 40]
    unused = {k for k in TEXTS if k not in asked and not any(re.fullmatch(pattern, k) for pattern in short)}
    assert not unused
    calls = set()
    for path in ROOT.glob("*.py"):
        calls |= set(re.findall(r"""\b(?:say|label)\(['"]([^'"{}]+)['"]""", path.read_text(encoding="utf-8")))
    assert calls <= set(TEXTS)


def test_names_of_looks_and_drawings_are_known() -> None:
    looks = load_pipeline(EMBEDDED_MODEL, device="cpu").image_processor.looks
    assert {f"look {name}" for name in looks} <= set(TEXTS)
    assert {f"scene {name}" for name in SCENES} <= set(TEXTS)


def test_no_visible_label_of_the_layout_is_written_in_one_language(tiny_model_dir: Path, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    page = build_page(tiny_model_dir, device="cpu", second=tiny_model_dir)
    bare = []
    for block in page.config["components"]:
        props = block["props"]
        if props.get("visible") == "hidden" or (props.get("visible") is False and not props.get("elem_id")):
            continue  # of the endpoints for programs, and what is never seen
        texts = [props.get(name) for name in ("label", "info", "placeholder")]
        if block["type"] in ("button", "downloadbutton", "markdown", "html"):
            texts.append(props.get("value"))
        texts += [shown for shown, _ in props.get("choices") or []]
        bare += [
            (block["type"], text)
            for text in texts
            if isinstance(text, str) and re.search(r"[a-z]{2}", text) and "__i18n__" not in text
        ]
    assert not [each for each in bare if each[1] not in ("JPEG", "PNG")]
    page.close()


def test_the_visitors_first_language_is_spoken(visitor) -> None:
    assert say("download") == "Download" and number(1234.5, 1) == "1,234.5" and percent(0.5) == "50%"
    visitor("de-DE,de;q=0.9,en;q=0.8")
    assert say("download") == "Herunterladen" and number(1234.5, 1) == "1.234,5"
    assert number(0.5, 1, "+") == "+0,5"
    assert percent(0.125, 1) == "12,5\N{NARROW NO-BREAK SPACE}%"
    assert color_name("#103a20") == "dunkelgrün" and color_name("#8096b4") == "blau, matt"
    visitor("it,de;q=0.8")  # as the browser does it: Gradio looks at the first one only
    assert say("download") == "Download"
    visitor("")
    assert say("download") == "Download"


@pytest.mark.parametrize("asked", LANGUAGES)
def test_the_story_is_told_in_every_language(visitor, asked: str) -> None:
    visitor(asked)
    text = tell(read_figures(EMBEDDED_MODEL)) + _published(read_figures(EMBEDDED_MODEL))
    assert TEXTS["how_often"][asked] in text and "{" not in text
    english = [texts["en"] for texts in TEXTS.values() if len(texts["en"]) > 30 and "{" not in texts["en"]]
    if asked != "en":
        assert not [sentence for sentence in english if sentence in text]
