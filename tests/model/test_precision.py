"""Half precision, autocast and what else a program may set: the colors stay, within a stated bound."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from colorization import ColorizationImageProcessor, ColorizationModel, ColorizationPipeline, load_pipeline
from colorization.model.color import rgb_to_lab
from colorization.model.configuration_colorization import EMBEDDED_MODEL
from eval.metrics.colors import ciede2000

from ..conftest import draw_landscape, make_tiny_model

CLOSE = 0.3  # CIEDE2000, mean over a picture: what half precision may change


@pytest.fixture(scope="module")
def release() -> ColorizationPipeline:
    return load_pipeline(device="cpu")


@pytest.fixture(scope="module")
def picture():
    return draw_landscape(1200, 800, seed=3)  # as photographs are, larger than what the network sees


def distance(one, other) -> float:
    lab = [rgb_to_lab(torch.from_numpy(np.array(each)).permute(2, 0, 1)[None].double() / 255) for each in (one, other)]
    return ciede2000(*lab).mean().item()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("way", ["weights", "autocast"])
def test_half_precision_is_close(way, dtype, release, picture, report):
    wanted = release(picture)
    if way == "weights":
        half = ColorizationPipeline(
            model=copy.deepcopy(release.model).to(dtype), image_processor=release.image_processor, device="cpu"
        )
        found = half(picture, hints=None)
        with torch.inference_mode():
            output = half.model(**half.image_processor(picture))
        assert {value.dtype for value in output.values()} == {torch.float32}
    else:
        with torch.autocast("cpu", dtype=dtype):
            found = release(picture)
    report(f"CIEDE2000 of {dtype} ({way})", round(distance(found, wanted), 3))
    assert distance(found, wanted) <= CLOSE


def test_every_way_into_bfloat16_is_one(release, tmp_path):
    """Cast, loaded in it, and saved and loaded as it is: the same weights of the same types."""
    cast = copy.deepcopy(release.model).bfloat16()
    cast.save_pretrained(tmp_path)
    ways = [
        cast,
        copy.deepcopy(release.model).to(torch.bfloat16),
        copy.deepcopy(release.model).half().to("cpu", torch.bfloat16),
        ColorizationModel.from_pretrained(EMBEDDED_MODEL, dtype="bfloat16"),
        ColorizationModel.from_pretrained(tmp_path, dtype="auto"),
    ]
    wanted = cast.state_dict()
    assert {cast.network.backbone.dtype, cast.network.head.weight.dtype} == {torch.float32, torch.bfloat16}
    for model in ways:
        assert model.dtype == torch.bfloat16
        found = model.state_dict()
        assert all(found[name].dtype == wanted[name].dtype for name in wanted)
        assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_guidance_and_variants_in_half_precision(release, picture):
    def call():
        return release(picture, hints=[((150, 30), "#4477bb")], palette=draw_landscape(seed=5), num_variants=2)

    wanted = call()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert all(distance(one, other) <= 1 for one, other in zip(call(), wanted, strict=True))


@pytest.mark.parametrize("dtype", ["auto", "float16", "bfloat16", torch.float16])
def test_loads_in_the_precision_asked_for(dtype, tmp_path, picture):
    make_tiny_model().half().save_pretrained(tmp_path)
    model = ColorizationModel.from_pretrained(tmp_path, dtype=dtype)
    assert model.dtype == (torch.bfloat16 if dtype == "bfloat16" else torch.float16)
    pipe = ColorizationPipeline(model=model, image_processor=ColorizationImageProcessor(64), device="cpu")
    assert pipe(picture).size == picture.size


@contextmanager
def default(dtype: torch.dtype | None = None, device: str | None = None) -> Iterator[None]:
    before = torch.get_default_dtype()
    try:
        if dtype is not None:
            torch.set_default_dtype(dtype)
        if device is not None:
            torch.set_default_device(device)
        yield
    finally:
        torch.set_default_dtype(before)
        torch.set_default_device(None)


@pytest.mark.parametrize("setting", [{"dtype": torch.float64}, {"dtype": torch.bfloat16}, {"device": "meta"}])
def test_defaults_of_the_program_change_nothing(setting, guided_pipeline, picture):
    def everything() -> list[bytes]:
        pictures = guided_pipeline(
            picture, hints=[((9, 9), "red")], palette=draw_landscape(seed=5), warmth=0.5, num_variants=3, seed=4
        )
        return [each.tobytes() for each in pictures]

    wanted = everything()
    _forget_tables()  # as if it were the first call of the program
    try:
        with default(**setting):
            assert everything() == wanted
        assert everything() == wanted
    finally:
        _forget_tables()


def _forget_tables() -> None:
    from colorization.model import ab_bins, halftone, srgb

    for module in (ab_bins, halftone, srgb):
        for function in vars(module).values():
            if hasattr(function, "cache_clear"):
                function.cache_clear()


def test_meta_model_says_its_shapes():
    with torch.device("meta"):
        model = ColorizationModel(make_tiny_model().config)
        output = model(torch.zeros(1, 3, 32, 48))
    assert output.ab.shape == (1, 2, 8, 12) and output.ab.device.type == "meta"


def test_device_map(tmp_path, picture):
    make_tiny_model().save_pretrained(tmp_path)
    model = ColorizationModel.from_pretrained(tmp_path, device_map="cpu")
    pipe = ColorizationPipeline(model=model, image_processor=ColorizationImageProcessor(64))
    assert pipe(picture).size == picture.size


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_dynamic_quantization(guided_pipeline, picture):
    if "x86" not in torch.backends.quantized.supported_engines:
        pytest.skip("this build of PyTorch quantizes nothing")
    model = torch.ao.quantization.quantize_dynamic(copy.deepcopy(guided_pipeline.model), {torch.nn.Linear})
    pipe = ColorizationPipeline(model=model, image_processor=guided_pipeline.image_processor, device="cpu")
    assert distance(pipe(picture), guided_pipeline(picture)) <= CLOSE


def test_compiles(picture):
    model = make_tiny_model()
    pixel_values = ColorizationImageProcessor(64)(picture)["pixel_values"]
    with torch.inference_mode():
        wanted = model(pixel_values).ab
        # The back end that compiles to machine code takes a minute; what could break is the capture of the graph.
        found = torch.compile(model, backend="aot_eager", fullgraph=True)(pixel_values).ab
    assert torch.allclose(found, wanted, atol=1e-3)
