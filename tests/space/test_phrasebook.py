"""What the model says of bad files is said in the visitor's language, every sentence of it."""

from __future__ import annotations

import ast
import csv
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image

import colorization.model
from colorization.drawing import draw_landscape
from colorization.model.coloring import ColoringError, read_coloring
from colorization.model.images import UnreadableImageError, read_photo
from space.batch import color_batch
from space.language import LANGUAGES
from space.phrasebook import PHRASES, translate
from space.service import ColorizeService
from space.uploads import show_errors

MODEL = Path(colorization.model.__file__).parent
# Whose sentences come before a visitor: readers of files and recipes, and what is asked of the pipeline.
HEARD = ("images", "tiff", "readers", "cut_off", "depth", "negatives", "coloring", "image_processing_colorization")
# What these say to programmers only, of arguments that the page does not give.
UNHEARD = (
    "size_multiple must",
    "working_size must",
    "Unknown argument",
    "There is no picture to prepare",
    "Pictures of different aspect",
    "A picture is a Pillow picture",
    "A color is #rrggbb or three values",
    "{} originals do not fit",
    "pip install",
)
# The others are heard only by programs and in the log, but for these sentences.
HEARD_ELSEWHERE = {"prediction": "is in the border of the scan", "../files": "pixels a side"}


def _templates(path: Path) -> set[str]:
    """Every literal with words in it that is no docstring and goes to no log; "{}" for what is put in."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    left_out: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            left_out.add(node.value)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).startswith("logger."):
            left_out.update(ast.walk(node))
        elif isinstance(node, ast.Compare):  # looked for in the words of other libraries
            left_out.add(node.left)
        elif isinstance(node, ast.JoinedStr):  # its words; those within braces are literals of their own
            left_out.update(part for part in node.values if isinstance(part, ast.Constant))
            left_out.update(spec for part in node.values if (spec := getattr(part, "format_spec", None)))
    found = set()
    for node in set(ast.walk(tree)) - left_out:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        elif isinstance(node, ast.JoinedStr):
            text = "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        else:
            continue
        text = text.removeprefix("{}: ").removesuffix(".")
        if re.search(r" [a-z]{2,}|[a-z]{2,} ", text) and "\n" not in text:
            found.add(text)
    return found


def _bare(template: str) -> str:
    return re.sub(r"\{\w*\}", "{}", template)


def test_every_sentence_of_the_model_that_a_visitor_may_see_is_translated() -> None:
    written = {text for name in HEARD for text in _templates(MODEL / f"{name}.py")}
    written = {text for text in written if not text.startswith(UNHEARD)}
    for name, words in HEARD_ELSEWHERE.items():
        chosen = {text for text in _templates(MODEL / f"{name}.py") if words in text}
        assert len(chosen) == 1
        written |= chosen
    known = {_bare(template) for template in PHRASES}
    assert not written - known, "to be translated in space/phrasebook.json"
    assert not known - written, "no longer said by the model"


def test_a_translation_says_all_that_the_model_says_but_for_words_of_other_libraries() -> None:
    for template, translations in PHRASES.items():
        assert set(translations) == set(LANGUAGES) - {"en"}, template
        fields = set(re.findall(r"\{(\w+)\}", template))
        for text in translations.values():
            assert fields - set(re.findall(r"\{(\w+)\}", text)) <= {"reason", "verb"}, (template, text)
            assert text != template and not text.endswith("."), template
            text.format(**dict.fromkeys(fields, "x"))


def _large() -> bytes:
    picture = io.BytesIO()
    Image.new("1", (12_000, 9_000)).save(picture, "PNG")
    return picture.getvalue()


def _cut(share: float, kind: str) -> bytes:
    whole = io.BytesIO()
    draw_landscape(400, 300).save(whole, kind)
    return whole.getvalue()[: int(share * len(whole.getvalue()))]


def _data() -> bytes:
    picture = io.BytesIO()
    Image.fromarray(np.full((20, 20), np.nan, np.float32)).save(picture, "TIFF")
    return picture.getvalue()


BAD: dict[str, tuple[Callable[[], bytes], dict[str, str]]] = {
    "empty": (lambda: b"", {"de": "die Datei ist leer", "fr": "le fichier est vide", "es": "el archivo está vacío"}),
    "no picture": (
        lambda: b"This is not a picture.",
        {"de": "kein Bild in einem bekannten Format", "fr": "pas une image", "es": "no es una imagen"},
    ),
    "large": (
        _large,
        {
            "de": "12.000 × 9.000 = 108,0 Megapixel, mehr als die Grenze von 100 Megapixeln",
            "fr": "12\u202f000 × 9\u202f000 = 108,0 mégapixels, plus que la limite de 100 mégapixels",
            "es": "12.000 × 9.000 = 108,0 megapíxeles, más que el límite de 100 megapíxeles",
        },
    ),
    "half": (lambda: _cut(0.5, "JPEG"), {"de": "bricht mitten im Bild ab", "fr": "s’arrête", "es": "se corta"}),
    "half PNG": (lambda: _cut(0.5, "PNG"), {"de": "bricht mitten im Bild ab", "fr": "s’arrête", "es": "se corta"}),
    "damaged": (
        lambda: b"II*\0" + bytes(range(256)) * 4,
        {"de": "TIFF", "fr": "TIFF", "es": "TIFF"},
    ),
    "photoshop": (lambda: b"8BPS" + bytes(99), {"de": "eine Photoshop-Datei", "fr": "un fichier", "es": "un archivo"}),
    "drawing": (lambda: b"<svg></svg>", {"de": "Vektorzeichnung", "fr": "dessin vectoriel", "es": "dibujo vectorial"}),
    "data": (_data, {"de": "das sind Daten, kein Foto", "fr": "pas une photo", "es": "no una foto"}),
}
# Words that no sentence in another language has.
ENGLISH = re.compile(r"\b(the|this|is|are|of|not|first|picture|file|save|cut|damaged|with|known|more|than)\b")


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("asked", LANGUAGES)
def test_a_bad_file_is_told_in_the_visitors_language(visitor, tmp_path: Path, asked: str, kind: str) -> None:
    make, expected = BAD[kind]
    path = tmp_path / "Tal: See.jpg"  # as a sentence has it
    path.write_bytes(make())
    visitor(asked)
    with pytest.raises(gr.Error) as caught:
        show_errors(lambda: read_photo(path))()
    message = caught.value.message
    with pytest.raises(UnreadableImageError) as original:
        read_photo(path)
    if asked == "en":
        assert message == str(original.value)
        return
    assert expected[asked] in message and message.startswith("Tal: See.jpg") and message.endswith(".")
    assert not ENGLISH.search(message)


@pytest.mark.parametrize("asked", [language for language in LANGUAGES if language != "en"])
def test_a_wrong_recipe_is_told_in_the_visitors_language(visitor, asked: str) -> None:
    visitor(asked)
    wrong = ({"strength": 11}, {"points": [[50, 150, "red"]]}, {"points": [[1, 2, "reddish"]]}, {"looks": 1}, "{")
    for recipe in (*wrong, {"variant": 77}, {"points": 3}, {"points": [[1]]}, "[]"):
        with pytest.raises(ColoringError) as caught:
            read_coloring(recipe)
        assert not ENGLISH.search(translate(str(caught.value))), caught.value
        assert "coloring" not in translate(str(caught.value))


def test_a_batch_gives_its_reasons_in_the_visitors_language(visitor, tmp_path: Path, tiny_model_dir: Path) -> None:
    archive = tmp_path / "album.zip"
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("1/empty.jpg", b"")
        files.writestr("half.png", _cut(0.5, "PNG"))
    visitor("de")
    *_, last = color_batch(ColorizeService(tmp_path / "page", tiny_model_dir, "cpu"), [archive])
    assert last.archive
    with zipfile.ZipFile(last.archive) as result:
        rows = list(csv.reader(io.StringIO(result.read("failures.csv").decode())))
    assert rows[1] == ["1/empty.jpg", "Die Datei ist leer."]
    assert rows[2][1].startswith("Die Datei bricht mitten im Bild ab; es fehlen ")


def test_notes_of_the_model_are_translated(visitor) -> None:
    photo = read_photo(_cut(0.97, "JPEG"))
    assert photo.notes
    visitor("fr")
    assert re.fullmatch(r"le fichier s’arrête trop tôt ; il manque .* de l’image\.", translate(photo.notes[0]))


def test_what_is_no_sentence_of_the_model_stays(visitor) -> None:
    visitor("de")
    assert translate("Dieses Foto ist nicht mehr da.") == "Dieses Foto ist nicht mehr da."
    assert translate("Out of order: 12,000.") == "Out of order: 12,000."
