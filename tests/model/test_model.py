"""The model as transformers sees it: saved, loaded, by class, by Auto class, and as remote code."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors.torch import load_file, save_file

from colorization import ColorizationConfig, ColorizationModel, load_pipeline
from colorization.model.modeling_colorization import load_encoder

from ..conftest import make_tiny_model


def test_output_is_a_quarter_in_cie_units():
    model = make_tiny_model()
    x = torch.randn(2, 3, 64, 96)
    with torch.inference_mode():
        output = model(x)
        assert output.ab.shape == (2, 2, 16, 24) and output.ab.dtype == torch.float32
        assert torch.equal(model(x, return_dict=False)[0], output.ab)
        raw = model.network(x).colour
    assert torch.allclose(output.ab, raw * model.config.ab_scale)


@pytest.mark.parametrize("size", [(16, 16), (16, 400), (80, 48), (208, 320)])
def test_sizes_that_are_multiples(size):
    with torch.inference_mode():
        assert make_tiny_model()(torch.zeros(1, 3, *size)).ab.shape == (1, 2, size[0] // 4, size[1] // 4)


def test_begins_near_grey():
    torch.manual_seed(0)
    with torch.inference_mode():
        assert ColorizationModel(ColorizationConfig()).eval()(torch.randn(1, 3, 64, 64)).ab.abs().max() < 5


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"encoder_widths": (8, 8)}, "three stages"),
        ({"decoder_widths": (8,)}, "stride 16, 8 and 4"),
        ({"context_width": 0}, "at least 1"),
        ({"ab_scale": 0.0}, "ab_scale"),
    ],
)
def test_config_says_what_is_wrong(wrong, reason):
    with pytest.raises(StrictDataclassError, match=reason):
        ColorizationConfig(**wrong)


FRESH = """
    import sys
    sys.modules["colorization"] = None  # the package is not importable here
    import torch
    from PIL import Image
    from safetensors.torch import save_file
    from transformers import AutoImageProcessor, AutoModel, pipeline
    folder, picture, out = sys.argv[1:]
    model = AutoModel.from_pretrained(folder, trust_remote_code=True).eval()
    processor = AutoImageProcessor.from_pretrained(folder, trust_remote_code=True)
    with torch.inference_mode():
        inputs = processor(Image.open(picture))
        output = model(**inputs)
    ab = output.ab
    post = processor.post_process_colorization(output, [Image.open(picture)])[0]
    pipe = pipeline("image-colorization", model=folder, trust_remote_code=True)
    coloured = pipe(picture)
    listed = pipe([picture, Image.open(picture)])
    assert coloured.size == Image.open(picture).size and len(listed) == 2
    assert coloured.tobytes() == post.tobytes() == listed[1].tobytes()
    save_file({**model.state_dict(), "result": ab}, out)
"""


def test_remote_code_is_bit_exact_in_a_fresh_process(tiny_pipeline, tiny_model_dir, landscape, tmp_path):
    landscape.save(tmp_path / "a.png")
    environment = os.environ | {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", textwrap.dedent(FRESH)]
    files = [str(tiny_model_dir), str(tmp_path / "a.png"), str(tmp_path / "out.safetensors")]
    result = subprocess.run(
        [*command, *files], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200
    )
    assert result.returncode == 0, result.stderr
    theirs = load_file(tmp_path / "out.safetensors")
    with torch.inference_mode():
        ab = tiny_pipeline.model(**tiny_pipeline.image_processor(landscape)).ab
    assert torch.equal(theirs.pop("result"), ab)
    ours = tiny_pipeline.model.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_round_trip_in_process_keeps_every_buffer(tmp_path):
    model = make_tiny_model()
    model.train()(torch.randn(4, 3, 64, 64))  # moves the running statistics
    model.save_pretrained(tmp_path)
    again = ColorizationModel.from_pretrained(tmp_path)
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in model.state_dict().items())
    assert not again.training


def test_half_precision_file_computes_in_full(tmp_path, tiny_pipeline, landscape):
    make_tiny_model().half().save_pretrained(tmp_path)
    tiny_pipeline.image_processor.save_pretrained(tmp_path)
    pipe = load_pipeline(tmp_path, "cpu")
    assert {parameter.dtype for parameter in pipe.model.parameters()} == {torch.float32}
    assert pipe(landscape).size == landscape.size


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
    model = ColorizationModel(ColorizationConfig(architecture=architecture))
    load_encoder(model, shared / "weights" / file)
    weights, encoder = load_file(shared / "weights" / file), model.network.encoder.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in encoder.items() if name in weights)
    assert torch.equal(encoder[deepest], weights[deepest])


def test_hints_and_palettes_reach_the_picture_through_mobilenet():
    """Nothing given is exactly nothing added; what is given changes colours far from where it was given, too."""
    torch.manual_seed(0)
    config = ColorizationConfig(
        architecture="mobilenet-unet", encoder_width=0.25, context_width=16, decoder_widths=(8, 8, 8), head="both",
        guided=True,
    )  # fmt: skip
    model = ColorizationModel(config).eval()
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
