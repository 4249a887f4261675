"""Features of views are computed once, kept whole, and a decoder trains on windows of them."""

from __future__ import annotations

import json
from dataclasses import replace

import datasets
import numpy as np
import pytest
import torch
from PIL import Image

from colorization.data.ageing import age_print, film_lightness, random_film
from colorization.data.pictures import read_row
from colorization.model.color import rgb_to_lab
from colorization.model.modeling_colorization import ColorizationModel
from colorization.training.features import FeatureStore, extract_features, make_view
from colorization.training.loop import train
from colorization.training.losses import chroma_likelihood, huber, relative_weight, second_moments
from colorization.training.recipe import load_recipe

SMALL = [
    "model.backbone={hidden_size: 24, num_hidden_layers: 3, num_attention_heads: 2, image_size: 56, mlp_ratio: 2}",
    "model.taps=[1, 3]", "model.attention_width=16", "model.attention_heads=2",
    "model.encoder_widths=[8, 8, 8]", "model.decoder_widths=[8, 8]",
    "working_size=64", "crop_sizes=[32]", "views=2", "batch_size=4", "pictures=8", "validation_pictures=1",
]  # fmt: skip


def landscape(width, height, seed):
    rng = np.random.default_rng(seed)
    colors = rng.integers(0, 255, (4, 6, 3), dtype=np.uint8)
    return Image.fromarray(colors).resize((width, height), Image.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def recipe():
    return load_recipe("landscape-dinov2", SMALL)


@pytest.fixture(scope="module")
def pictures():
    drawn = [landscape(340, 220, 0), landscape(90, 80, 1), landscape(80, 100, 2), landscape(330, 330, 3)]
    columns = {"image": drawn, "sky": ["yes", "no", "yes", "no"]}
    return datasets.Dataset.from_dict(columns, features=datasets.Features(
        {"image": datasets.Image(decode=False), "sky": datasets.Value("string")}
    ))  # fmt: skip


@pytest.fixture(scope="module")
def model(recipe):
    torch.manual_seed(0)
    return ColorizationModel(recipe.config()).eval()


@pytest.fixture(scope="module")
def store(model, pictures, recipe, tmp_path_factory):
    return extract_features(model, pictures, recipe, tmp_path_factory.mktemp("store"), torch.float32)


def test_a_store_holds_what_the_backbone_says(store, model, pictures, recipe):
    assert [(view.picture, view.number) for view in store.views].count((0, 1)) == 1
    assert len(store.views) == 2 + 1 + 1 + 2
    for index, view in enumerate(store.views):
        features, lightness, ab = store.read(index)
        picture = Image.fromarray(read_row(pictures[view.picture]).rgb)
        expected, truth = make_view(picture, view.number, recipe, (recipe.seed, view.picture, view.number))
        np.testing.assert_allclose(lightness / 2.55, expected[0], atol=0.21)
        np.testing.assert_allclose(ab, truth, atol=0.51)
        with torch.inference_mode():
            x = expected[None] / 100 - torch.tensor([0.485, 0.456, 0.406])[:, None, None]
            seen = model.network.see(x / torch.tensor([0.229, 0.224, 0.225])[:, None, None])[0]
        np.testing.assert_allclose(features / 16, seen, atol=0.05)


def test_extraction_goes_on_where_it_stopped(store, model, pictures, recipe, tmp_path):
    extract_features(model, pictures.select(range(2)), recipe, tmp_path, torch.float32)
    content = json.loads((tmp_path / "views.json").read_text())
    content |= {"mean": json.loads((store.folder / "views.json").read_text())["mean"]}
    with (tmp_path / "ab.i8").open("ab") as file:
        file.write(b"half a view that was never saved")
    whole = extract_features(model, pictures, recipe, tmp_path, torch.float32)
    assert [view.picture for view in whole.views] == [view.picture for view in store.views] or len(whole.views) == 6
    for index, view in enumerate(whole.views):
        other = next(n for n, v in enumerate(store.views) if (v.picture, v.number) == (view.picture, view.number))
        np.testing.assert_array_equal(whole.read(index)[2], store.read(other)[2])


def test_a_store_of_another_recipe_is_refused(store, model, pictures):
    other = load_recipe("landscape-dinov2", [*SMALL, "film_probability=0.9"])
    with pytest.raises(ValueError, match="another recipe"):
        extract_features(model, pictures, other, store.folder, torch.float32)
    with pytest.raises(FileNotFoundError, match="no extracted features"):
        FeatureStore(store.folder / "nowhere")


def test_another_seed_learns_from_the_same_views(store, model, pictures):
    again = load_recipe("landscape-dinov2", [*SMALL, "seed=7"])
    kept = {path.name: path.read_bytes() for path in store.folder.glob("*.?8")}
    same = extract_features(model, pictures, again, store.folder, torch.float32)
    assert same.views == store.views
    assert kept == {path.name: path.read_bytes() for path in store.folder.glob("*.?8")}


def test_shares_of_what_is_seen(store):
    recipe = load_recipe("landscape-dinov2", [*SMALL, "small_share=0.42", "no_sky_share=0.36"])
    weights = store.weights(recipe)
    assert weights[[not view.large for view in store.views]].sum() == pytest.approx(0.42, abs=0.01)
    assert weights[[view.sky == "no" for view in store.views]].sum() == pytest.approx(0.36, abs=0.01)


def test_a_share_of_all_leaves_none_of_the_others(store):
    only = store.weights(load_recipe("landscape-dinov2", [*SMALL, "small_share=1", "no_sky_share=0.5"]))
    large, without = (
        np.array([getattr(view, name) == value for view in store.views])
        for name, value in (("large", True), ("sky", "no"))
    )
    assert only[large].sum() == 0 and only.sum() == pytest.approx(1)
    assert only[without].sum() == pytest.approx(0.5)


def test_the_color_of_what_is_not_seen_is_nobodys(store, monkeypatch):
    monkeypatch.setattr(store, "views", [replace(view, sky="no" if view.large else "yes") for view in store.views])
    only = store.weights(
        load_recipe("landscape-dinov2", [*SMALL, "small_share=1", "no_sky_share=0", "no_sky_chroma=9"])
    )
    assert only.sum() == pytest.approx(1)


def test_the_amount_of_color_that_is_seen(store):
    chroma, without = np.array([view.chroma for view in store.views]), [view.sky == "no" for view in store.views]
    plain = load_recipe("landscape-dinov2", [*SMALL, "no_sky_share=0.36"])
    usual = store.weights(plain)
    wanted = (usual[without] * chroma[without]).sum() / usual[without].sum() * 0.7 + chroma[without].min() * 0.3
    weights = store.weights(load_recipe("landscape-dinov2", [*SMALL, "no_sky_share=0.36", f"no_sky_chroma={wanted}"]))
    assert weights.sum() == pytest.approx(1) and weights[without].sum() == pytest.approx(usual[without].sum())
    assert (weights[without] * chroma[without]).sum() / weights[without].sum() == pytest.approx(wanted, abs=0.01)
    others = ~np.array(without)
    np.testing.assert_allclose(weights[others], usual[others], rtol=1e-6)


def test_a_model_that_has_learned_keeps_its_scale(model, pictures, recipe, tmp_path):
    before = model.network.feature_mean.clone(), model.network.feature_std.clone()
    model.network.feature_mean.fill_(0.5)
    model.network.feature_std.fill_(2.0)
    extract_features(model, pictures, recipe, tmp_path, torch.float32)
    assert bool((model.network.feature_std == 2).all()) and bool((model.network.feature_mean == 0.5).all())
    model.network.feature_mean.copy_(before[0])
    model.network.feature_std.copy_(before[1])


def test_chance_comes_from_the_place_in_the_run(store, recipe):
    first = store.batches(recipe, 0, range(1), 1, torch.device("cpu"))
    next(first)
    second, again = next(first), next(store.batches(recipe, 4, range(1), 1, torch.device("cpu")))
    assert second.inputs["window"] == again.inputs["window"]
    torch.testing.assert_close(second.ab, again.ab, atol=0, rtol=0)
    assert second.ab.shape == (4, 2, 8, 8)
    assert second.inputs["pixel_values"].shape == (4, 3, 32, 32)


class NoValidation:
    higher_is_better = {"psnr": True}

    def __call__(self, model):
        return {"psnr": 0.0}

    def draw(self, model, path):
        pass


@pytest.mark.slow
def test_training_moves_the_decoder_and_not_the_backbone(store, model, recipe, tmp_path):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    trained = train(model, recipe, store, NoValidation(), tmp_path)
    after = trained.state_dict()
    frozen = [name for name in before if name.startswith("network.backbone")]
    assert frozen and all(torch.equal(before[name], after[name]) for name in frozen)
    assert not torch.equal(before["network.project.weight"], after["network.project.weight"])


def test_a_film_of_all_colors_alike_sees_luminance():
    rgb = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0))
    luminance = film_lightness(rgb, np.array([0.2126, 0.7152, 0.0722]))
    torch.testing.assert_close(luminance, rgb_to_lab(rgb[None])[0, :1], atol=0.05, rtol=0)
    red = torch.tensor([1.0, 0.0, 0.0])[:, None, None].expand(3, 4, 4)
    assert film_lightness(red, np.array([0.02, 0.06, 0.92])).mean() < 25
    for seed in range(20):
        assert random_film(np.random.default_rng(seed)).sum() == pytest.approx(1)


def test_ageing_stays_in_range_and_follows_its_seed():
    lightness = torch.linspace(0, 100, 40 * 56).view(1, 40, 56)
    aged = [age_print(lightness, np.random.default_rng(seed)) for seed in (0, 0, *range(30))]
    assert torch.equal(aged[0], aged[1])
    assert all(each.min() >= 0 and each.max() <= 100 and each.shape == lightness.shape for each in aged)
    assert len({each.sum().item() for each in aged}) > 10


def test_losses_of_the_whole_picture():
    tint = torch.full((1, 2, 8, 8), 10.0)
    varied = tint.clone()
    varied[:, 0, :4], varied[:, 0, 4:] = 22.0, -2.0
    assert second_moments(tint, tint, 12) == 0
    # A standard deviation of 12 along a, none along b: roots of covariances differ by 12 in one entry of four.
    assert second_moments(tint, varied, 12).item() == pytest.approx(0.25, abs=0.02)
    pale_and_vivid = torch.stack((torch.full((2, 4, 4), 3.0), torch.full((2, 4, 4), 30.0)))
    weight = relative_weight(pale_and_vivid, 0.0)
    assert weight.mean() == pytest.approx(1) and weight[0] / weight[1] == pytest.approx(100, rel=1e-4)
    wrong = pale_and_vivid * 1.1  # the same relative error in both, within the square part of the loss
    each = [huber(wrong[n : n + 1], pale_and_vivid[n : n + 1], 12, 0.0) * weight[n] for n in range(2)]
    assert each[0] == pytest.approx(each[1].item(), rel=1e-4)
    truth = torch.full((2, 2, 4, 4), 10 / 2**0.5)
    right = chroma_likelihood(torch.full((2,), np.log(10)), torch.zeros(2), truth)
    assert right.item() == pytest.approx(0, abs=1e-5)
    assert chroma_likelihood(torch.full((2,), np.log(20)), torch.zeros(2), truth) > right
