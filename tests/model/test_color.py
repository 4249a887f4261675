"""The mathematics of color, against scikit-image and against itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.color import lab2rgb, rgb2lab

from colorization.model import color


def random_rgb(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def random_lab(height: int = 40, width: int = 50, seed: int = 0) -> torch.Tensor:
    """Lab with many colors that sRGB cannot show: [3, height, width]."""
    values = torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))
    return torch.stack((values[0] * 100, values[1] * 200 - 100, values[2] * 200 - 100))


@pytest.mark.parametrize("shape", [(3, 1, 1), (3, 17, 5), (2, 3, 8, 9), (2, 4, 3, 5, 6)])
def test_round_trip_and_shapes(shape):
    rgb = random_rgb(*shape)
    back = color.lab_to_rgb(color.rgb_to_lab(rgb))
    assert back.shape == rgb.shape
    assert (back - rgb).abs().max() < 1e-3


def test_agrees_with_scikit_image():
    rgb = random_rgb(3, 100, 100)
    ours = color.rgb_to_lab(rgb).permute(1, 2, 0).numpy()
    theirs = rgb2lab(rgb.permute(1, 2, 0).numpy().astype(np.float64))
    assert np.abs(ours - theirs).max() < 1e-2
    back = color.lab_to_rgb(torch.from_numpy(theirs).permute(2, 0, 1)).permute(1, 2, 0).numpy()
    assert np.abs(back - lab2rgb(theirs)).max() < 1e-3


def test_grey_has_no_color_and_ends_are_exact():
    greys = torch.linspace(0, 1, 256).expand(3, 1, 256)
    lab = color.rgb_to_lab(greys.double())
    assert lab[1:].abs().max() < 1e-9
    assert lab[0, 0, 0].item() == pytest.approx(0, abs=1e-9)
    assert lab[0, 0, -1].item() == pytest.approx(100, abs=1e-9)


def test_known_color():
    # sRGB red, D65: published as L* 53.24, a* 80.09, b* 67.20.
    red = color.rgb_to_lab(torch.tensor([1.0, 0, 0]).view(3, 1, 1)).flatten()
    assert torch.allclose(red, torch.tensor([53.24, 80.09, 67.20]), atol=0.02)


def test_gradients_are_finite_at_black_and_white():
    rgb = torch.tensor([0.0, 0.0, 1.0, 1.0]).expand(3, 1, 4).clone().requires_grad_()
    color.lab_to_rgb(color.rgb_to_lab(rgb)).sum().backward()
    assert torch.isfinite(rgb.grad).all()


def test_fit_gamut_keeps_lightness_and_hue():
    lab = random_lab().double()
    fitted = color.fit_gamut(lab, steps=24)
    inside = color.in_gamut(lab, tolerance=0.0)
    assert 0.2 < inside.double().mean() < 0.8  # both kinds are tested
    assert torch.equal(fitted[:, inside], lab[:, inside])
    assert color.in_gamut(fitted, tolerance=1e-6).all()
    assert torch.equal(fitted[0], lab[0])
    before, after = lab[1:].norm(dim=0), fitted[1:].norm(dim=0)  # chroma
    visible = after > 1e-3
    assert (lab[1:] / before - fitted[1:] / after)[:, visible].abs().max() < 1e-6
    assert (after <= before + 1e-9).all()
    # To the edge, not short of it: a little more chroma would be outside.
    more = torch.cat((lab[:1], lab[1:] / before * (after * 1.001 + 1e-3)))
    assert not color.in_gamut(more, tolerance=0.0)[~inside].any()


@pytest.mark.parametrize("grey", [True, False])
def test_lightness_of_bytes_is_that_of_floats(grey):
    rgb = (random_rgb(60, 70, 3) * 255).to(torch.uint8)
    if grey:
        rgb = rgb[..., :1].expand(-1, -1, 3)
    exact = color.rgb_to_lab(rgb.permute(2, 0, 1).double() / 255)[0]
    assert (color.lightness(rgb) - exact).abs().max() < 1e-3


def test_join_is_fit_gamut_rounded():
    lab = random_lab(200, 200)
    joined = color.join(lab[0], lab[1:])
    assert joined.shape == (200, 200, 3) and joined.dtype == torch.uint8
    exact = (color.lab_to_rgb(color.fit_gamut(lab.double(), steps=24)) * 255).round().permute(1, 2, 0)
    difference = (joined - exact).abs()
    inside = color.in_gamut(lab, tolerance=0.0)
    assert difference[inside].max() <= 1  # a tie of the rounding
    assert (difference[inside] > 0).float().mean() < 0.02
    # Half of these colors lie far outside, further than a network ever predicts.
    assert (difference > 2).float().mean() < 1e-3


def test_join_keeps_lightness_to_8_bit_rounding():
    lab = random_lab(200, 200, seed=1)
    kept = color.lightness(color.join(lab[0], lab[1:]))
    # Half a code in each channel: at most 0.8 of L* near black, where codes are far apart in L*.
    assert (kept - lab[0]).abs().max() < 0.8
    assert (kept - lab[0]).abs().mean() < 0.15


@pytest.mark.parametrize("chroma", [10.0**-n for n in range(9)])
def test_join_takes_black_and_white_with_any_trace_of_color(chroma):
    for light, code in ((0.0, 0), (100.0, 255)):
        for ab in ((chroma, 0.0), (0.0, chroma), (-chroma, -chroma)):
            joined = color.join(torch.full((1, 1), light), torch.tensor(ab).view(2, 1, 1))
            assert joined.tolist() == [[[code] * 3]]


def test_join_takes_a_color_at_the_very_edge_of_the_gamut():
    lab = torch.tensor([17.647629, 8.131369, 25.756971]).view(3, 1, 1)  # outside by a thousandth of a step of the table
    exact = (color.lab_to_rgb(color.fit_gamut(lab.double())) * 255).round().flatten()
    assert (color.join(lab[0], lab[1:]).flatten() - exact).abs().max() <= 1


def test_join_of_no_color_returns_the_same_grey():
    grey = torch.arange(256, dtype=torch.uint8).view(1, 256, 1).expand(1, 256, 3)
    assert torch.equal(color.join(color.lightness(grey), torch.zeros(2, 1, 256)), grey)


@pytest.mark.parametrize("bad", [torch.zeros(4, 5), torch.zeros(2, 5, 5), torch.zeros(3, 5, 5, dtype=torch.uint8)])
def test_wrong_input_is_named(bad):
    with pytest.raises(ValueError, match=r"\[\.\.\., 3, H, W\]"):
        color.rgb_to_lab(bad)


def test_warmth_moves_along_daylight_and_leaves_grey_alone() -> None:
    """Colors of much chroma move almost by the step from the white D65 to D50 (scikit-image's), grey not at all."""
    from skimage.color import xyz2lab, xyz_tristimulus_values

    d50 = np.array(xyz_tristimulus_values(illuminant="D50", observer="2"))
    _, a, b = xyz2lab(d50[None, None], illuminant="D65")[0, 0]
    ab = torch.tensor([[0.0, 90.0, -5.0], [0.0, 0.0, -5.0]], dtype=torch.float64)[:, None]
    moved = color.warm(ab, 1.0) - ab
    assert moved[:, 0, 0].abs().max() == 0
    assert moved[:, 0, 1].numpy() == pytest.approx(0.9 * np.array([a, b]), abs=0.05)
    assert torch.allclose(color.warm(ab, -0.5) - ab, -0.5 * moved)
    assert color.warm(ab, 0.0) is ab
    with pytest.raises(ValueError, match="warmth"):
        color.warm(ab, 2.0)
