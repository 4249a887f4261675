"""What is done to pictures before they train, and in which order they come."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from colorization.data.crops import Crops, RunOrder
from colorization.data.pictures import load_pictures
from colorization.data.transforms import Degradation, View, degrade, random_view
from colorization.model import color


def test_ageing_changes_luminance_only_in_range_and_by_seed():
    lab = color.rgb_to_lab(torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
    lightness, ab = lab[:, :1], lab[:, 1:].clone()
    how = Degradation(probability=1.0)
    aged = degrade(lightness, how, torch.Generator().manual_seed(1))
    assert aged.shape == lightness.shape and aged.min() >= 0 and aged.max() <= 100
    assert not torch.allclose(aged, lightness)
    assert torch.equal(lab[:, 1:], ab)
    assert torch.equal(aged, degrade(lightness, how, torch.Generator().manual_seed(1)))
    untouched = degrade(lightness, Degradation(probability=0.0), torch.Generator().manual_seed(1))
    assert torch.allclose(untouched, lightness, atol=1e-4)


@pytest.fixture
def ramp():
    """Brightness rises from left to right and color from top to bottom; no black anywhere."""
    ramp = Image.merge("RGB", [Image.linear_gradient("L").rotate(90)] * 2 + [Image.linear_gradient("L")])
    return ramp.point(lambda value: 40 + value * 0.8)


def test_crops_are_upright_true_to_aspect_and_without_borders(ramp):
    # A crop may mirror the brightness, never the color.
    generator = torch.Generator().manual_seed(0)
    mirrored = 0
    for _ in range(40):
        crop = random_view(ramp, 32, View(0.3), generator)
        assert crop.size == (32, 32) and min(low for low, _ in crop.getextrema()) >= 38
        assert crop.getpixel((16, 31))[2] > crop.getpixel((16, 0))[2]
        mirrored += crop.getpixel((0, 16))[0] > crop.getpixel((31, 16))[0]
        # Same scale both ways: the two ramps have the same slope.
        across = abs(crop.getpixel((31, 16))[0] - crop.getpixel((0, 16))[0])
        assert abs(across - (crop.getpixel((16, 31))[2] - crop.getpixel((16, 0))[2])) <= 6
    assert 8 < mirrored < 32


def test_habits_of_earlier_systems_do_what_they_are_blamed_for(ramp):
    views = [random_view(ramp, 32, View(1.0, vertical_flip=True), torch.Generator().manual_seed(n)) for n in range(40)]
    upside_down = sum(view.getpixel((16, 31))[2] < view.getpixel((16, 0))[2] for view in views)
    assert 8 < upside_down < 32
    turned = random_view(ramp, 32, View(1.0, rotation=15), torch.Generator().manual_seed(0))
    assert min(turned.getpixel(corner) for corner in ((0, 0), (31, 0), (0, 31), (31, 31))) == (0, 0, 0)
    wide = ramp.resize((256, 128))
    squashed = random_view(wide, 32, View(1.0, squash=True), torch.Generator().manual_seed(0))
    # All of the picture is there, in a square.
    assert abs(abs(squashed.getpixel((31, 16))[0] - squashed.getpixel((0, 16))[0]) - 204) < 16
    jittered = [random_view(ramp, 32, View(1.0, jitter=0.5), torch.Generator().manual_seed(n)) for n in range(8)]
    assert len({picture.getpixel((16, 16)) for picture in jittered}) == 8


def test_order_shows_every_picture_once_a_round_and_sizes_in_turn():
    batches = list(RunOrder(count=10, total=60, batch_size=5, sizes=(32, 64), seed=0, start=0))
    seen = [index for batch in batches for index, _, _ in batch]
    for first in range(0, 60, 10):
        assert sorted(seen[first : first + 10]) == list(range(10))
    assert seen[:10] != seen[10:20]
    assert {size for batch in batches[:6] for _, _, size in batch} == {32}
    assert {size for batch in batches[6:] for _, _, size in batch} == {64}
    assert list(RunOrder(count=10, total=60, batch_size=5, sizes=(32, 64), seed=0, start=25)) == batches[5:]


def test_order_of_a_divided_run_is_that_of_the_whole():
    common = dict(count=10, total=60, batch_size=6, sizes=(32,), seed=0, start=0)
    whole = list(RunOrder(**common))
    first, second = (list(RunOrder(**common, parts=2, own=[number])) for number in range(2))
    assert [a + b for a, b in zip(first, second, strict=True)] == whole
    steps = list(RunOrder(**common, parts=2))
    assert [a + b for a, b in zip(steps[::2], steps[1::2], strict=True)] == whole
    assert len(steps) == len(RunOrder(**common, parts=2)) == 20


def test_phases_add_pictures_to_those_before():
    order = RunOrder(count=20, total=120, batch_size=5, sizes=(32,), seed=0, start=0, shares=(0.25, 1.0))
    seen = [index for batch in order for index, _, _ in batch]
    small = set(seen[:60])
    assert len(small) == 5 and sorted(seen[60:80]) == list(range(20))


def test_crop_depends_on_its_place_alone(data):
    pictures = load_pictures(str(data), "train")
    crops = Crops(pictures, View(0.3), seed=0)
    assert torch.equal(crops[(3, 7, 32)], crops[(3, 7, 32)])
    assert not torch.equal(crops[(3, 7, 32)], crops[(3, 8, 32)])
