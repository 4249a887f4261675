"""Systems to compare with: any size, sentences, old checkpoints, and the doors that read them."""

from __future__ import annotations

import json

import pytest
import torch

from colorization import ColorizationImageProcessor, ColorizationModel, load_pipeline
from colorization.baselines import BaselineConfig, BaselineModel


@pytest.mark.parametrize(
    "fields",
    [
        {"architecture": "unet", "widths": [8, 8, 8], "attention": True},
        {"architecture": "zhang", "widths": [4], "head": "both"},
        {"architecture": "autoencoder", "widths": [8, 8], "head": "rgb", "scene_width": 8},
        {"encoder_widths": [8] * 4, "context_width": 8, "decoder_widths": [8] * 5},
        {"encoder_widths": [8] * 4, "context_width": 8, "decoder_widths": [8] * 3, "head": "both", "guided": True},
    ],
)
def test_networks_take_any_size(fields):
    model = BaselineModel(BaselineConfig(**fields)).eval()
    full = fields.get("architecture") in ("unet", "autoencoder") or len(fields.get("decoder_widths", ())) == 5
    for height, width in ((48, 80), (33, 47)):
        with torch.inference_mode():
            ab = model(torch.randn(1, 3, height, width)).ab
        assert bool(torch.isfinite(ab).all())
        if full and fields.get("architecture"):
            assert ab.shape == (1, 2, height, width)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"architecture": "diffusion"}, "architecture is one of"),
        ({"architecture": "unet", "head": "both"}, "has no classifier"),
        ({"architecture": "unet", "guided": True}, "Only resnet-unet"),
        ({"guided": True}, "needs a classifier"),
        ({"calibration": 2.0}, "calibration is in"),
        ({"dropout": 1.0}, "dropout is a probability"),
    ],
)
def test_configurations_that_make_no_network(fields, reason):
    with pytest.raises(Exception, match=reason):
        BaselineConfig(**fields)


def test_hints_and_palettes_reach_the_picture_through_mobilenet():
    """Nothing given is exactly nothing added; what is given changes colors far from where it was given, too."""
    torch.manual_seed(0)
    config = BaselineConfig(
        architecture="mobilenet-unet", encoder_multiplier=0.25, context_width=16, decoder_widths=(8, 8, 8), head="both",
        guided=True,
    )  # fmt: skip
    model = BaselineModel(config).eval()
    for layer in (*model.network.guidance.joins, model.network.guidance.palette):
        torch.nn.init.normal_(layer.weight)
    pixels = torch.randn(1, 3, 70, 101)  # not a multiple of any stride
    nothing, hints = torch.zeros(1, 3, 18, 26), torch.zeros(1, 3, 18, 26)
    hints[0, :, 2, 2] = torch.tensor([40.0, -30.0, 1.0])
    palette = torch.nn.functional.one_hot(torch.tensor([5]), 227).float()
    with torch.inference_mode():
        alone = model(pixels).ab
        assert alone.shape == (1, 2, 18, 26)
        assert torch.equal(model(pixels, hints=nothing, palette=torch.zeros(1, 227)).ab, alone)
        assert (model(pixels, hints=hints).ab - alone)[..., -1, -1].abs().max() > 0
        assert (model(pixels, palette=palette).ab - alone).abs().max() > 0


def test_a_checkpoint_of_one_configuration_for_all_is_saved_again_once(tmp_path, landscape):
    """Before, earlier systems had the model type of the release; the sentence says what to do, and that works."""
    torch.manual_seed(0)
    model = BaselineModel(BaselineConfig(architecture="unet", widths=(8, 8, 8), squashed=True)).eval()
    model.save_pretrained(tmp_path / "old")
    config = json.loads((tmp_path / "old" / "config.json").read_text())
    old = {**config, "model_type": "colorization", "architectures": ["ColorizationModel"]}
    (tmp_path / "old" / "config.json").write_text(json.dumps(old))
    with pytest.raises(Exception, match="BaselineModels"):
        ColorizationModel.from_pretrained(tmp_path / "old")
    BaselineModel.from_pretrained(tmp_path / "old").save_pretrained(tmp_path / "new")
    ColorizationImageProcessor(working_size=64).save_pretrained(tmp_path / "new")
    pipe = load_pipeline(tmp_path / "new", "cpu")
    assert isinstance(pipe.model, BaselineModel) and pipe.model.config.squashed
    assert all(torch.equal(value, pipe.model.state_dict()[name]) for name, value in model.state_dict().items())
    assert pipe(landscape).size == landscape.size
    assert not list((tmp_path / "new").glob("modeling*.py")), "the code of baselines never travels"
