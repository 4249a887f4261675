"""Several pictures on one scan: halves of a stereo card are colored alike, photographs on a page each by itself."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from colorization.model.images import read_photo
from colorization.model.scan_pages import find_scan

from ..conftest import draw_landscape

LEFT, RIGHT = (20, 24, 220, 234), (232, 24, 432, 234)


def with_grain(page: Image.Image) -> Image.Image:
    grain = np.random.default_rng(0).normal(0, 1.5, (page.height, page.width))
    return Image.fromarray((np.asarray(page) + grain).clip(0, 255).astype(np.uint8))


def draw_view(seed: int, width: int, height: int) -> Image.Image:
    """A grey landscape with rocks, other ones for each seed."""
    picture = draw_landscape(width, height).convert("L")
    chance, brush = np.random.default_rng(seed), ImageDraw.Draw(picture)
    for _ in range(40):
        x, y = chance.integers(0, width), chance.integers(height // 3, height)
        size = int(chance.integers(3, width // 10))
        brush.ellipse((x, y, x + size, y + size // 2), fill=int(chance.integers(20, 200)))
    return picture


def draw_stereo_card(level: int, same: bool = True) -> Image.Image:
    card = Image.new("L", (452, 258), level)
    near = draw_view(1, 230, 210)
    card.paste(near.crop((0, 0, 200, 210)), LEFT[:2])
    # What is nearer moves farther: the lower half once more.
    second = near.crop((4, 0, 204, 210))
    second.paste(near.crop((9, 105, 209, 210)), (0, 105))
    card.paste(second if same else draw_view(2, 200, 210), RIGHT[:2])
    return with_grain(card)


PLACES = ((30, 40, 290, 220), (330, 60, 570, 230), (50, 300, 270, 460), (320, 290, 580, 470))


def draw_page(level: int) -> Image.Image:
    page = Image.new("L", (620, 540), level)
    brush = ImageDraw.Draw(page)
    for number, (left, top, right, bottom) in enumerate(PLACES):
        page.paste(draw_view(number, right - left, bottom - top), (left, top))
        brush.text((left + 10, bottom + 12), "By the lake, 1912", fill=60 if level > 100 else 210)
    return with_grain(page)


def far(found: tuple, expected: tuple) -> int:
    return int(np.abs(np.subtract(sorted(found), sorted(expected))).max())


@pytest.mark.parametrize("level", [225, 120, 8])
def test_the_halves_of_a_stereo_card_are_found(level):
    scan = find_scan(np.array(draw_stereo_card(level).convert("RGB")))
    assert scan.alike and len(scan.pictures) == 2 and far(scan.pictures, (LEFT, RIGHT)) <= 2
    other = find_scan(np.array(draw_stereo_card(level, same=False).convert("RGB")))
    assert not other.alike


@pytest.mark.parametrize("ground", [None, 3])
@pytest.mark.parametrize("level", [245, 200, 10])
def test_the_photographs_of_a_page_are_found(level, ground):
    page, shift = draw_page(level), 0
    if ground is not None and level != 10:
        whole, shift = Image.new("L", (700, 620), ground), 40
        whole.paste(page, (shift, shift))
        page = with_grain(whole)
    scan = find_scan(np.array(page.convert("RGB")))
    places = tuple(tuple(at + shift for at in place) for place in PLACES)
    assert not scan.alike and len(scan.pictures) == 4 and far(scan.pictures, places) <= 2


def test_large_pages_never_reach_beyond_the_photographs():
    page = draw_page(240).resize((2480, 2160), Image.Resampling.BICUBIC)
    found = sorted(find_scan(np.array(page.convert("RGB"))).pictures)
    assert len(found) == 4
    for inner, outer in zip(found, sorted(PLACES), strict=True):
        outer = tuple(4 * at for at in outer)
        assert inner[0] >= outer[0] and inner[1] >= outer[1] and inner[2] <= outer[2] and inner[3] <= outer[3]
        assert far((inner,), (outer,)) <= 12


def test_one_picture_is_not_cut():
    framed = Image.new("L", (460, 360), 245)
    framed.paste(draw_view(3, 400, 300), (30, 30))
    for picture in (draw_view(3, 400, 200), with_grain(framed), Image.new("L", (400, 300), 240)):
        assert find_scan(np.array(picture.convert("RGB"))).pictures == ()


def test_halves_are_colored_alike_and_the_gap_stays_neutral(tiny_pipeline):
    card = draw_stereo_card(225)
    prediction = tiny_pipeline.analyze(card)
    assert len(prediction.outline) == 2
    result = np.asarray(tiny_pipeline(card)).astype(int)
    paper = np.ones(result.shape[:2], bool)
    for box in (LEFT, RIGHT):
        paper[box[1] : box[3], box[0] : box[2]] = False
    assert np.ptp(result, axis=2)[paper].max() == 0
    assert np.ptp(result, axis=2)[~paper].mean() > 1
    left, _, right, _ = prediction.inside
    cells = round((LEFT[2] - LEFT[0] - 2) / (right - left) * prediction.ab.shape[2])
    first, second = prediction.ab[..., :cells], prediction.ab[..., -cells:]
    assert (first - second).abs().max() < 0.1 * first.abs().max()
    again = tiny_pipeline.apply_ab(read_photo(card), prediction.ab)
    assert np.array_equal(np.asarray(again), result)


def test_each_photograph_of_a_page_is_colored_as_its_own(tiny_pipeline):
    page = draw_page(245)
    result = np.asarray(tiny_pipeline(page)).astype(int)
    paper = np.ones(result.shape[:2], bool)
    for left, top, right, bottom in PLACES:
        paper[top:bottom, left:right] = False
    for box in find_scan(np.array(page.convert("RGB"))).pictures:
        left, top, right, bottom = box
        own = np.asarray(tiny_pipeline(page.crop(box), borders=False)).astype(int)
        difference = np.abs(result[top:bottom, left:right] - own)[4:-4, 4:-4].mean()
        assert difference < 0.2 * np.ptp(own, axis=2).mean()
    assert np.ptp(result, axis=2)[paper].max() == 0


def test_points_and_variants_on_a_page(guided_pipeline):
    page = draw_page(245)
    photo = read_photo(page)
    left, top, _, _ = PLACES[3]
    plain, pointed = (
        np.asarray(guided_pipeline(page, hints=hints)).astype(int)
        for hints in ((), [((left + 60, top + 80), "#ff0000")])
    )
    changed = np.abs(plain - pointed).max(axis=2)
    assert changed[PLACES[3][1] : PLACES[3][3], PLACES[3][0] : PLACES[3][2]].max() > 0
    for left, top, right, bottom in PLACES[:3]:
        assert changed[top:bottom, left:right].max() <= 2
    with pytest.raises(ValueError, match="in the border of the scan"):
        guided_pipeline(page, hints=[((310, 250), "#ff0000")])
    prediction = guided_pipeline.analyze(photo)
    assert len(prediction.variants(3)) == 3 and prediction.confidence
    assert prediction.suggest_colors((left + 60, top + 80))
    together = guided_pipeline([page, draw_view(5, 120, 80)], batch_size=4)
    assert [picture.size for picture in together] == [page.size, (120, 80)]
    assert np.abs(np.asarray(together[0]).astype(int) - plain).mean() < 1
