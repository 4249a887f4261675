"""Old prints: plain borders stay neutral and do not disturb the rest, skies are no borders, tones go or stay."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFilter

from colorization.model import color
from colorization.model.images import read_photo
from colorization.model.scan_borders import draw_outline, find_outline, find_picture
from colorization.model.tone import tone_of

from ..conftest import draw_landscape


def draw_plate(
    level: int, box: tuple[int, int, int, int], size: tuple[int, int] = (400, 300), noise: float = 1.5, blur: float = 0
) -> Image.Image:
    """A grey landscape on a plate of one grey, with the grain and the soft edge of a scan."""
    plate = Image.new("L", size, level)
    plate.paste(draw_landscape(box[2] - box[0], box[3] - box[1]).convert("L"), box[:2])
    if blur:
        plate = plate.filter(ImageFilter.GaussianBlur(blur))
    grain = np.random.default_rng(0).normal(0, noise, (size[1], size[0]))
    return Image.fromarray((np.asarray(plate) + grain).clip(0, 255).astype(np.uint8))


def found(picture: Image.Image) -> tuple[int, int, int, int]:
    return find_picture(np.array(picture.convert("RGB")))


@pytest.mark.parametrize("level", [3, 250, 200])
@pytest.mark.parametrize("blur", [0, 0.8])
def test_a_frame_is_found(level, blur):
    box = (30, 20, 360, 280)
    assert np.abs(np.subtract(found(draw_plate(level, box, blur=blur)), box)).max() <= 2


@pytest.mark.parametrize("box", [(0, 30, 400, 270), (40, 0, 380, 300), (12, 30, 400, 270)])
@pytest.mark.parametrize("level", [3, 252])
def test_two_opposite_sides_are_enough_for_black_and_white(level, box):
    assert np.abs(np.subtract(found(draw_plate(level, box)), box)).max() <= 2


@pytest.mark.parametrize("box", [(0, 30, 400, 300), (0, 0, 370, 300), (30, 20, 400, 300)])
def test_one_side_or_two_neighbors_are_no_border(box):
    assert found(draw_plate(250, box)) == (0, 0, 400, 300)


def test_grey_bars_on_two_sides_are_no_border():
    assert found(draw_plate(120, (0, 30, 400, 270))) == (0, 0, 400, 300)


def test_a_print_on_a_mount_on_a_scanner():
    scan = Image.new("L", (500, 400), 2)
    scan.paste(draw_plate(200, (30, 20, 360, 280)), (50, 50))
    assert np.abs(np.subtract(found(scan), (80, 70, 410, 330))).max() <= 2


@pytest.mark.slow
def test_large_plates_are_found_to_a_few_pixels():
    box = (120, 90, 2900, 1900)
    inside = found(draw_plate(245, box, size=(3000, 2000)))
    assert np.abs(np.subtract(inside, box)).max() <= 4
    # Never outside of the picture: a fringe of color on the paper would show.
    assert inside[0] >= box[0] and inside[1] >= box[1] and inside[2] <= box[2] and inside[3] <= box[3]


def draw_askew(
    angle: float, level: int, ground: int | None = None, written: bool = False, grows: bool = False
) -> tuple[Image.Image, np.ndarray]:
    """A plate turned by some degrees, and how much of each pixel is picture, 0 to 255.

    Args:
        angle: in degrees, counterclockwise.
        level: of the plate's border; ``ground`` of what it lies on, None for the same.
        written: whether a line is written in the lower margin.
        grows: whether all of the plate is in the scan, else its corners are cut off.
    """
    size, box = (640, 480), (60, 50, 580, 430)
    plate, picture = draw_plate(level, box, size, noise=0), Image.new("L", size)
    picture.paste(255, box)
    if written:
        ink = 60 if level > 128 else 200
        ImageDraw.Draw(plate).text((80, 445), "Valley near the lake, looking north, 1898    No. 27", ink)
    fill = level if ground is None else ground
    scan = plate.rotate(angle, Image.Resampling.BICUBIC, grows, fillcolor=fill).filter(ImageFilter.GaussianBlur(0.7))
    grain = np.random.default_rng(0).normal(0, 1.5, (scan.height, scan.width))
    scan = Image.fromarray((np.asarray(scan) + grain).clip(0, 255).astype(np.uint8))
    return scan, np.asarray(picture.rotate(angle, Image.Resampling.BILINEAR, grows))


def neutral_and_cut(scan: Image.Image, picture: np.ndarray) -> tuple[float, float]:
    """Shares of the border that stays neutral, and of the picture that is taken for border."""
    inside, corners = find_outline(np.array(scan.convert("RGB")))
    left, top, right, bottom = inside
    found = np.zeros(picture.shape, bool)
    found[top:bottom, left:right] = (
        True if corners is None else np.asarray(draw_outline(corners, scan.size, inside)) > 0
    )
    return 1 - found[picture == 0].mean(), 1 - found[picture == 255].mean()


@pytest.mark.parametrize("angle", [-3, -1.7, -0.5, 0.5, 1, 3])
@pytest.mark.parametrize("level", [6, 248, 200])
@pytest.mark.parametrize("written", [False, True])
def test_a_plate_askew(angle, level, written):
    neutral, cut = neutral_and_cut(*draw_askew(angle, level, written=written))
    assert neutral > 0.97 and cut < 0.01


@pytest.mark.parametrize("grows", [False, True])
@pytest.mark.parametrize(("level", "ground"), [(245, 3), (8, 250)])
@pytest.mark.parametrize("angle", [-3, 1, 2])
def test_a_plate_askew_on_the_ground_of_a_scanner(angle, level, ground, grows):
    neutral, cut = neutral_and_cut(*draw_askew(angle, level, ground, grows=grows))
    assert neutral > 0.97 and cut < 0.01


def test_a_straight_plate_has_no_corners():
    assert find_outline(np.array(draw_plate(250, (30, 20, 360, 280)).convert("RGB")))[1] is None


def test_the_border_of_a_plate_askew_stays_neutral(tiny_pipeline):
    scan, picture = draw_askew(2, 248)
    said = tiny_pipeline.analyze(scan)
    assert said.outline is not None
    result = np.asarray(tiny_pipeline(scan)).astype(int)
    tinted = np.ptp(result, axis=2) > 0
    assert tinted[picture == 0].mean() < 0.02 and tinted[picture == 255].mean() > 0.9
    again = tiny_pipeline.apply_ab(read_photo(scan), said.ab)
    assert np.array_equal(np.asarray(again), result)


def gradient(height: int, top: float, bottom: float) -> np.ndarray:
    return np.repeat(np.linspace(top, bottom, height)[:, None], 400, axis=1)


@pytest.mark.parametrize(
    "grey",
    [
        np.concatenate((gradient(150, 255, 225), gradient(150, 150, 252))),  # white sky, snow that becomes as white
        np.concatenate((gradient(60, 253, 253), gradient(200, 90, 120), gradient(40, 30, 20))),  # white sky alone
        np.concatenate((gradient(140, 180, 150), gradient(20, 60, 60), gradient(140, 150, 180))),  # a lake as its sky
        np.concatenate((gradient(100, 2, 60), gradient(100, 60, 60), gradient(100, 60, 2))),  # vignetting
        gradient(300, 250, 250),
        gradient(300, 0, 0),
        gradient(300, 120, 121),
    ],
)
def test_skies_snow_lakes_and_blank_pictures_have_no_border(grey):
    noise = np.random.default_rng(0).normal(0, 1, grey.shape)
    assert found(Image.fromarray((grey + noise).clip(0, 255).astype(np.uint8))) == (0, 0, 400, 300)


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (400, 2), (2, 400)])
def test_tiny_pictures_have_no_border(size):
    assert found(Image.new("L", size, 255)) == (0, 0, *size)


def test_the_border_stays_neutral_and_does_not_disturb_the_rest(tiny_pipeline):
    box = (30, 20, 360, 280)
    plate = draw_plate(250, box, noise=0)
    inside = found(plate)
    result = np.asarray(tiny_pipeline(plate)).astype(int)
    left, top, right, bottom = inside
    paper = np.ones(result.shape[:2], bool)
    paper[top:bottom, left:right] = False
    assert np.ptp(result[paper], axis=1).max() == 0
    assert np.abs(result[paper] - np.asarray(plate.convert("RGB"))[paper].astype(int)).max() <= 1
    alone = np.asarray(tiny_pipeline(plate.crop(inside), borders=False))
    assert np.array_equal(result[top:bottom, left:right], alone)
    # And without looking for it, the paper would be colored.
    assert np.ptp(np.asarray(tiny_pipeline(plate, borders=False)).astype(int)[paper], axis=1).max() > 0


def test_predict_then_apply_and_points_on_a_plate(guided_pipeline):
    plate, photo = draw_plate(4, (30, 20, 360, 280), noise=0), None
    photo = read_photo(plate)
    said = guided_pipeline.analyze(photo)
    assert said.inside == found(plate)
    applied = guided_pipeline.apply_ab(photo, guided_pipeline.analyze(photo).ab)
    assert np.array_equal(np.asarray(applied), np.asarray(guided_pipeline(photo)))
    assert said.suggest_colors((100, 100))
    for asked in (lambda: said.suggest_colors((5, 5)), lambda: guided_pipeline(photo, hints=[((5, 5), "#ff0000")])):
        with pytest.raises(ValueError, match="in the border of the scan"):
            asked()
    # A point is counted from the corner of the scan, not of the picture in it.
    left, top, right, bottom = said.inside
    inner = photo.rgb[top:bottom, left:right]
    one = guided_pipeline.analyze(photo, hints=[((100, 90), "#ff0000")]).ab
    other = guided_pipeline.analyze(Image.fromarray(inner), hints=[((100 - left, 90 - top), "#ff0000")], borders=False)
    assert torch.equal(one, other.ab)


def tone_print(grey: Image.Image, chroma: float = 18.0) -> Image.Image:
    """A sepia print: hue of 70 degrees, strongest at middle lightness, as toned prints are."""
    light = color.lightness(torch.from_numpy(np.array(grey.convert("RGB"))))
    strength = chroma * (1 - (light / 50 - 1) ** 2)
    return Image.fromarray(color.join(light, torch.stack((0.34 * strength, 0.94 * strength))).numpy())


def ab_of(picture: Image.Image) -> torch.Tensor:
    return color.rgb_to_lab(torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255)[1:]


def test_the_tone_does_not_survive(tiny_pipeline, landscape):
    grey = landscape.convert("L")
    from_grey, from_sepia = (np.asarray(tiny_pipeline(source)).astype(int) for source in (grey, tone_print(grey)))
    assert np.abs(from_grey - from_sepia).mean() < 1
    assert np.ptp(np.asarray(tiny_pipeline(tone_print(grey), saturation=0)), axis=2).max() == 0


def test_the_tone_stays_where_it_is_wanted(tiny_pipeline, landscape):
    sepia = tone_print(landscape.convert("L"))
    kept, gone = (
        ab_of(tiny_pipeline(sepia, saturation=0.2, keep_tone=True)),
        ab_of(tiny_pipeline(sepia, saturation=0.2)),
    )
    added, tone = (kept - gone).mean(dim=(1, 2)), ab_of(sepia).mean(dim=(1, 2))
    assert torch.allclose(added, tone, atol=2)
    # With no color of its own, the result is the print.
    back = np.asarray(tiny_pipeline(sepia, keep_tone=True, saturation=0)).astype(int)
    assert np.abs(back - np.asarray(sepia)).mean() < 2


def test_what_has_a_tone(landscape):
    grey = landscape.convert("L")
    assert tone_of(np.array(grey.convert("RGB"))) is None
    assert tone_of(np.array(landscape)) is None  # blue and green do not follow from lightness
    tone = tone_of(np.array(tone_print(grey)))
    assert tone.shape == (2, 101)
    assert tone[1, 50] == pytest.approx(0.94 * 18, abs=2) and tone[0, 50] == pytest.approx(0.34 * 18, abs=2)


def test_keep_tone_changes_nothing_on_grey_and_color(tiny_pipeline, landscape):
    for source in (landscape, landscape.convert("L")):
        assert np.array_equal(np.asarray(tiny_pipeline(source, keep_tone=True)), np.asarray(tiny_pipeline(source)))
