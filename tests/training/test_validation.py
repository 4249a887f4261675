"""Training and its validation read what the product reads, and measure what the harness measures."""

from __future__ import annotations

import dataclasses
import struct

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from colorization import ColorizationImageProcessor, ColorizationPipeline
from colorization.data.crops import Crops, RunOrder, StreamedCrops
from colorization.data.pictures import decode_once, load_pictures
from colorization.data.transforms import View
from colorization.model.images import read_photo
from colorization.training.validation import MAX_SIDE, HarnessValidation
from eval.colorizers import Colorizer
from eval.measuring import Bench, measure_picture
from eval.pictures import open_set

from ..conftest import draw_landscape, make_tiny_model
from .test_training import TINY

SIDE = 48
WHOLE = View(min_scale=1.0)


def display_p3() -> bytes:
    """The profile of sRGB with the primaries of Display P3 (adapted to D50), which has the same curve."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    primaries = {
        b"rXYZ": (0.51512, 0.24120, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.15710, 0.06657, 0.78407),
    }
    for number in range(struct.unpack_from(">I", profile, 128)[0]):
        tag, offset, _ = struct.unpack_from(">4sII", profile, 132 + 12 * number)
        if tag in primaries:
            struct.pack_into(">3i", profile, offset + 8, *(round(value * 65536) for value in primaries[tag]))
    return bytes(profile)


@pytest.fixture(scope="module")
def odd_files(tmp_path_factory):
    """Squares in the ways that photographs are stored, in a folder to train on."""
    folder = tmp_path_factory.mktemp("odd") / "train"
    folder.mkdir()
    picture = draw_landscape(SIDE, SIDE)
    picture.save(folder / "p3.png", icc_profile=display_p3())
    grey = np.asarray(picture.convert("L")).astype(np.uint16) * 257
    Image.fromarray(grey).save(folder / "grey16.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(folder / "rotated.jpg", exif=exif, quality=95)
    picture.convert("CMYK").save(folder / "cmyk.tif")
    picture.quantize(32).save(folder / "palette.png")
    return folder


def test_every_file_trains_with_the_pixels_that_the_product_sees(odd_files, tmp_path):
    files = sorted(odd_files.iterdir())
    truths = [torch.from_numpy(read_photo(file).rgb.copy()).permute(2, 0, 1) for file in files]
    assert len({truth.numpy().tobytes() for truth in truths}) == len(files) == 5
    pictures = load_pictures(str(odd_files.parent), "train")
    crops = Crops(pictures, WHOLE, seed=0)
    cached = Crops(decode_once(pictures, tmp_path / "cache"), WHOLE, seed=0)
    order = RunOrder(5, 5, 1, (SIDE,), 0, 0)
    stream = load_pictures(str(odd_files.parent), "train", streaming=True)
    streamed = list(StreamedCrops(stream, order, WHOLE, seed=0, buffer=1))
    for place, truth in enumerate(truths):
        mirrored = (truth, truth.flip(2))
        for crop in (crops[place, place, SIDE], cached[place, place, SIDE], streamed[place][0]):
            assert any(torch.equal(crop, view) for view in mirrored), files[place].name
    p3, srgb = truths[[file.name for file in files].index("p3.png")], np.asarray(draw_landscape(SIDE, SIDE))
    assert np.abs(p3.permute(1, 2, 0).numpy().astype(int) - srgb).mean() > 2, "the profile would change nothing"


def harness_figures(model, folder, working_size: int, limit: int) -> dict[str, float]:
    """Means over the pictures of a folder, by the harness's own way of measuring one."""
    pipe = ColorizationPipeline(model=model, image_processor=ColorizationImageProcessor(working_size), device="cpu")
    colorizer = Colorizer("model", "model", lambda grey, path: pipe(grey))
    bench = Bench({"model": colorizer}, size=MAX_SIDE, sky_dependence=False)
    with torch.inference_mode():
        records = [measure_picture(picture, bench) for picture in open_set(str(folder), limit=limit)[0]]
    rows = [record["rows"]["model"] for record in records if "rows" in record]
    assert rows
    ratio = np.array([row["chroma_ratio"] for row in rows])
    means = {f"{name}_mean": np.mean([row[name] for row in rows]) for name in ("psnr_rgb", "mae_rgb", "ab_rmse")}
    return means | {
        "ciede2000_mean": np.mean([row["ciede2000_mean"] for row in rows]),
        "chroma_ratio_median": np.median(ratio),
        "collapse_rate": (ratio < 0.5).mean(),
        "sepia_rate": np.mean([row["sepia"] for row in rows]),
    }


def check_equal(root, limit: int) -> None:
    model = make_tiny_model()
    recipe = dataclasses.replace(TINY, validation_pictures=limit)
    found = HarnessValidation(load_pictures(str(root), "validation"), recipe)(model)
    for name, value in harness_figures(model, root / "val", TINY.working_size, limit).items():
        assert found[name] == pytest.approx(value, abs=1e-6), name


def test_figures_are_those_of_the_harness(data):
    draw_landscape(700, 500, seed=9).save(data / "val" / "hills" / "large.jpg", icc_profile=display_p3())
    draw_landscape(60, 40).convert("L").save(data / "val" / "hills" / "grey.png")
    check_equal(data, limit=6)


def test_pictures_without_a_sky_are_watched_apart(data):
    pictures = load_pictures(str(data), "validation")
    labels = ["no" if number % 2 else "yes" for number in range(len(pictures))]
    model, recipe = make_tiny_model(), dataclasses.replace(TINY, validation_pictures=len(pictures))
    labeled = HarnessValidation(pictures.add_column("sky", labels), recipe)
    without = HarnessValidation(pictures.select(range(1, len(pictures), 2)), recipe)
    found, alone = labeled(model), without(model)
    assert len(pictures) >= 2
    # What a run may choose its model by is what it will be told.
    assert labeled.higher_is_better.keys() == found.keys() and without.higher_is_better.keys() == alone.keys()
    for name, value in alone.items():
        assert found[f"no_sky_{name}"] == pytest.approx(value, abs=1e-9)
        assert labeled.higher_is_better[f"no_sky_{name}"] == labeled.higher_is_better[name]


@pytest.mark.slow
def test_figures_are_those_of_the_harness_on_photographs(shared):
    check_equal(shared / "data", limit=40)


def test_the_distance_of_sets_is_measured_where_it_is_asked(data, monkeypatch):
    # Mean colors stand for features of a network, whose weights would have to be downloaded.
    monkeypatch.setattr("eval.metrics.perceptual.SqueezeFeatures", lambda: lambda rgb: rgb.mean(dim=(2, 3)))
    recipe = dataclasses.replace(TINY, set_distance=True)
    found = HarnessValidation(load_pictures(str(data), "validation"), recipe)(make_tiny_model())
    assert found["kd_squeezenet"] > 1e-6


def test_pictures_without_color_are_nothing_to_judge_by(data):
    for path in (data / "val").rglob("*.png"):
        Image.open(path).convert("L").save(path)
    with pytest.raises(ValueError, match="colorful enough"):
        HarnessValidation(load_pictures(str(data), "validation"), TINY)(make_tiny_model())
