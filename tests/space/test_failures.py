"""When it fails: the figures are those of the file, and the experiment cuts what it says."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorization.model.pipeline_colorization import EMBEDDED_MODEL
from colorization.publishing import page_figures
from eval.results import SCHEMA
from space.failures import FIGURES, Figures, SkyExperiment, read_figures
from space.service import ColorizeService, PageError
from space.story import tell
from space.tab_failures import _published

from .conftest import mean_chroma


@pytest.fixture
def service(tiny_model_dir: Path, tmp_path: Path) -> ColorizeService:
    return ColorizeService(tmp_path / "results", tiny_model_dir, device="cpu")


def _results(sha256: str) -> dict:
    """As the harness writes it, with figures that nobody measured."""
    figure = {"value": 0.25, "interval": [0.2, 0.3]}
    summaries = [
        {"slice": part, "colorizer": name, "n": 12, **{measure: figure for measure in page_figures.MEASURES}}
        for part in page_figures.SLICES
        for name in ("ours", "grey", "truth")
    ]
    return {
        "schema": SCHEMA,
        "created": "2001-02-03T04:05:06",
        "colorizers": {"ours": {"sha256": sha256}, "grey": {"sha256": None}, "truth": {"sha256": None}},
        "summaries": summaries,
        "sky_dependence": {
            "summaries": [{"colorizer": "ours", "n": 7, **{key: figure for key in page_figures.SKY_MEASURES}}]
        },
        "data": {"path": "folder/of/test", "measured": 12},
    }


def test_the_command_takes_the_figures_of_these_weights_only(tmp_path: Path, caplog) -> None:
    sha256 = hashlib.sha256((EMBEDDED_MODEL / "model.safetensors").read_bytes()).hexdigest()
    results, target = tmp_path / "results.json", tmp_path / "figures.json"
    results.write_text(json.dumps(_results(sha256)))
    options = [str(results), "--output", str(target), "--card", "https://example.org/card"]
    assert page_figures.main(options) == 0
    found = read_figures(EMBEDDED_MODEL, target)
    assert found.current and found.value("sky no", "model", "sepia_rate") == 0.25
    text = _published(found)
    assert "12 photographs" in text and "lost 25% (20% to 30%)" in text and "https://example.org/card" in text
    target.unlink()
    results.write_text(json.dumps(_results("0" * 64)))
    assert page_figures.main(options) == 1 and "no colorizer" in caplog.text
    assert not target.exists()


def test_what_is_published_comes_from_the_file_alone() -> None:
    figures = read_figures(EMBEDDED_MODEL)
    assert figures is not None, f"{FIGURES} is missing or no file of scripts/page_figures.py"
    other = copy.deepcopy(figures.content)
    for part in other["slices"].values():
        for column in ("model", "grey", "truth"):
            for figure in part.get(column, {}).values():
                figure["value"] = 0.123
    numbers = re.findall(r"<td>(.*?)</td>", _published(Figures(other, True)))
    counts = {f"{part['n']:,}" for part in other["slices"].values()}
    assert set(numbers) - counts == {"12%", "+0.0 dB", "0.1 / 0.1"}


def test_words_follow_the_sign_of_the_figures() -> None:
    """The same sentences with other figures say the opposite; numbers are never negative losses."""
    real = read_figures(EMBEDDED_MODEL)
    assert real is not None

    def story(lost: float, brown: float, ours: float) -> str:
        content = copy.deepcopy(real.content)
        figure = {"value": lost, "interval": [lost - 0.01, lost + 0.01]}
        control = {"value": 0.0, "interval": [-0.01, 0.01]}
        rates = {key: {"value": brown, "interval": [brown, brown]} for key in ("sepia_rate_whole", "sepia_rate_cut")}
        content["sky_dependence"] = {"n": 9, "chroma_lost": figure, "chroma_lost_control": control, **rates}
        model = content["slices"]["sky no"]["model"]
        for key in ("sepia_rate", "one_hue_rate"):
            model[key] = {"value": brown, "interval": [max(0, brown - 0.01), brown + 0.01]}
            content["slices"]["sky no"]["truth"][key] = {"value": 0.0, "interval": [0.0, 0.0]}
        model["ciede2000_mean"] = {"value": ours, "interval": [ours, ours]}
        before = {"value": 0.1, "interval": None}
        content["before"] = {"slices": {"sky no": {"model": {"sepia_rate": before, "one_hue_rate": before}}}}
        figures = Figures(content, True)
        return tell(figures) + _published(figures)

    bad, good = story(0.2, 0.3, 99), story(-0.2, 0.0, 1)
    assert "lost 20%" in bad and "does depend on seeing the sky" in bad and "known weakness of programs" in bad
    assert "gained 20%" in good and "does depend" not in good and "is not seen here" in good
    assert "grey would have been the safer guess" in bad and "without one (1.0, left grey" in good
    assert "10.0% before and 30.0% now (more)" in bad and "10.0% before and 0.0% now (fewer)" in good
    assert "-20%" not in bad + good


def test_the_release_before_is_kept_beside_the_new_one(tmp_path: Path) -> None:
    sha256 = hashlib.sha256((EMBEDDED_MODEL / "model.safetensors").read_bytes()).hexdigest()
    results, target = tmp_path / "results.json", tmp_path / "figures.json"
    results.write_text(json.dumps(_results(sha256)))
    assert page_figures.main([str(results), "--output", str(target)]) == 0
    old = json.loads(target.read_text())
    assert old["before"] is None
    old["weights_sha256"], old["slices"]["sky no"]["model"]["sepia_rate"]["value"] = "0" * 64, 0.5
    target.write_text(json.dumps(old))
    for _ in range(2):  # written twice for one release, it still has the one before
        assert page_figures.main([str(results), "--output", str(target)]) == 0
        before = json.loads(target.read_text())["before"]
        assert before["slices"]["sky no"]["model"]["sepia_rate"]["value"] == 0.5


def test_figures_of_another_model_say_so(tiny_model_dir: Path, tmp_path: Path) -> None:
    assert "another model" in _published(read_figures(tiny_model_dir))
    assert "No figures" in _published(read_figures(EMBEDDED_MODEL, tmp_path / "missing.json"))
    (tmp_path / "broken.json").write_text("[]")
    assert read_figures(EMBEDDED_MODEL, tmp_path / "broken.json") is None


@pytest.mark.slow
def test_the_ground_is_colored_with_and_without_sky(service: ColorizeService) -> None:
    experiment = SkyExperiment(service)
    found = experiment.on_drawing()
    pictures = {path.stem: np.asarray(Image.open(path)) for path, _ in found.pictures}
    rows = round(found.cut * 800)
    assert 100 < rows < 560
    assert pictures["with"].shape == pictures["without"].shape == (800 - rows, 1200, 3)
    assert np.array_equal(pictures["with"], pictures["whole"][rows:])
    assert not np.array_equal(pictures["with"], pictures["without"])
    assert found.chroma_without == pytest.approx(mean_chroma(Image.fromarray(pictures["without"])), abs=0.05)
    assert experiment.on_drawing() is found


def test_without_a_sky_there_is_nothing_to_cut(service: ColorizeService, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 90, (200, 300), np.uint8)
    Image.fromarray(noise).save(tmp_path / "wall.png")
    with pytest.raises(PageError, match=r"wall\.png.*no sky"):
        SkyExperiment(service).on_photograph(tmp_path / "wall.png")
