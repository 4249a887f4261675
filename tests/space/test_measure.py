"""Compare and measure: the figures agree with another library's, and nonsense is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import peak_signal_noise_ratio

from space.measure import GREY, MEASURES, RELEASE, SECOND, compare
from space.models import Models
from space.service import ColorizeService, PageError

from ..conftest import ROOT, draw_landscape


@pytest.fixture
def service(tiny_model_dir: Path, tmp_path: Path) -> ColorizeService:
    return ColorizeService(tmp_path / "results", tiny_model_dir, device="cpu")


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    draw_landscape(300, 200).save(tmp_path / "truth.png")
    return tmp_path / "truth.png"


def test_figures_are_those_of_the_pictures_shown(service: ColorizeService, truth: Path) -> None:
    found = compare(service, truth)
    pictures = {path.stem: np.asarray(Image.open(path).convert("RGB")) for path, _ in found.pictures}
    right = np.asarray(Image.open(truth))
    assert np.array_equal(pictures["truth"], right)
    assert np.ptp(pictures["grey"].astype(int), axis=2).max() == 0
    for column, stem in ((RELEASE, "model"), (GREY, "grey")):
        figures = found.figures[column]
        assert figures["psnr"] == pytest.approx(peak_signal_noise_ratio(right, pictures[stem]), abs=1e-3)
        expected = deltaE_ciede2000(rgb2lab(pictures[stem]), rgb2lab(right)).mean()
        assert figures["ciede2000"] == pytest.approx(expected, abs=0.02)
    assert found.figures[GREY]["chroma_ratio"] == pytest.approx(0, abs=1e-3)
    assert found.figures[RELEASE]["chroma_ratio"] > 0.1
    assert found.figures["Truth"]["ciede2000"] == 0 and found.figures["Truth"]["chroma_ratio"] == pytest.approx(1)
    assert all(set(figures) == {measure.key for measure in MEASURES} for figures in found.figures.values())


def test_the_map_is_brightest_where_colors_are_furthest_off(service: ColorizeService, truth: Path) -> None:
    found = compare(service, truth)
    pictures = {path.stem: np.asarray(Image.open(path).convert("RGB")).astype(float) for path, _ in found.pictures}
    difference = deltaE_ciede2000(rgb2lab(pictures["grey"] / 255), rgb2lab(np.asarray(Image.open(truth))))
    brightness = pictures["baseline-errors"].mean(axis=2)
    assert np.corrcoef(brightness.ravel(), difference.ravel())[0, 1] > 0.9


def test_sky_is_found_and_shown(service: ColorizeService, truth: Path) -> None:
    found = compare(service, truth)
    assert found.sky_label in ("yes", "no", "uncertain") and 0 <= found.sky_share <= 1
    (caption,) = [caption for path, caption in found.pictures if path.stem == "sky"]
    assert f"{found.sky_share:.0%}" in caption


def test_another_model_is_the_baseline(service: ColorizeService, truth: Path, tiny_model_dir: Path) -> None:
    found = compare(service, truth, Models(tiny_model_dir, "cpu"))
    assert found.figures[SECOND] == found.figures[RELEASE]  # the same weights
    assert "other" in {path.stem for path, _ in found.pictures}


@pytest.mark.slow
def test_large_photographs_are_measured_reduced(service: ColorizeService, tmp_path: Path) -> None:
    draw_landscape(2048, 512).save(tmp_path / "wide.png")
    assert compare(service, tmp_path / "wide.png").size == (1024, 256)


def test_a_picture_too_small_for_structure_has_the_other_figures(service: ColorizeService, tmp_path: Path) -> None:
    draw_landscape(16, 9).save(tmp_path / "tiny.png")
    figures = compare(service, tmp_path / "tiny.png").figures[RELEASE]
    assert figures["ssim"] is None and figures["psnr"] is not None


def test_without_color_there_is_nothing_to_measure(service: ColorizeService, uploads: Path) -> None:
    with pytest.raises(PageError, match=r"beach.jpg.*no color"):
        compare(service, uploads / "beach.jpg")


@pytest.mark.slow
def test_the_page_opens_without_the_measures() -> None:
    code = "import sys, space.ui; print([m for m in ('eval', 'torchmetrics') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.strip() == "[]"
