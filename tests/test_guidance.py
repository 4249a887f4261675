"""What a person adds: colours at points and a palette; and what the pipeline says of its choices."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from colorization import ColorizationImageProcessor, color
from colorization.ab_bins import ab_centres

from .conftest import draw_landscape


@pytest.fixture
def processor() -> ColorizationImageProcessor:
    return ColorizationImageProcessor(working_size=64)


def ab_of(rgb: tuple[int, int, int]) -> torch.Tensor:
    return color.rgb_to_lab(torch.tensor(rgb).float()[:, None, None] / 255)[1:, 0, 0]


@pytest.mark.parametrize("size", [(120, 80), (80, 120), (4000, 3000), (1, 900), (7, 5)])
def test_hints_have_the_size_of_the_working_picture(processor, size):
    pixel_values = processor(Image.new("L", size))["pixel_values"]
    hints = processor.make_hints([], size)
    assert hints.shape == (1, 3, pixel_values.shape[2] // 4, pixel_values.shape[3] // 4)
    assert not hints.any()
    corners = processor.make_hints([((x, y), "#102030") for x in (0, 1) for y in (0, 1)], size, relative=True)[0, 2]
    assert corners[[0, 0, -1, -1], [0, -1, 0, -1]].eq(1).all()


def test_a_hint_stands_where_and_as_it_was_given(processor):
    size, colour = (120, 80), (200, 40, 90)
    hints = processor.make_hints([((90, 20), colour)], size)[0]
    (place,) = hints[2].nonzero().tolist()
    rows, columns = hints.shape[1:]
    assert place == [int(20.5 / 80 * rows), int(90.5 / 120 * columns)]
    assert torch.allclose(hints[:2, place[0], place[1]], ab_of(colour), atol=1e-4)
    assert hints.count_nonzero() == 3
    for same in (
        processor.make_hints([((90, 20), "#c8285a")], size),
        processor.make_hints([((90.5 / 120, 20.5 / 80), colour)], size, relative=True),
        processor.make_hints([((90, 20), np.array(colour))], size),
    ):
        assert torch.equal(same[0], hints)


def test_points_in_one_cell_are_averaged(processor):
    hints = processor.make_hints([((5, 5), "#ff0000"), ((5, 5), "#0000ff"), ((70, 70), "#00ff00")], (1000, 1000))[0]
    assert hints[2].sum() == 2
    assert torch.allclose(hints[:2, 0, 0], (ab_of((255, 0, 0)) + ab_of((0, 0, 255))) / 2, atol=1e-4)


@pytest.mark.parametrize("point", [(-1, 5), (120, 5), (5, 80), (float("nan"), 5)])
def test_a_point_outside_is_a_sentence(processor, point):
    with pytest.raises(ValueError, match="outside of the picture: x goes from 0 to 119, y to 79"):
        processor.make_hints([(point, "#ffffff")], (120, 80))


def test_a_colour_that_is_none_is_a_sentence(processor):
    for colour in ("#12345", "greenish", (1, 2), (1, 2, 256)):
        with pytest.raises(ValueError, match="colour"):
            processor.make_hints([((1, 1), colour)], (120, 80))
    with pytest.raises(ValueError, match="x goes from 0 to 1, y to 1"):
        processor.make_hints([((1.1, 0.5), "#ffffff")], (120, 80), relative=True)


def test_a_palette_is_the_share_of_colours(processor):
    blue, green = (60, 90, 200), (60, 140, 50)
    picture = Image.new("RGB", (128, 128), blue)
    picture.paste(green, (0, 96, 128, 128))
    palette = processor.make_palette(picture)
    assert palette.shape == (1, len(ab_centres())) and palette.sum().item() == pytest.approx(1, abs=1e-4)
    nearest = torch.cdist(torch.stack((ab_of(blue), ab_of(green))), ab_centres()) < 25
    shares = (palette * nearest).sum(dim=1)
    assert shares[0] == pytest.approx(0.75, abs=0.05) and shares[1] == pytest.approx(0.25, abs=0.05)
    # Where the colours are does not matter, nor how large the reference is.
    turned = processor.make_palette(picture.resize((512, 512), Image.Resampling.NEAREST).rotate(180))
    assert torch.allclose(turned, palette, atol=0.02)


def test_a_grey_reference_is_a_sentence(processor, landscape):
    assert processor.make_palette(landscape).shape[0] == 1
    with pytest.raises(ValueError, match=r"is grey .* choose a photograph in colour"):
        processor.make_palette(draw_landscape().convert("L"))
