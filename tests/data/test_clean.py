"""Measures and filters against closed forms and drawn pictures."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from colorization.data.clean import Filters, border_share, measure, perceptual_hashes, verdict
from colorization.model.images import read_picture

from .landscapes import encoded, landscape


def photo(picture: Image.Image, quality: int = 90) -> Image.Image:
    return read_picture(encoded(picture, quality))


def reason(picture: Image.Image, filters: Filters | None = None) -> str:
    columns = measure([photo(picture)])
    return verdict({name: values[0] for name, values in columns.items() if name != "signature"}, filters or Filters())[
        0
    ]


def test_measures_of_one_color_are_those_of_that_color():
    columns = measure([Image.new("RGB", (120, 100), "red")])
    assert (columns["width"][0], columns["height"][0]) == (120, 100)
    assert columns["lightness"][0] == pytest.approx(53.24, abs=0.02)  # CIE Lab of the red of sRGB
    assert columns["mean_chroma"][0] == pytest.approx(104.55, abs=0.05)
    assert columns["colorfulness"][0] == pytest.approx(0.3 * np.hypot(255, 127.5), rel=1e-4)
    assert columns["chroma_spread"][0] == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("seed", range(6))
def test_color_is_kept_and_every_tint_of_grey_is_found(seed: int):
    picture = landscape(seed)
    assert reason(picture) == ""
    grey = np.asarray(picture.convert("L"), float) / 255
    for tint in (
        np.stack([grey] * 3, -1),
        np.stack([1.07 * grey, 0.95 * grey, 0.76 * grey], -1),  # sepia
        0.2 + 0.8 * grey[..., None] * (0.8, 0.9, 1.0),  # cyanotype, faded
    ):
        assert reason(Image.fromarray((tint.clip(0, 1) * 255).astype(np.uint8))) == "monochrome"


def test_each_filter_has_its_own_reason():
    picture = landscape(3)
    framed = Image.new("RGB", (240, 200), "white")
    framed.paste(picture, (24, 28))
    assert reason(framed) == "border"
    assert reason(picture.resize((80, 60))) == "too small"
    assert reason(picture.resize((480, 100))) == "extreme aspect"
    assert reason(picture.point(lambda v: v // 16)) == "too dark"
    assert reason(picture.point(lambda v: 246 + v // 28)) == "too bright"
    assert reason(picture, Filters(min_colorfulness=200)) == "low colorfulness"


@pytest.mark.parametrize("seed", range(8))
def test_no_frame_is_missed_by_looking_at_three_pixels_of_a_side(seed: int):
    rng = np.random.default_rng(seed)
    rgb = np.asarray(landscape(seed)).copy()
    bars, axis = rng.integers(6, 30), seed % 2
    for side in (slice(None, bars), slice(-bars, None)):
        place = (side, slice(None)) if axis else (slice(None), side)
        rgb[place] = 90 + rng.integers(-6, 7, rgb[place].shape)  # grain within the tolerance
    share = measure([Image.fromarray(rgb)])["border"][0]
    assert share == pytest.approx(border_share(rgb)) and share > 0.05


def test_a_clear_sky_is_no_border():
    rgb = np.asarray(landscape(4)).copy()
    rgb[:40] = (120, 170, 230)
    assert border_share(rgb) == 0
    rgb[-40:] = (120, 170, 230)
    assert border_share(rgb) == pytest.approx(80 / 144)


def test_hash_of_the_mirror_image_is_the_mirrored_hash():
    grey = np.random.default_rng(0).random((5, 32, 32)).astype(np.float32)
    plain, mirrored = perceptual_hashes(grey)
    assert (perceptual_hashes(grey[:, :, ::-1])[0] == mirrored).all()
    assert (plain != mirrored).all()
