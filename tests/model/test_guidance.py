"""What a person adds: colors at points and a palette; and what the pipeline says of its choices."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from colorization import ColorizationImageProcessor
from colorization.model import color
from colorization.model.ab_bins import ab_centers
from colorization.model.prediction import LITTLE_TO_GO_ON, SEVERAL_COLORS, SPREAD_TEMPERATURE, Prediction
from colorization.model.variants import SHARPENING, SHIFT, follow_hints, plausible_colors, plausible_variants

from ..conftest import draw_landscape


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
    edges = [((x, y), "#102030") for x in (0, size[0] - 1) for y in (0, size[1] - 1)]
    corners = processor.make_hints(edges, size)[0, 2]
    for (x, y), _ in edges:  # in the cell over the middle of their pixel, also where a pixel is many cells wide
        row, column = (
            int((at + 0.5) / side * cells) for at, side, cells in zip((y, x), size[::-1], corners.shape, strict=True)
        )
        assert corners[row, column] == 1


def test_a_hint_stands_where_and_as_it_was_given(processor):
    size, color = (120, 80), (200, 40, 90)
    hints = processor.make_hints([((90, 20), color)], size)[0]
    (place,) = hints[2].nonzero().tolist()
    rows, columns = hints.shape[1:]
    assert place == [int(20.5 / 80 * rows), int(90.5 / 120 * columns)]
    assert torch.allclose(hints[:2, place[0], place[1]], ab_of(color), atol=1e-4)
    assert hints.count_nonzero() == 3
    for same in (
        processor.make_hints([((90, 20), "#c8285a")], size),
        processor.make_hints([((90, 20), np.array(color))], size),
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


def test_a_color_that_is_none_is_a_sentence(processor):
    for wrong in ("#12345", "greenish", (1, 2), (1, 2, 256)):
        with pytest.raises(ValueError, match="color"):
            processor.make_hints([((1, 1), wrong)], (120, 80))


def test_a_palette_is_the_share_of_colors(processor):
    blue, green = (60, 90, 200), (60, 140, 50)
    picture = Image.new("RGB", (128, 128), blue)
    picture.paste(green, (0, 96, 128, 128))
    palette = processor.make_palette(picture)
    assert palette.shape == (1, len(ab_centers())) and palette.sum().item() == pytest.approx(1, abs=1e-4)
    nearest = torch.cdist(torch.stack((ab_of(blue), ab_of(green))), ab_centers()) < 25
    shares = (palette * nearest).sum(dim=1)
    assert shares[0] == pytest.approx(0.75, abs=0.05) and shares[1] == pytest.approx(0.25, abs=0.05)
    # Where the colors are does not matter, nor how large the reference is.
    turned = processor.make_palette(picture.resize((512, 512), Image.Resampling.NEAREST).rotate(180))
    assert torch.allclose(turned, palette, atol=0.02)


def test_a_grey_reference_is_a_sentence(processor, landscape):
    assert processor.make_palette(landscape).shape[0] == 1
    with pytest.raises(ValueError, match=r"is grey .* choose a photograph in color"):
        processor.make_palette(draw_landscape().convert("L"))


def difference(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(np.asarray(one).astype(float) - np.asarray(other)).mean())


def test_hints_and_palette_change_the_picture(guided_pipeline, landscape):
    plain = guided_pipeline(landscape)
    assert difference(plain, guided_pipeline(landscape, hints=[])) == 0
    hinted = guided_pipeline(landscape, hints=[((60, 60), "#ff0000")])
    assert hinted.size == landscape.size and difference(plain, hinted) > 0
    assert difference(hinted, guided_pipeline(landscape, hints=[((60, 60), "#00ff00")])) > 0
    reference = Image.new("RGB", (50, 50), (180, 90, 30))
    assert difference(plain, guided_pipeline(landscape, palette=reference)) > 0


def test_both_of_a_list_get_the_palette(guided_pipeline, landscape, tmp_path):
    landscape.save(tmp_path / "reference.png")
    pictures = [draw_landscape(seed=seed) for seed in (1, 2)]
    together = guided_pipeline(pictures, palette=tmp_path / "reference.png")
    for picture, result in zip(pictures, together, strict=True):
        assert difference(result, guided_pipeline(picture, palette=landscape)) == 0


def test_variants_are_distinct_repeatable_and_begin_with_the_ordinary_one(guided_pipeline, landscape):
    first, *others = variants = guided_pipeline(landscape, num_variants=5)
    assert difference(first, guided_pipeline(landscape)) == 0
    assert len(others) == 4 and all(variant.size == landscape.size for variant in variants)
    assert min(difference(a, b) for i, a in enumerate(variants) for b in variants[:i]) > 1
    again = guided_pipeline(landscape, num_variants=5)
    assert all(difference(a, b) == 0 for a, b in zip(variants, again, strict=True))
    other_seed = guided_pipeline(landscape, num_variants=5, seed=1)
    assert difference(other_seed[0], first) == 0 and difference(other_seed[1], others[0]) > 0.5
    assert len(guided_pipeline(landscape, num_variants=1)) == 1
    two = guided_pipeline([landscape, landscape], num_variants=2)
    assert [len(result) for result in two] == [2, 2]


def two_modes(sure: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits [Q, 8, 8]: the left half sure of a blue, the right half torn between green and orange."""
    centers = ab_centers()

    def bump(*color: float) -> torch.Tensor:
        return torch.exp(-(centers - torch.tensor(color)).square().sum(dim=1) / 50)

    left, right = bump(10, -40), bump(-30, 30) + bump(30, 40)
    share = torch.stack([left / left.sum()] * (8 if sure else 4) + ([] if sure else [right / right.sum()] * 4), dim=1)
    logits = share.clamp(min=1e-12).log()[:, None].expand(-1, 8, -1)
    return logits, torch.einsum("qhw,qc->chw", share[:, None].expand(-1, 8, -1), centers)


def test_only_what_is_uncertain_changes_and_all_of_it_alike():
    variants = plausible_variants(*two_modes(sure=False), count=3)
    shift = variants[1:] - variants[:1]
    certain, torn = shift[..., :4], shift[..., 4:]
    assert torn.norm(dim=1).min() > 20 * certain.norm(dim=1).max()
    assert torch.allclose(torn, torn[..., :1, :1].expand_as(torn), atol=1e-3)
    # One towards each mode: opposite ways along the line between green and orange.
    assert (torn[0, :, 0, 0] @ torn[1, :, 0, 0]) < 0
    assert torn[:, 0, 0, 0].abs().min() > 5


def test_the_mean_shift_is_the_stated_share_of_the_uncertainty():
    logits, ab = two_modes(sure=False)
    shift = (plausible_variants(logits, ab, count=2)[1] - ab).flatten(1).mean(dim=1)
    share = (logits / SHARPENING).softmax(dim=0).flatten(1)
    mean = share.T @ ab_centers()
    direction = shift / shift.norm()
    # Independent of the code: variance of c u in each pixel, averaged.
    variance = (share * (ab_centers() @ direction)[:, None].square()).sum(dim=0) - (mean @ direction).square()
    assert (shift @ direction).item() == pytest.approx(SHIFT * variance.mean().sqrt().item(), rel=0.1)


def test_a_sure_picture_has_small_variants():
    sure, torn = (
        (plausible_variants(*two_modes(sure), count=2).diff(dim=0)).norm(dim=1).mean() for sure in (True, False)
    )
    assert sure < 0.5 * torn


def test_variants_and_suggestions_need_a_classifier(tiny_pipeline, guided_pipeline, landscape):
    for asked in (
        lambda: tiny_pipeline(landscape, num_variants=3),
        lambda: tiny_pipeline.analyze(landscape).suggest_colors((1, 1)),
        lambda: tiny_pipeline.analyze(landscape).mean_spread,
    ):
        with pytest.raises(ValueError, match="has no classifier over colors"):
            asked()
    with pytest.raises(ValueError, match="takes no hints"):
        tiny_pipeline(landscape, hints=[((1, 1), "#ff0000")])
    with pytest.raises(ValueError, match="from 1 to 9, not 10"):
        guided_pipeline(landscape, num_variants=10)
    with pytest.raises(ValueError, match="from 1 to 9, not 0"):
        guided_pipeline(landscape, num_variants=0)


def test_suggested_colors_are_the_modes_at_the_lightness_of_the_point():
    logits, _ = two_modes(sure=False)
    found = [ab_and_lightness(code) for code in plausible_colors(logits[:, 0, 7], 60.0)]
    assert len(found) == 2
    assert all(lightness == pytest.approx(60, abs=1) for lightness, _ in found)
    modes = torch.tensor([(-30.0, 30.0), (30.0, 40.0)])
    assert torch.cdist(torch.stack([ab for _, ab in found]), modes).min(dim=0).values.max() < 5
    assert len(plausible_colors(logits[:, 0, 0], 60.0)) == 1
    assert len(plausible_colors(logits[:, 0, 7], 60.0, count=1)) == 1
    # Near black sRGB has no room for two.
    assert len(plausible_colors(logits[:, 0, 7], 0.5)) == 1


def ab_and_lightness(code: str) -> tuple[float, torch.Tensor]:
    rgb = torch.tensor([int(code[i : i + 2], 16) for i in (1, 3, 5)])
    lab = color.rgb_to_lab(rgb.float()[:, None, None] / 255).flatten()
    return lab[0].item(), lab[1:]


def test_prediction(guided_pipeline, landscape):
    prediction = guided_pipeline.analyze(landscape)
    assert prediction.spread.shape == prediction.ab.shape[1:] and prediction.spread.min() >= 0
    centers, temperature = ab_centers(), SPREAD_TEMPERATURE
    share = (prediction.logits[:, 2, 3] / temperature).softmax(dim=0)
    squares = (centers - prediction.ab[:, 2, 3]).square().sum(dim=1)
    assert prediction.spread[2, 3].item() == pytest.approx((share @ squares).sqrt().item(), rel=1e-3)
    assert prediction.mean_spread == pytest.approx(prediction.spread.mean().item())
    colors = prediction.suggest_colors((119, 79), count=3)
    assert 1 <= len(colors) <= 3 and all(code[0] == "#" and len(code) == 7 for code in colors)
    own = color.lightness(torch.from_numpy(np.array(landscape)))[79, 119].item()
    assert all(ab_and_lightness(code)[0] == pytest.approx(own, abs=1) for code in colors)
    with pytest.raises(ValueError, match="x goes from 0 to 119, y to 79"):
        prediction.suggest_colors((120, 0))
    hinted = guided_pipeline.analyze(landscape, hints=[((5, 5), "#ff0000")])
    assert not torch.equal(hinted.ab, prediction.ab)
    with pytest.raises(TypeError, match="Not an argument of analyze: strength"):
        guided_pipeline.analyze(landscape, saturation=2)


def test_confidence_falls_as_the_spread_grows(guided_pipeline, landscape):
    photo = guided_pipeline.analyze(landscape).photo
    said = [
        Prediction(
            photo,
            (0, 0, photo.width, photo.height),
            torch.zeros(2, 4, 4),
            torch.zeros(1, 4, 4),
            torch.full((4, 4), spread),
        ).confidence
        for spread in (1.0, (SEVERAL_COLORS + LITTLE_TO_GO_ON) / 2, 60.0)
    ]
    assert said == ["fairly sure", "several colorings are plausible", "little to go on here"]


def test_overlay_is_grey_where_sure_and_colored_where_not(guided_pipeline):
    spread = torch.zeros(8, 8)
    spread[:, 4:] = 40.0
    photo = guided_pipeline.analyze(Image.new("L", (160, 160), 120)).photo
    prediction = Prediction(
        photo, (0, 0, photo.width, photo.height), torch.zeros(2, 8, 8), torch.zeros(1, 8, 8), spread
    )
    picture = np.asarray(guided_pipeline.apply_ab(photo, prediction.overlay_ab())).astype(int)
    assert picture.shape == (160, 160, 3)
    assert np.ptp(picture[:, :38], axis=2).max() <= 1
    assert np.ptp(picture[:, 122:], axis=2).min() > 40


def test_a_hint_reaches_what_the_model_takes_for_the_same_thing_and_nothing_else():
    logits, ab = two_modes(sure=False)
    hints = torch.zeros(3, 8, 8)
    assert torch.equal(follow_hints(ab, logits, hints), ab)
    wanted = torch.tensor([30.0, 40.0])
    hints[:, 2, 6] = torch.cat((wanted, torch.ones(1)))
    followed = follow_hints(ab, logits, hints)
    assert torch.allclose(followed[..., :4], ab[..., :4], atol=0.5)
    before, after = ((plane[..., 4:] - wanted[:, None, None]).norm(dim=0) for plane in (ab, followed))
    assert (after < 0.15 * before).all()
    # The same color said twice is no stronger than said once; two colors of one thing meet between them.
    hints[:, 5, 5] = hints[:, 2, 6]
    assert torch.allclose(follow_hints(ab, logits, hints), followed, atol=2)
    hints[:2, 5, 5] = torch.tensor([-30.0, 30.0])
    assert torch.allclose(follow_hints(ab, logits, hints)[:, 0, 7], torch.tensor([0.0, 35.0]), atol=2)
