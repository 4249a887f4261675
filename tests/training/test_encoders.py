"""Pretrained encoders: what is loaded, missing and unused is named."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from colorization.baselines import BaselineConfig, BaselineModel
from colorization.training.encoders import load_encoder

from ..conftest import make_tiny_model


def test_encoder_from_a_file_says_what_it_found(tmp_path, caplog):
    """Loaded, missing and unused are all named: a silent gap would train from noise."""
    model = make_tiny_model()
    state = {name: torch.full_like(value, 2) for name, value in model.network.encoder.state_dict().items()}
    missing = state.pop("layer3.1.conv2.weight")
    state["fc.weight"] = torch.zeros(3, 3)
    save_file(state, tmp_path / "encoder.safetensors")
    logger = logging.getLogger("transformers")
    logger.addHandler(caplog.handler)  # transformers does not propagate
    try:
        load_encoder(model, tmp_path / "encoder.safetensors")
    finally:
        logger.removeHandler(caplog.handler)
    assert "missing in the file: layer3.1.conv2.weight" in caplog.text and "not used: fc" in caplog.text
    loaded = model.network.encoder.state_dict()
    assert torch.equal(loaded["conv1.weight"], state["conv1.weight"])
    assert not torch.equal(loaded["layer3.1.conv2.weight"], torch.full_like(missing, 2))


def test_encoder_errors(tmp_path):
    model = make_tiny_model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    load_encoder(model, None)
    with pytest.raises(FileNotFoundError, match="no file"):
        load_encoder(model, tmp_path / "nothing.safetensors")
    save_file({"classifier": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="no tensor"):
        load_encoder(model, tmp_path / "other.safetensors")
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in before.items())


@pytest.mark.parametrize(
    ("architecture", "file", "deepest"),
    [
        ("resnet-unet", "resnet18_imagenet_stem_to_layer3.safetensors", "layer3.1.conv2.weight"),
        ("mobilenet-unet", "mobilenet_v2_imagenet_features.safetensors", "features.18.0.weight"),
    ],
)
def test_imagenet_encoder_fits(shared: Path, architecture: str, file: str, deepest: str):
    model = BaselineModel(BaselineConfig(architecture=architecture))
    load_encoder(model, shared / "weights" / file)
    weights, encoder = load_file(shared / "weights" / file), model.network.encoder.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in encoder.items() if name in weights)
    assert torch.equal(encoder[deepest], weights[deepest])
