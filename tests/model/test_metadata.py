"""What goes along to a colored copy, read back by an independent reader, and what must not."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from colorization.files import save_picture
from colorization.model.images import read_photo
from colorization.provenance import SENTENCE, SOURCE_TYPE

from .drawn_files import draw_grey, grey_tags, tiff

SUFFIXES = (".jpg", ".png", ".tif", ".webp")
HOSTILE = {
    "DNG version": {50706: (1, [1, 4, 0, 0])},
    "white level": {50717: (4, [65_535])},
    "color matrix": {50721: (10, [1, 1] * 9)},
    "decode": {433: (5, [0, 1] * 6)},
    "layers": {37724: (7, b"Adobe Photoshop Document Data Block\0" + bytes(300_000))},
    "resources": {34377: (1, bytes(120_000))},
    "own XMP": {700: (1, b"<x:xmpmeta>" + b"x" * 70_000)},
    "long artist": {315: (2, b"a" * 70_000 + b"\0")},
    "thumbnail": {513: (4, [8]), 514: (4, [50])},
    "jpeg tables": {347: (7, bytes(64))},
    "exif that points nowhere": {34665: (4, [0xFFFFFF0])},
    "gps that points to itself": {34853: (4, [8])},
    "texts of a wrong type": {270: (3, [7, 8, 9]), 271: (12, [1.0]), 306: (5, [1, 0])},
    "resolution over 0": {282: (5, [300, 0]), 283: (5, [0, 0]), 296: (3, [2])},
    "sub-directories": {330: (13, [0xFFFF])},
    "unknown": {65_000: (7, bytes(1000))},
}


def read_back(path: Path) -> dict:
    """All facts of a file by group and name as exiftool has them; without it, as tifffile reads the same block."""
    if shutil.which("exiftool") is None:
        return read_block(path)
    result = subprocess.run(["exiftool", "-json", "-G1", "-n", str(path)], capture_output=True, check=True)
    return json.loads(result.stdout)[0]


NAMES = {
    **{"DateTime": "ModifyDate", "ISOSpeedRatings": "ISO", "ExposureBiasValue": "ExposureCompensation"},
    **{"PixelXDimension": "ExifImageWidth", "PixelYDimension": "ExifImageHeight"},
}


def read_block(path: Path) -> dict:
    content, name = path.read_bytes(), path.suffix
    start = {".jpg": b"Exif\0\0", ".png": b"eXIf", ".webp": b"EXIF"}.get(name)
    block = content
    if start:
        block = content[content.index(start, 20) + len(start) + 4 * (name == ".webp") :]
    block = block.removeprefix(b"Exif\0\0")
    facts = {}
    with tifffile.TiffFile(io.BytesIO(block)) as file:
        for tag in file.pages[0].tags:
            group = {34665: "ExifIFD", 34853: "GPS"}.get(tag.code, "IFD0")
            found = tag.value if isinstance(tag.value, dict) else {tag.name: tag.value}
            for key, value in found.items():
                numbers = isinstance(value, tuple) and len(value) in (2, 6) and group + key != "IFD0BitsPerSample"
                parts = [a / b for a, b in zip(value[::2], value[1::2], strict=True)] if numbers else [value]
                one = parts[0] if len(parts) == 1 else sum(part / 60**place for place, part in enumerate(parts))
                facts[f"{group}:{NAMES.get(key, key)}"] = one
    if source := re.search(rb'Iptc4xmpExt:DigitalSourceType="([^"]*)"', content):
        facts["XMP-iptcExt:DigitalSourceType"] = source[1].decode()
    return facts


def photograph(path: Path, dpi: float = 300.0) -> Path:
    exif = Image.Exif()
    exif.update({270: "a valley", 271: "a maker", 272: "a model", 274: 6, 306: "2001:02:03 04:05:06"})
    exif.update({315: "a person", 33432: "whose it is", 282: dpi, 283: dpi, 296: 2, 305: "old software"})
    inner = {36867: "2001:02:03 04:05:06", 33434: 0.01, 33437: 8.0, 34855: 200, 37386: 50.0, 37380: -0.5}
    exif.get_ifd(34665).update({**inner, 40962: 9999, 40963: 9999, 37500: b"maker's note"})
    exif.get_ifd(34853).update({1: "N", 2: (47.0, 30.0, 15.0), 3: "W", 4: (8.0, 1.0, 2.5), 5: b"\0", 6: 400.0})
    picture = Image.fromarray(draw_grey(48, 32))
    picture.save(path, exif=exif)
    if path.suffix == ".tif":  # Pillow leaves the nested directories out of an argument
        inner = {34665: dict(exif.get_ifd(34665)), 34853: dict(exif.get_ifd(34853))}
        picture.save(path, tiffinfo=dict(exif) | inner)
    return path


def copy_of(photo, path: Path, **options) -> Path:
    picture = Image.fromarray(photo.rgb)
    picture.info["exif"] = photo.exif
    return save_picture(picture, path, **options)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("source", [".jpg", ".png", ".tif", ".webp"])
def test_facts_survive_every_way(source, suffix, tmp_path):
    photo = read_photo(photograph(tmp_path / f"in{source}"))
    facts = read_back(copy_of(photo, tmp_path / f"out{suffix}"))
    assert facts["IFD0:ImageDescription"] == f"a valley {SENTENCE}"
    assert facts["IFD0:Make"] == "a maker" and facts["IFD0:Model"] == "a model"
    assert facts["IFD0:Artist"] == "a person" and facts["IFD0:Copyright"] == "whose it is"
    assert facts["IFD0:ModifyDate"] == facts["ExifIFD:DateTimeOriginal"] == "2001:02:03 04:05:06"
    assert facts["ExifIFD:ExposureTime"] == pytest.approx(0.01) and facts["ExifIFD:ISO"] == 200
    assert facts["ExifIFD:ExposureCompensation"] == pytest.approx(-0.5)
    assert facts["GPS:GPSLatitude"] == pytest.approx(47 + 30 / 60 + 15 / 3600)
    assert facts["GPS:GPSLatitudeRef"] == "N" and facts["GPS:GPSLongitudeRef"] == "W"
    assert facts["GPS:GPSLongitude"] == pytest.approx(8 + 1 / 60 + 2.5 / 3600)
    assert (facts["ExifIFD:ExifImageWidth"], facts["ExifIFD:ExifImageHeight"]) == (32, 48)
    assert facts.get("IFD0:Orientation", 1) == 1 and facts["IFD0:XResolution"] == 300
    assert facts["IFD0:Software"] == "Landscape Colorizer"
    assert facts["XMP-iptcExt:DigitalSourceType"] == SOURCE_TYPE
    assert not any("MakerNote" in name or "IFD1" in name for name in facts)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_provenance_can_be_left_out(suffix, tmp_path):
    photo = read_photo(photograph(tmp_path / "in.jpg"))
    facts = read_back(copy_of(photo, tmp_path / f"out{suffix}", provenance=False))
    assert facts["IFD0:ImageDescription"] == "a valley" and "IFD0:Software" not in facts
    assert not any(name.startswith("XMP") for name in facts)


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".bmp"])
def test_resolution_is_kept(suffix, tmp_path):
    for source, dpi in ((".jpg", 254.0), (".png", 600.0), (".tif", 1200.0), (".bmp", 150.0)):
        Image.fromarray(draw_grey(48, 32)).save(tmp_path / f"in{source}", dpi=(dpi, dpi))
        path = copy_of(read_photo(tmp_path / f"in{source}"), tmp_path / f"out{suffix}")
        if suffix == ".webp":  # has no field of its own
            assert read_back(path)["IFD0:XResolution"] == pytest.approx(dpi, abs=0.1)
            continue
        with Image.open(path) as picture:
            assert picture.info["dpi"] == pytest.approx((dpi, dpi), rel=1e-3)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", HOSTILE)
def test_no_tag_costs_the_picture(kind, order, tmp_path):
    grey = draw_grey(37, 25)
    (tmp_path / "in.tif").write_bytes(tiff(grey.tobytes(), grey_tags(37, 25, 8) | HOSTILE[kind], order))
    photo = read_photo(tmp_path / "in.tif")
    assert np.array_equal(photo.rgb[..., 0], grey)
    allowed = {254, 256, 257, 258, 259, 262, 270, 271, 272, 273, 277, 278, 279, 282, 283, 284, 296, 305, 306, 315}
    for suffix in (*SUFFIXES, ".bmp"):
        path = copy_of(photo, tmp_path / f"out{suffix}")
        again = read_photo(path)
        assert again.rgb.shape == photo.rgb.shape and path.stat().st_size < 60_000
    with Image.open(tmp_path / "out.tif") as picture:
        assert set(picture.tag_v2) <= allowed | {317, 700, 33432, 34665, 34675, 34853}


def test_pages_of_a_tiff_are_written_one_by_one(tmp_path, landscape):
    pages = [landscape.rotate(90 * number, expand=True) for number in range(4)]
    path = save_picture(pages[0], tmp_path / "book.tif", more_pages=(page for page in pages[1:]))
    for number, page in enumerate(pages):
        photo = read_photo(path, page=number)
        assert photo.pages == 4 and np.array_equal(photo.rgb, np.asarray(page))
    assert read_back(path)["IFD0:Software"] == "Landscape Colorizer"


def test_letters_beyond_ascii_survive(tmp_path):
    for text in ("Zürich", "風景", "ω"):
        content = tiff(draw_grey(37, 25).tobytes(), grey_tags(37, 25, 8) | {315: (2, text.encode() + b"\0")})
        for suffix in SUFFIXES:
            facts = read_back(copy_of(read_photo(content), tmp_path / f"out{suffix}"))
            assert facts["IFD0:Artist"] == text


def test_a_description_is_said_once_however_often_it_is_colored(tmp_path):
    path = photograph(tmp_path / "0.jpg")
    for number in (1, 2, 3):
        path = copy_of(read_photo(path), tmp_path / f"{number}.jpg")
    assert read_back(path)["IFD0:ImageDescription"].count(SENTENCE) == 1


def test_a_jpeg_segment_is_never_too_long(tmp_path):
    exif = Image.Exif()
    exif.update({tag: "x" * 7900 for tag in (270, 271, 272, 306, 315, 33432)})
    exif.get_ifd(34665).update({tag: "y" * 7900 for tag in (36867, 36868, 36880, 42035, 42036)})
    Image.fromarray(draw_grey(48, 32)).save(tmp_path / "in.webp", exif=exif)
    for suffix in SUFFIXES:
        path = copy_of(read_photo(tmp_path / "in.webp"), tmp_path / f"out{suffix}")
        assert read_photo(path).width == 48
