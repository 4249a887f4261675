"""What visitors keep: both sides in one picture, a layer of color, and a recipe that the command line follows, too."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorization.model.coloring import read_coloring
from space.batch import color_batch
from space.fine_tuning import Guide
from space.hints import Guidance, Hint
from space.keeping import guidance_of, read_recipe, take_recipe, write_comparison, write_layer, write_recipe
from space.models import PageError
from space.service import ColoredPhoto, ColorizeService

from .conftest import mean_chroma


@pytest.fixture(scope="module")
def service(guided_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> ColorizeService:
    return ColorizeService(tmp_path_factory.mktemp("results"), guided_model_dir, device="cpu")


@pytest.fixture(scope="module")
def result(service: ColorizeService, uploads: Path) -> ColoredPhoto:
    return service.colorize(uploads / "beach.jpg")


@pytest.mark.parametrize(("name", "size"), [("beach.jpg", (403, 300)), ("wide.jpg", (2048, 532))])
def test_both_sides_are_in_one_picture(service: ColorizeService, uploads: Path, name: str, size) -> None:
    path = write_comparison(service, service.colorize(uploads / name), 1.0)
    picture = Image.open(path)
    assert path.name == f"{Path(name).stem}-before-and-after.jpg" and picture.size == size
    width, height = size
    wide = width > 2 * height
    first = picture.crop((0, 0, width, height // 2 - 8) if wide else (0, 0, width // 2 - 8, height))
    second = picture.crop((0, height // 2 + 8, width, height) if wide else (width // 2 + 8, 0, width, height))
    assert mean_chroma(first) < 1 and mean_chroma(second) > 3


def _composite(backdrop: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """The blend mode Color of W3C Compositing and Blending Level 1, section 10.2: [H, W, 3], 0 to 255."""

    def luminosity(color: np.ndarray) -> np.ndarray:
        return color @ np.array([0.3, 0.59, 0.11])

    color = layer + (luminosity(backdrop) - luminosity(layer))[..., None]
    light, low, high = luminosity(color)[..., None], color.min(-1, keepdims=True), color.max(-1, keepdims=True)
    color = np.where(low < 0, light + (color - light) * light / np.maximum(light - low, 1e-9), color)
    return np.where(high > 255, light + (color - light) * (255 - light) / np.maximum(high - light, 1e-9), color)


def test_the_layer_over_the_original_gives_the_result(service: ColorizeService, uploads: Path) -> None:
    result = service.colorize(uploads / "deep.png")
    path = write_layer(service, result, 0.6)
    layer = Image.open(path)
    assert path.name == "deep-color-layer.png" and layer.mode == "RGBA"
    assert layer.getextrema()[3] == (255, 255)
    original = np.asarray(Image.open(service.write(result, 0.0, "PNG")).convert("RGB")).astype(float)
    wanted = np.asarray(Image.open(service.write(result, 0.6, "PNG")).convert("RGB")).astype(float)
    composed = _composite(original, np.asarray(layer.convert("RGB")).astype(float))
    assert np.abs(composed - wanted).mean() < 1 < np.abs(original - wanted).mean() / 4
    bordered = replace(result, prediction=replace(result.prediction, inside=(20, 10, 280, 190)))
    assert np.asarray(Image.open(write_layer(service, bordered, 1.0)))[..., 3].mean() == pytest.approx(
        255 * 260 * 180 / (300 * 200), abs=0.1
    )


def test_a_recipe_comes_back_as_it_was(service: ColorizeService, result: ColoredPhoto, tmp_path: Path) -> None:
    guide = Guide(service)
    guidance = guide.with_look(Guidance((Hint(0.25, 0.8, "#c03030"),)), "autumn")
    path = write_recipe(service, guide.adopt(guide.ask(result, guidance), 2), 1.3, -0.1)
    assert path.name == "beach-colors.json"
    recipe = read_recipe(path)
    assert recipe == read_coloring(path) and (recipe.variant, recipe.strength, recipe.warmth) == (2, 1.3, -0.1)
    again = guidance_of(recipe, guide)
    assert again.hints == guidance.hints and again.look == "autumn"


def test_what_is_no_recipe_is_a_sentence(service: ColorizeService, result: ColoredPhoto, tmp_path: Path) -> None:
    for content, reason in (("{", "not valid JSON"), ('{"color": 1}', "unknown field"), ("x" * 200_000, "too large")):
        (tmp_path / "bad.json").write_text(content)
        with pytest.raises(PageError, match=reason) as error:
            read_recipe(tmp_path / "bad.json")
        assert str(tmp_path) not in str(error.value)
    borrowed = replace(result, guidance=Guidance(palette=Guide(service).with_look(Guidance(), "autumn").palette))
    with pytest.raises(PageError, match="another photograph"):
        write_recipe(service, borrowed, 1.0)


def test_a_batch_follows_a_recipe(service: ColorizeService, uploads: Path, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(json.dumps({"look": "blue hour", "variant": 2}))
    guide = Guide(service)
    recipe, paths = take_recipe([uploads / "deep.png", tmp_path / "r.json"])
    assert recipe is not None and paths == [uploads / "deep.png"]
    *_, batch = color_batch(service, paths, recipe=recipe)
    with zipfile.ZipFile(batch.archive) as archive, archive.open("deep.png") as file:
        one = np.asarray(Image.open(file).convert("RGB"))
    alone = guide.guided_file(uploads / "deep.png", guidance_of(recipe, guide), 2, 1.0, "PNG")
    assert np.array_equal(one, np.asarray(Image.open(alone).convert("RGB")))
