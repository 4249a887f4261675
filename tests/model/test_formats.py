"""Every kind of file is read as what it shows, or refused with the true reason; docs/formats.md is made of this."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorization.files import output_format, save_picture
from colorization.jobs import Job, Targets
from colorization.model.images import Photo, UnreadableImageError, read_photo
from colorization.model.metadata import load_exif
from colorization.model.readers import readable

from .drawn_files import Drawn, draw_alpha, draw_color, drawn_files

ROOT = Path(__file__).parents[2]
FILES = drawn_files()
NAMES = [f"{number}-{drawn.format}-{drawn.kind}" for number, drawn in enumerate(FILES)]


@pytest.mark.parametrize("drawn", FILES, ids=NAMES)
def test_a_file_is_read_as_what_it_shows(drawn: Drawn):
    if drawn.rgb is None:
        with pytest.raises(UnreadableImageError, match=drawn.reason):
            read_photo(drawn.content)
        return
    photo = read_photo(drawn.content)
    assert photo.rgb.shape == drawn.rgb.shape
    assert largest_difference(photo, drawn) <= drawn.within
    assert len(photo.notes) == bool(drawn.note) and re.search(drawn.note, " ".join(photo.notes))
    assert (photo.alpha is None) == (drawn.alpha is None)
    if drawn.alpha is not None:
        assert np.abs(photo.alpha.astype(int) - drawn.alpha).max() <= 1
    assert drawn.pages in (None, photo.pages)


def largest_difference(photo: Photo, drawn: Drawn) -> int:
    return np.abs(photo.rgb.astype(int) - drawn.rgb)[: drawn.rows].max(initial=0)


def read_or_reason(drawn: Drawn) -> str:
    """The word "read" if a file is read as what it shows, else the sentence with which it is refused."""
    try:
        photo = read_photo(drawn.content)
    except UnreadableImageError as error:
        return str(error).removeprefix("picture: ")
    assert drawn.rgb is not None
    assert largest_difference(photo, drawn) <= drawn.within, drawn.kind
    return "read, with a note of what is missing" if photo.notes else "read"


@pytest.fixture
def without_extra(monkeypatch):
    """As where nobody has installed the extra ``formats``."""
    monkeypatch.setattr("colorization.model.tiff.tifffile", None)
    for name in ("imagecodecs", "pillow_heif", "rawpy"):
        monkeypatch.setitem(sys.modules, name, None)
    readable.cache_clear()
    yield
    monkeypatch.undo()
    readable.cache_clear()


def test_without_the_extra_nothing_is_read_wrongly(without_extra):
    for drawn in FILES:
        reason = read_or_reason(drawn)
        why = f"{drawn.kind}: {reason}"
        assert reason.startswith("read") or drawn.rgb is None or drawn.note or "colorizer[formats]" in reason, why


def test_a_picture_of_a_phone(request, tmp_path):
    heif = pytest.importorskip("pillow_heif")
    color = draw_color(64, 48)
    heif.from_pillow(Image.fromarray(color)).save(tmp_path / "a.heic", quality=100)
    photo = read_photo(tmp_path / "a.heic")
    assert photo.format == "HEIF" and np.abs(photo.rgb.astype(int) - color).mean() < 5
    request.getfixturevalue("without_extra")
    # The opener stays registered with Pillow, and is not asked.
    with pytest.raises(UnreadableImageError, match=r"HEIC.*landscape-colorizer\[formats\]"):
        read_photo(tmp_path / "a.heic")


def test_a_raw_file_is_developed(request, tmp_path):
    """A DNG of a sensor behind red, green, green and blue filters: grey comes out grey, brighter to the right."""
    pytest.importorskip("rawpy")
    tifffile = pytest.importorskip("tifffile")
    width, height = 96, 64
    levels = np.repeat(np.linspace(2_000, 60_000, width)[None], height, axis=0).astype(np.uint16)
    matrix = [value for row in ((3.24, -1.54, -0.5), (-0.97, 1.88, 0.04), (0.06, -0.2, 1.06)) for value in row]
    tags = [
        (50706, 1, 4, b"\1\4\0\0", True),  # DNGVersion
        (33421, 3, 2, (2, 2), True),  # size and order of the filters
        (33422, 1, 4, b"\0\1\1\2", True),
        (50708, 2, 0, "drawn", True),
        (50714, 3, 1, 0, True),  # black and white
        (50717, 3, 1, 65_535, True),
        (50721, 10, 9, tuple(part for value in matrix for part in (round(value * 100), 100)), True),
        (50728, 5, 3, (1, 1, 1, 1, 1, 1), True),
        (50778, 3, 1, 21, True),
    ]
    tifffile.imwrite(tmp_path / "a.dng", levels, photometric="cfa", metadata=None, extratags=tags)
    photo = read_photo(tmp_path / "a.dng")
    assert photo.format == "RAW" and abs(photo.height - height) <= 4 and abs(photo.width - width) <= 4
    inner = photo.rgb[8:-8, 8:-8].astype(int)
    assert np.ptp(inner, axis=2).mean() < 6
    assert (np.diff(inner.mean(axis=(0, 2))[::8]) > 0).all()
    content = (tmp_path / "a.dng").read_bytes()
    request.getfixturevalue("without_extra")
    with pytest.raises(UnreadableImageError, match=r"landscape-colorizer\[formats\]"):
        read_photo(content)


def reading_table() -> list[str]:
    return [read_or_reason(drawn) for drawn in FILES]


def writing_table(folder: Path) -> list[str]:
    """What each format holds of a picture with alpha, notes, resolution and pages, found by reading it back."""
    exif = Image.Exif()
    exif.update({271: "a maker", 282: 300.0, 283: 300.0, 296: 2})
    exif.get_ifd(34665)[36867] = "2001:02:03 04:05:06"
    exif.get_ifd(34853).update({1: "N", 2: (47.0, 30.0, 15.0)})
    picture = Image.fromarray(np.concatenate((draw_color(48, 32), draw_alpha(48, 32)[..., None]), 2))
    picture.info["exif"] = exif.tobytes()
    lines = [
        "| format | alpha | maker, dates, place | resolution | says it was colored | pages |",
        "|---|" + "---|" * 5,
    ]
    for name, suffix in (("JPEG", ".jpg"), ("PNG", ".png"), ("TIFF", ".tif"), ("WebP", ".webp"), ("BMP", ".bmp")):
        path = save_picture(picture, folder / f"a{suffix}", more_pages=[picture])
        photo = read_photo(path)
        kept = load_exif(photo.exif)
        facts = [
            photo.alpha is not None,
            kept.get(271) == "a maker" and 36867 in kept.get_ifd(34665) and 2 in kept.get_ifd(34853),
            kept.get(282) == 300,
            b"compositeWithTrainedAlgorithmicMedia" in path.read_bytes(),
            photo.pages == 2,
        ]
        lines.append(f"| {name} | " + " | ".join("yes" if fact else "no" for fact in facts) + " |")
    return lines


def test_the_document_says_what_is_so(request, tmp_path):
    writing = writing_table(tmp_path)
    full = reading_table()
    request.getfixturevalue("without_extra")
    plain = reading_table()
    rows = {}
    for drawn, with_extra, without in zip(FILES, full, plain, strict=True):
        rows.setdefault((drawn.format, drawn.kind), set()).add((with_extra, without))
    lines = ["| format | kind | result | read by | written as |", "|---|---|---|---|---|"]
    for (file_format, kind), found in rows.items():
        assert len(found) == 1, f"{file_format}, {kind}: not alike in all sizes and orders"
        ((with_extra, without),) = found
        if not with_extra.startswith("read"):
            assert not without.startswith("read"), f"{file_format}, {kind}: refused only with the extra"
            lines.append(f"| {file_format} | {kind} | refused: {with_extra} | – | – |")
            continue
        reader = "Pillow" if with_extra == without else "`[formats]`"
        source = Path("a" + {"TIFF": ".tif", "JPEG 2000": ".jp2"}.get(file_format, f".{file_format.lower()}"))
        result = Targets(tmp_path, "same", []).choose(Job(source, Path(), "a"), "", None)[0]
        lines.append(f"| {file_format} | {kind} | {with_extra} | {reader} | {output_format(result)} |")
    document = ROOT / "docs" / "formats.md"
    text = document.read_text(encoding="utf-8")
    for mark, table in (("reading", lines), ("writing", writing)):
        begin, end = f"<!-- {mark}: made by tests/model/test_formats.py -->\n", f"<!-- end of {mark} -->"
        before, after = text.split(begin)[0], text.split(end)[1]
        text = before + begin + "\n".join(table) + "\n" + end + after
    if "LANDSCAPE_WRITE_DOCS" in os.environ:
        document.write_text(text, encoding="utf-8")
    assert document.read_text(encoding="utf-8") == text, "run this test with LANDSCAPE_WRITE_DOCS=1"
