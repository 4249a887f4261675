"""The model as transformers sees it: saved, loaded, by class, by Auto class, and as remote code."""

from __future__ import annotations

import os
import textwrap

import pytest
import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors.torch import load_file

from colorization import ColorizationConfig, ColorizationModel, load_pipeline

from ..conftest import make_tiny_model
from ..fresh import run_fresh


def test_output_is_a_quarter_in_cie_units():
    model = make_tiny_model()
    x = torch.randn(2, 3, 64, 96)
    with torch.inference_mode():
        output = model(x)
        assert output.ab.shape == (2, 2, 16, 24) and output.ab.dtype == torch.float32
        assert torch.equal(model(x, return_dict=False)[0], output.ab)
        raw = model.network(x).color
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
    colored = pipe(picture)
    listed = pipe([picture, Image.open(picture)])
    assert colored.size == Image.open(picture).size and len(listed) == 2
    assert colored.tobytes() == post.tobytes() == listed[1].tobytes()
    save_file({**model.state_dict(), "result": ab}, out)
"""


@pytest.mark.slow
def test_remote_code_is_bit_exact_in_a_fresh_process(tiny_pipeline, tiny_model_dir, landscape, tmp_path):
    landscape.save(tmp_path / "a.png")
    environment = os.environ | {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1"}
    files = [tiny_model_dir, tmp_path / "a.png", tmp_path / "out.safetensors"]
    result = run_fresh(["-c", textwrap.dedent(FRESH), *files], tmp_path, environment)
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
