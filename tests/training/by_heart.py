"""Eight pictures to be learned by heart: whatever a recipe is, its model can, is saved, and comes back."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from colorization.training.loop import Machine, train
from colorization.training.recipe import Recipe, load_recipe
from colorization.training.validation import HarnessValidation

from ..conftest import draw_landscape

OURS = "landscape-"  # how the names of our own recipes begin; the others are earlier systems
# As in the recipe but for the widths: a few thousand weights learn what a test has time for.
NARROW = {
    "resnet-unet": {"encoder_widths": [8, 8, 16, 16], "context_width": 16},
    "dinov2": {
        "backbone": {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 56},
        "taps": [1, 2],
        "attention_width": 16,
        "attention_heads": 2,
        "encoder_widths": [8, 8, 16],
        "decoder_widths": [16, 16],
        "detail_dropout": 0.0,
    },
    "mobilenet-unet": {"encoder_multiplier": 0.25, "context_width": 16},
    "unet": {"widths": [8, 16, 16]},
    "zhang": {"widths": [8]},
    "autoencoder": {"widths": [16, 32]},
}


class Pictures(list):
    """A list where a data set is meant."""

    column_names = ("image",)


def narrow_of(recipe: Recipe) -> dict:
    """Fields of a narrow model of the recipe's architecture."""
    narrow = dict(NARROW[recipe.config().architecture])
    if "context_width" in narrow:
        narrow["decoder_widths"] = [16] * len(recipe.config().decoder_widths)
    return narrow


def learn_by_heart(name: str, folder: Path) -> None:
    """Train a recipe's model, narrow, on eight pictures until it knows them; save it and load it again."""
    recipe = load_recipe(name)
    narrow = narrow_of(recipe)
    length = 2560 if recipe.config().head == "rgb" else 1280  # RGB has the luminance to learn too
    recipe = dataclasses.replace(
        recipe,
        model={**recipe.model, **narrow, **({"dropout": 0.0} if recipe.baseline else {})},
        crop_sizes=(32,),
        working_size=32,  # what the network sees of these squares when it is measured, too
        pictures=length,
        batch_size=8,
        learning_rate=1e-2,
        encoder_learning_rate=1e-2,
        discriminator_learning_rate=1e-4,
        discriminator_width=8,
        schedule="cosine",
        beta1=0.9,
        clip_norm=1.0,
        warmup=80,
        frozen_encoder_layers=(),
        # By heart: the same view each time.
        views=0,
        min_crop_scale=1.0,
        vertical_flip=False,
        rotation=0.0,
        jitter=0.0,
        degradation_probability=0.0,
        data_shares=(1.0,),
        no_sky_share=0.0,
        ema_half_life=80,
        validate_every=length,
        checkpoint_every=length,
        validation_pictures=8,
        set_distance=False,
        patience=0,
        select_by="",
    )
    pictures = [{"image": draw_landscape(48, 48, seed)} for seed in range(8)]
    validation = HarnessValidation(Pictures(pictures), recipe)
    torch.manual_seed(0)
    model = recipe.model_class(recipe.config())
    before = validation(model.eval())["ab_rmse_mean"]
    trained = train(model, recipe, Pictures(pictures), validation, folder / "out", machine=Machine(workers=0))
    after = validation(trained)["ab_rmse_mean"]
    assert after < 0.6 * before, (before, after)
    back = recipe.model_class.from_pretrained(folder / "out" / "model", dtype=torch.float32).eval()
    assert back.config.to_dict().items() >= recipe.model.items()
    assert validation(back)["ab_rmse_mean"] == pytest.approx(after, rel=0.05)  # half precision of the file
