"""From anything readable to a picture in color of the same size, with the same luminance."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from colorization import ColorizationImageProcessor
from colorization.model import color
from colorization.model.images import UnreadableImageError, read_photo
from colorization.model.painting import _enlarge_rows, _enlarge_width

from ..conftest import draw_landscape


def lightness_of(picture: Image.Image) -> torch.Tensor:
    return color.lightness(torch.from_numpy(np.array(picture.convert("RGB"))))


def test_takes_path_picture_bytes_photo_and_list(tiny_pipeline, landscape, tmp_path):
    path = tmp_path / "a.png"
    landscape.save(path)
    results = tiny_pipeline([str(path), str(path)])
    others = [tiny_pipeline(source) for source in (str(path), path, path.read_bytes(), landscape, read_photo(path))]
    for result in [*results, *others]:
        assert result.size == landscape.size and result.mode == "RGB"
        assert np.array_equal(np.asarray(result), np.asarray(results[0]))


def test_luminance_is_kept_and_color_is_added(tiny_pipeline, landscape):
    grey = landscape.convert("L")
    colored = tiny_pipeline(grey)
    shift = (lightness_of(colored) - lightness_of(grey)).abs()
    assert shift.max() < 0.8 and shift.mean() < 0.15
    ab = color.rgb_to_lab(torch.from_numpy(np.array(colored)).permute(2, 0, 1).float() / 255)[1:]
    assert ab.norm(dim=0).mean() > 2


def test_own_colors_of_the_input_do_not_matter(tiny_pipeline, landscape):
    lab = color.rgb_to_lab(torch.from_numpy(np.array(landscape)).permute(2, 0, 1).float() / 255)
    grey = color.join(lab[0], torch.zeros_like(lab[1:]))
    one = np.asarray(tiny_pipeline(landscape)).astype(int)
    other = np.asarray(tiny_pipeline(Image.fromarray(grey.numpy()))).astype(int)
    assert np.abs(one - other).mean() < 1.5  # the rounding of the grey picture


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 900), (1500, 7), (37, 53), (640, 360), (16, 16)])
def test_any_size_comes_back(tiny_pipeline, size):
    assert tiny_pipeline(draw_landscape(*size)).size == size


def test_alpha_and_exif_are_kept(tiny_pipeline, landscape, tmp_path):
    picture = landscape.convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    picture.save(tmp_path / "a.png", exif=exif)
    result = tiny_pipeline(tmp_path / "a.png")
    assert result.mode == "RGBA"
    assert np.array_equal(np.asarray(result)[..., 3], np.asarray(picture)[..., 3])
    kept = Image.Exif()
    kept.load(result.info["exif"])
    assert kept[0x010F] == "A camera"


def test_saturation(tiny_pipeline, landscape):
    grey = np.asarray(tiny_pipeline(landscape, saturation=0))
    assert (grey == grey[..., :1]).all()

    def chroma(saturation: float) -> float:
        rgb = torch.from_numpy(np.array(tiny_pipeline(landscape, saturation=saturation)))
        return color.rgb_to_lab(rgb.permute(2, 0, 1).float() / 255)[1:].norm(dim=0).mean().item()

    assert chroma(0.5) < chroma(1) < chroma(1.5)
    with pytest.raises(ValueError, match="strength"):
        tiny_pipeline(landscape, saturation=-1)
    with pytest.raises(TypeError, match="Unknown argument: satturation"):
        tiny_pipeline(landscape, satturation=1)


def test_predict_then_apply_is_the_call(tiny_pipeline, landscape):
    photo = read_photo(landscape)
    ab = tiny_pipeline.analyze(photo).ab
    assert ab.ndim == 3 and ab.shape[0] == 2
    assert np.array_equal(np.asarray(tiny_pipeline.apply_ab(photo, ab)), np.asarray(tiny_pipeline(photo)))


def test_unreadable_and_too_large(tiny_pipeline, landscape):
    with pytest.raises(UnreadableImageError, match="no such file"):
        tiny_pipeline("nothing.jpg")
    with pytest.raises(UnreadableImageError, match="megapixels"):
        tiny_pipeline(landscape, max_megapixels=0.001)


def test_working_shape_is_aspect_true():
    processor = ColorizationImageProcessor(working_size=256, size_multiple=16)
    for height, width in [(150, 150), (1365, 2048), (2048, 1365), (3000, 4000), (1080, 2560)]:
        h, w = processor.working_shape(height, width)
        assert h % 16 == 0 and w % 16 == 0
        assert abs(np.log((w / h) / (width / height))) < 0.08
        assert 0.85 < h * w / 256**2 < 1.15
    # A strip stays affordable.
    h, w = processor.working_shape(1, 50_000)
    assert h == 16 and w <= 16 * 256


def test_batch_of_different_aspects_is_refused(landscape):
    processor = ColorizationImageProcessor(working_size=64)
    with pytest.raises(ValueError, match="different aspect"):
        processor([landscape, landscape.rotate(90, expand=True)])
    assert processor([landscape, landscape])["pixel_values"].shape[0] == 2
    with pytest.raises(ValueError, match="C of 1, 3"):
        processor(np.zeros((5, 5, 2)))


def test_batch_equals_one_by_one(tiny_pipeline):
    pictures = [draw_landscape(seed=seed) for seed in range(3)]
    processor, model = tiny_pipeline.image_processor, tiny_pipeline.model
    with torch.inference_mode():
        together = model(processor(pictures)["pixel_values"]).ab
        alone = torch.cat([model(processor(picture)["pixel_values"]).ab for picture in pictures])
    assert torch.allclose(together, alone, atol=1e-3)


@pytest.mark.parametrize("size", [(97, 61), (33, 200), (12, 12), (500, 300), (5, 7)])
def test_banded_enlargement_is_that_of_pytorch(size):
    width, height = size
    ab = torch.randn(2, 12, 9, generator=torch.Generator().manual_seed(0)) * 30
    wide = _enlarge_width(ab.numpy(), width)
    bands = [_enlarge_rows(wide, top, min(top + 7, height), height).copy() for top in range(0, height, 7)]
    enlarged = torch.from_numpy(np.concatenate(bands, axis=1))
    if width >= 9 and height >= 12:
        expected = F.interpolate(ab[None], size=(height, width), mode="bicubic", align_corners=False)[0]
    else:
        expected = F.interpolate(ab[None], size=(height, width), mode="area")[0]
    assert torch.allclose(enlarged, expected, atol=1e-3)


def test_damaged_weights_are_noticed(tiny_pipeline, landscape):
    with pytest.raises(ValueError, match="not finite"):
        tiny_pipeline.image_processor.post_process_colorization(torch.full((1, 2, 4, 4), float("nan")), [landscape])
    with pytest.raises(ValueError, match="do not fit"):
        tiny_pipeline.image_processor.post_process_colorization(torch.zeros(2, 2, 4, 4), [landscape])


def test_a_negative_is_said_in_python(tiny_pipeline, caplog):
    light = np.repeat(np.linspace(245, 40, 90)[:, None], 120, axis=1).astype(np.uint8)
    assert tiny_pipeline.analyze(Image.fromarray(light)).notes == () and not caplog.records
    (note,) = tiny_pipeline.analyze(Image.fromarray(255 - light)).notes
    assert "looks like a negative" in note and "ImageOps.invert" in note
    assert note in caplog.text
