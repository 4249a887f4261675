from __future__ import annotations

import pickle
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab

from colorization.model.images import UnreadableImageError
from space import models as models_module
from space import service as service_module
from space.notes import describe
from space.service import ColorizeService, PageError
from space.views import LONGEST_SIDE

from .conftest import mean_chroma


@pytest.fixture
def service(tiny_model_dir: Path, tmp_path: Path) -> ColorizeService:
    return ColorizeService(tmp_path / "results", tiny_model_dir, device="cpu")


def test_colors_and_keeps_size_and_exif(service: ColorizeService, uploads: Path) -> None:
    result = service.colorize(uploads / "beach.jpg")
    assert result.size == (200, 300)  # upright
    assert mean_chroma(Image.open(result.before)) < 1
    assert mean_chroma(Image.open(result.after)) > 3
    path = service.write(result, 1.0, "JPEG")
    assert path.name == "beach-colorized.jpg"
    saved = Image.open(path)
    assert saved.format == "JPEG" and saved.size == (200, 300)
    assert saved.getexif()[0x010E].startswith("A beach") and saved.getexif().get(0x0112, 1) == 1
    assert mean_chroma(saved) > 3


def test_saturation_needs_no_second_run(
    service: ColorizeService, uploads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = service.colorize(uploads / "beach.jpg")
    monkeypatch.setattr(service.models.pipeline(), "model", None)  # whoever runs the network now fails
    chroma = [mean_chroma(Image.open(service.recolor(result, s).after)) for s in (0, 0.5, 1)]
    assert chroma[0] < 1 < chroma[1] < chroma[2]
    assert mean_chroma(Image.open(service.write(result, 0.0, "PNG"))) < 1


def test_warmth_needs_no_second_run_and_leaves_grey_alone(
    service: ColorizeService, uploads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = service.colorize(uploads / "beach.jpg")
    monkeypatch.setattr(service.models.pipeline(), "model", None)

    def yellowness(saturation: float, warmth: float) -> float:
        lab = rgb2lab(np.asarray(Image.open(service.recolor(result, saturation, warmth).after).convert("RGB")))
        return float(lab[..., 2].mean())

    cool, as_is, warm = (yellowness(1, warmth) for warmth in (-1, 0, 1))
    assert cool < as_is - 1 < as_is + 1 < warm
    assert abs(yellowness(0, 1)) < 0.5
    saved = np.asarray(Image.open(service.write(result, 1, "PNG", 1.0)).convert("RGB"))
    assert rgb2lab(saved)[..., 2].mean() == pytest.approx(warm, abs=0.1)


def test_the_sky_is_looked_for(service: ColorizeService, uploads: Path, tmp_path: Path) -> None:
    assert service.colorize(uploads / "beach.jpg").sky in ("yes", "no", "uncertain")
    noise = np.random.default_rng(0).integers(0, 90, (200, 300), np.uint8)
    Image.fromarray(noise).save(tmp_path / "wall.png")
    result = service.colorize(tmp_path / "wall.png")
    assert result.sky == "no"


def test_at_most_one_sentence_of_warning_and_none_that_contradicts(service: ColorizeService, uploads: Path) -> None:
    result = service.colorize(uploads / "beach.jpg")
    assert "warning" not in describe(result) and "sure" not in describe(result)
    unsure = replace(
        result, prediction=SimpleNamespace(logits=1, confidence="several colorings are plausible", notes=()), sky="no"
    )
    assert describe(unsure).count("class=warning") == 1 and "Several colorings" in describe(unsure)
    sure = replace(unsure, prediction=SimpleNamespace(logits=1, confidence="fairly sure", notes=()))
    assert "warning" not in describe(sure)
    assert "made grey first" in describe(service.colorize(uploads / "colors.png"))


def test_a_negative_and_a_file_cut_off_are_said(service: ColorizeService, tmp_path: Path) -> None:
    light = np.repeat(np.linspace(245, 40, 90)[:, None], 120, axis=1).astype(np.uint8)
    Image.fromarray(255 - light).save(tmp_path / "negative.png")
    assert "looks like a negative" in describe(service.colorize(tmp_path / "negative.png"))
    Image.fromarray(light).save(tmp_path / "whole.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:-2])
    assert "ends too early" in describe(service.colorize(tmp_path / "cut.jpg"))


def test_a_photograph_is_read_once_and_written_once_for_programs(
    service: ColorizeService, uploads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, writes, read, save = [], [], service_module.read_photo, service_module.save_picture
    monkeypatch.setattr(service_module, "read_photo", lambda *a, **k: reads.append(a) or read(*a, **k))
    monkeypatch.setattr(service_module, "save_picture", lambda *a, **k: writes.append(a) or save(*a, **k))
    service.colorize_file(uploads / "beach.jpg", 1, "JPEG")
    assert len(reads) == len(writes) == 1


def test_what_goes_to_the_network_is_data_and_small(
    service: ColorizeService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A borrowed GPU gets it pickled, at each call."""
    Image.new("L", (3000, 2000), 90).save(tmp_path / "large.png")
    sent, run = [], models_module.run_network

    def keep(*arguments):
        sent.append(len(pickle.dumps(arguments)))
        answer = run(*arguments)
        sent.append(len(pickle.dumps(answer)))
        return answer

    monkeypatch.setattr(models_module, "run_network", keep)
    service.colorize(tmp_path / "large.png")
    assert len(sent) == 2 and max(sent) < 2_000_000


def test_two_services_share_one_model(service: ColorizeService, tiny_model_dir: Path, tmp_path: Path) -> None:
    assert ColorizeService(tmp_path, tiny_model_dir, device="cpu").models.pipeline() is service.models.pipeline()


def test_each_change_has_its_own_picture(service: ColorizeService, uploads: Path) -> None:
    result = service.colorize(uploads / "beach.jpg")
    assert service.recolor(result, 0.5).after != result.after


def test_large_photographs_are_shown_reduced_and_saved_whole(service: ColorizeService, uploads: Path) -> None:
    result = service.colorize(uploads / "wide.jpg")
    assert result.reduced
    assert Image.open(result.before).size == Image.open(result.after).size == (LONGEST_SIDE, LONGEST_SIDE // 8)
    assert Image.open(service.write(result, 1, "JPEG")).size == (2400, 300)


@pytest.mark.parametrize("name", ["deep.png", "scan.tif", "veiled.png"])
def test_sixteen_bits_tiff_and_transparency(service: ColorizeService, uploads: Path, name: str) -> None:
    result = service.colorize(uploads / name)
    assert result.lossless
    saved = Image.open(service.write(result, 1, "PNG"))
    assert saved.size == (300, 200)
    assert saved.mode == ("RGBA" if name == "veiled.png" else "RGB")
    if name != "veiled.png":  # not clipped to white on the way: the brightness is the drawing's
        grey = Image.open(service.write(result, 0, "PNG"))
        expected = np.asarray(Image.open(uploads / "deep.png")).astype(float) / 257
        assert abs(np.asarray(grey.convert("L")).astype(float).mean() - expected.mean()) < 1


def test_preview_only_where_a_browser_shows_nothing(service: ColorizeService, uploads: Path) -> None:
    assert service.preview(uploads / "deep.png") is None
    shown = service.preview(uploads / "scan.tif")
    assert shown is not None and Image.open(shown).format == "JPEG"


@pytest.mark.parametrize(("name", "reason"), [("notes.jpg", "not a picture"), ("half.jpg", "cut off")])
def test_bad_files_are_named_in_a_sentence(service: ColorizeService, uploads: Path, name: str, reason: str) -> None:
    for call in (service.preview, service.colorize):
        with pytest.raises(UnreadableImageError, match=f"{name}.*{reason}"):
            call(uploads / name)


def test_a_deleted_upload_is_explained(service: ColorizeService, uploads: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.jpg"
    copy.write_bytes((uploads / "beach.jpg").read_bytes())
    result = service.colorize(copy)
    copy.unlink()
    with pytest.raises(PageError, match="no longer on the server"):
        service.write(result, 1, "JPEG")


@pytest.mark.parametrize("warmth", [-1.5, 2, float("nan"), "hot", None])
def test_warmth_out_of_range(service: ColorizeService, uploads: Path, warmth) -> None:
    with pytest.raises(PageError, match="Warmth goes from -1 to 1"):
        service.colorize_file(uploads / "beach.jpg", 1, "JPEG", warmth)


@pytest.mark.parametrize("saturation", [-1, 2.5, float("nan")])
def test_strength_out_of_range(service: ColorizeService, uploads: Path, saturation: float) -> None:
    with pytest.raises(PageError, match="from 0 to 2"):
        service.colorize_file(uploads / "beach.jpg", saturation, "JPEG")


def test_unknown_format(service: ColorizeService, uploads: Path) -> None:
    with pytest.raises(PageError, match="JPEG, PNG"):
        service.colorize_file(uploads / "beach.jpg", 1, "EXE")


def test_missing_model_is_a_sentence(uploads: Path, tmp_path: Path) -> None:
    with pytest.raises(PageError, match="could not be loaded"):
        ColorizeService(tmp_path, tmp_path / "nothing", device="cpu").colorize(uploads / "beach.jpg")


def test_the_model_is_loaded_once(service: ColorizeService, uploads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import colorization.model.pipeline_colorization as hallway

    loads, load = [], hallway.load_pipeline
    monkeypatch.setattr(models_module, "_LOADED", {})
    monkeypatch.setattr(hallway, "load_pipeline", lambda **options: loads.append(options) or load(**options))
    assert not loads
    service.colorize(uploads / "beach.jpg")
    service.colorize(uploads / "deep.png")
    assert len(loads) == 1


@pytest.mark.parametrize("name", ["../../etc/passwd.jpg", 'a\nb".png', "名前.jpg", "....", "x" * 300 + ".jpg"])
def test_names_of_downloads_are_tame(name: str) -> None:
    stem = service_module.safe_stem(name)
    assert re.fullmatch(r"[\w.() -]{1,80}", stem) and not stem.startswith(".") and "\n" not in stem
