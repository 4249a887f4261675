"""Every recipe: its model trains, is saved, comes back, and can learn a few pictures by heart."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from accelerate.state import AcceleratorState

from colorization import ColorizationConfig, ColorizationModel
from colorization.data.transforms import View
from colorization.training.loop import Machine, train
from colorization.training.recipe import list_recipes, load_recipe
from colorization.training.validation import HarnessValidation

from ..conftest import draw_landscape
from .by_heart import NARROW, OURS, Pictures, learn_by_heart, narrow_of

PARAMETERS = {  # millions; the dilated CNN has 32.2 in its authors' files, with 313 bins
    "landscapecolorizer": (5, 16),
    "pix2pix": (10, 20),
    "zhang-classification": (32, 32.4),
    "zhang-tanh": (32, 32.4),
    "landscape-guided": (5, 15),
    "landscape-mobile": (3, 4),
}


def test_all_systems_are_here():
    assert {
        "landscapecolorizer", "pix2pix", "zhang-tanh", "zhang-classification", "hybrid-autoencoder", "autoencoder",
        "unet-rgb", "unet-lab", "landscape-base",
    } <= set(list_recipes())  # fmt: skip


@pytest.mark.parametrize("name", PARAMETERS)
def test_sizes(name):
    with torch.device("meta"):
        recipe = load_recipe(name)
        model = recipe.model_class(recipe.config())
    low, high = PARAMETERS[name]
    assert low < sum(parameter.numel() for parameter in model.parameters()) / 1e6 < high


@pytest.mark.parametrize("name", [name for name in list_recipes() if name.startswith(OURS)])
def test_learns_eight_pictures_by_heart_and_comes_back(name, tmp_path):
    learn_by_heart(name, tmp_path)


CLASSIFIERS = [name for name in list_recipes() if load_recipe(name).config().head in ("classification", "both")]


@pytest.fixture
def another_precision():
    """Let a run have another precision than the runs before it in this process, which Accelerate refuses."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.mark.parametrize(
    ("name", "precision"), [*((name, "bf16") for name in CLASSIFIERS), *((name, "fp16") for name in CLASSIFIERS[:1])]
)
def test_a_classifier_trains_in_half_precision(name, precision, tmp_path, another_precision):
    recipe = load_recipe(name)
    architecture = recipe.config().architecture
    if architecture not in NARROW:
        pytest.skip(f"no narrow {architecture} here")
    recipe = dataclasses.replace(
        recipe,
        model={**recipe.model, **narrow_of(recipe)},
        crop_sizes=(32,),
        pictures=16,
        batch_size=8,
        no_sky_share=0.0,
        data_shares=(1.0,),
        validate_every=16,
        checkpoint_every=16,
        validation_pictures=2,
        set_distance=False,
        patience=0,
        select_by="",
        hint_probability=1.0 if recipe.config().guided else 0.0,
    )
    pictures = Pictures([{"image": draw_landscape(48, 48, seed)} for seed in range(8)])
    model = recipe.model_class(recipe.config())
    before = {key: value.clone() for key, value in model.state_dict().items()}
    machine = Machine(workers=0, mixed_precision=precision)
    train(model, recipe, pictures, HarnessValidation(pictures, recipe), tmp_path / "out", machine=machine)
    after = model.state_dict()
    assert all(bool(torch.isfinite(value).all()) for value in after.values())
    assert any(not torch.equal(value, before[key]) for key, value in after.items() if "classifier" in key)


def test_views_are_those_of_the_recipe():
    assert load_recipe("landscape-base").view == View(0.25)
    assert load_recipe("landscapecolorizer").view == View(0.5, True, True, 15.0, 0.2)


@pytest.mark.parametrize(
    "fields", [{"head": "regression"}, {"decoder_widths": [8] * 5}, {"head": "both", "guided": True}]
)
def test_networks_take_any_size(fields):
    narrow = {"encoder_widths": [8] * 4, "context_width": 8, "decoder_widths": [8] * 3}
    model = ColorizationModel(ColorizationConfig(**{**narrow, **fields})).eval()
    for height, width in ((48, 80), (33, 47)):
        with torch.inference_mode():
            assert bool(torch.isfinite(model(torch.randn(1, 3, height, width)).ab).all())


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"architecture": "diffusion"}, "architecture is one of"),
        ({"architecture": "unet"}, "BaselineModels"),
        ({"guided": True}, "needs a classifier"),
        ({"calibration": 2.0}, "calibration is in"),
    ],
)
def test_configurations_that_make_no_network(fields, reason):
    with pytest.raises(Exception, match=reason):
        ColorizationConfig(**fields)


def test_guidance_is_nothing_until_given():
    fields = {"encoder_widths": [8] * 4, "context_width": 8, "decoder_widths": [8] * 3, "head": "both", "guided": True}
    model = ColorizationModel(ColorizationConfig(**fields)).eval()
    with torch.no_grad():  # as after training: the last layers of the guidance begin at zero
        for layer in (*model.network.guidance.joins, model.network.guidance.palette):
            torch.nn.init.normal_(layer.weight, std=0.5)
    picture = torch.randn(1, 3, 64, 64)
    bins = model.network.guidance.palette.in_features
    with torch.inference_mode():
        plain = model(picture)
        nothing = model(picture, hints=torch.zeros(1, 3, 16, 16), palette=torch.zeros(1, bins))
        assert torch.allclose(plain.logits, nothing.logits, atol=1e-6)
        hints = torch.zeros(1, 3, 16, 16)
        hints[0, :, 8, 8] = torch.tensor([40.0, 40.0, 1.0])
        assert not torch.allclose(plain.logits, model(picture, hints=hints).logits, atol=1e-3)
        assert not torch.allclose(
            plain.logits, model(picture, palette=torch.full((1, bins), 1 / bins)).logits, atol=1e-3
        )
    ordinary = ColorizationModel(ColorizationConfig(**{**fields, "head": "regression", "guided": False}))
    with pytest.raises(ValueError, match="takes no hints"):
        ordinary(picture, hints=hints)
