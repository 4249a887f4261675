"""Fine-tuning a colored photograph: variants, points, palettes and doubt, without the layout."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2lab

from space import models
from space.color_names import color_name
from space.fine_tuning import CHOICES, Guide
from space.hints import MAX_HINTS, Guidance, Hint, make_hint, read_color, read_hints
from space.service import ColoredPhoto, ColorizeService, PageError

from .conftest import mean_chroma


@pytest.fixture(scope="module")
def service(guided_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> ColorizeService:
    return ColorizeService(tmp_path_factory.mktemp("results"), guided_model_dir, device="cpu")


@pytest.fixture(scope="module")
def guide(service: ColorizeService) -> Guide:
    return Guide(service)


@pytest.fixture(scope="module")
def plain_guide(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Guide:
    """With a model that has no classifier and takes no guidance."""
    return Guide(ColorizeService(tmp_path_factory.mktemp("results"), tiny_model_dir, device="cpu"))


@pytest.fixture(scope="module")
def result(service: ColorizeService, uploads: Path) -> ColoredPhoto:
    return service.colorize(uploads / "beach.jpg")


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def test_a_session_keeps_little(result: ColoredPhoto) -> None:
    tensors = (result.ab, result.prediction.ab, result.prediction.logits, result.prediction.spread)
    kept = sum(tensor.nbytes for tensor in tensors)
    at_44_by_44 = kept / result.ab[0].numel() * 44 * 44  # the release model's raster of a square photograph
    assert result.prediction.photo is None and result.prediction.logits.dtype == torch.float16
    assert at_44_by_44 < 1e6
    assert isinstance(hash(result), int)  # Gradio hashes what it keeps, to see whether it changed


def test_tiles_are_small_and_differ(guide: Guide, result: ColoredPhoto) -> None:
    tiles = guide.tiles(result)
    (width, height), strip = tiles.size, pixels(tiles.file)
    assert tiles.names == tuple(map(str, range(1, CHOICES + 1))) and strip.shape[:2] == (height, width * CHOICES)
    assert max(tiles.size) <= 320 and width / height == pytest.approx(2 / 3, abs=0.01)  # true aspect
    small = [strip[:, number * width : (number + 1) * width] for number in range(CHOICES)]
    for i in range(CHOICES):
        for j in range(i):
            assert np.abs(small[i] - small[j]).mean() > 1
    as_shown = Image.open(result.after).resize(tiles.size, Image.Resampling.LANCZOS)
    assert np.abs(small[0] - np.asarray(as_shown).astype(int)).mean() < 4  # the first is what is shown


def test_an_adopted_variant_is_shown_and_saved(service: ColorizeService, guide: Guide, result: ColoredPhoto) -> None:
    adopted = guide.show(guide.adopt(result, 3), 1, 0)
    assert adopted.variant == 3 and np.abs(pixels(adopted.after) - pixels(result.after)).mean() > 1
    assert np.abs(pixels(service.write(adopted, 1, "PNG")) - pixels(adopted.after)).mean() <= 3  # JPEG
    weaker = service.recolor(adopted, 0.2)
    assert mean_chroma(Image.open(weaker.after)) < mean_chroma(Image.open(adopted.after)) / 2
    back = guide.show(guide.adopt(adopted, 1), 1, 0)
    assert np.array_equal(pixels(back.after), pixels(result.after))


@pytest.mark.parametrize("number", [0, 10, 1.5, "two", None, float("nan")])
def test_there_is_no_such_variant(guide: Guide, result: ColoredPhoto, number) -> None:
    with pytest.raises(PageError, match="numbered from 1 to 9"):
        guide.adopt(result, number)


def test_suggestions_have_the_lightness_of_the_point(guide: Guide, result: ColoredPhoto) -> None:
    found = guide.suggest(result, 0.5, 0.25)
    assert all(0 < each.share <= 1 for each in found)
    colors = [each.color for each in found]
    assert 1 <= len(colors) <= 4 and len(set(colors)) == len(colors)
    before = Image.open(result.before).convert("RGB")
    own = rgb2lab(np.asarray(before)[int(before.height * 0.25), before.width // 2] / 255)[0]
    for color in colors:
        assert rgb2lab(np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255)[0] == pytest.approx(own, abs=1)


def test_points_change_the_colors_and_going_back_restores_them(guide: Guide, result: ColoredPhoto) -> None:
    guidance = (
        Guidance().with_hint(make_hint(50, 20, "#c03030")).with_hint(make_hint(10, 90, "rgba(20.4, 40, 200.6, 1)"))
    )
    assert guidance.hints[1].color == "#1428c9"
    asked = guide.show(guide.ask(result, guidance), 1, 0)
    assert asked.guidance == guidance and asked.before == result.before
    assert np.abs(pixels(asked.after) - pixels(result.after)).mean() > 0.5
    restored = guide.show(guide.ask(asked, Guidance()), 1, 0)
    assert np.array_equal(pixels(restored.after), pixels(result.after))


def test_the_point_is_where_the_pipeline_has_it(service: ColorizeService, guide: Guide, result: ColoredPhoto) -> None:
    asked = guide.ask(result, Guidance((Hint(0.25, 0.8, "#c03030"),)))
    directly = service.models.pipeline().analyze(result.source, hints=[((50, 240), "#c03030")])  # 200 × 300 px
    assert torch.equal(asked.ab, directly.ab)


def test_a_second_color_at_a_point_replaces_the_first() -> None:
    guidance = Guidance().with_hint(make_hint(50, 20, "red")).with_hint(make_hint(50.5, 20.5, "blue"))
    assert [hint.color for hint in guidance.hints] == ["#0000ff"]
    full = Guidance(tuple(Hint(i / MAX_HINTS, 0.5, "#ffffff") for i in range(MAX_HINTS)))
    with pytest.raises(PageError, match="points already"):
        full.with_hint(make_hint(50, 90, "red"))


def test_a_hint_reads_twice_and_writes_twice(
    guide: Guide, result: ColoredPhoto, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, written = [], []
    monkeypatch.setattr(Image, "open", _counted(Image.open, opened))
    monkeypatch.setattr(Image.Image, "save", _counted(Image.Image.save, written))
    asked = guide.show(guide.ask(result, Guidance((Hint(0.25, 0.8, "#c03030"),))), 1, 0)
    assert len(opened) <= 2 and len(written) <= 2
    guide.tiles(asked)  # of another event
    assert len(written) <= 2


def _counted(function, calls: list):
    return lambda *args, **options: calls.append(args) or function(*args, **options)


def test_a_variant_survives_a_hint(guide: Guide, result: ColoredPhoto) -> None:
    asked = guide.ask(guide.adopt(result, 3), Guidance((Hint(0.25, 0.8, "#c03030"),)))
    assert asked.variant == 3 and not torch.equal(asked.ab, asked.prediction.ab)


def test_a_palette_changes_the_colors(guide: Guide, result: ColoredPhoto, uploads: Path) -> None:
    palette = guide.palette(uploads / "colors.png")
    asked = guide.show(guide.ask(result, Guidance(palette=palette)), 1, 0)
    assert np.abs(pixels(asked.after) - pixels(result.after)).mean() > 0.5
    with pytest.raises(PageError, match=r"is grey .* choose a photograph in color"):
        guide.palette(uploads / "beach.jpg")


def test_looks_are_seen_once_and_shown_as_they_come_out(
    guide: Guide, result: ColoredPhoto, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = []
    monkeypatch.setattr(models, "run_looks", _counted(models.run_looks, runs))
    looks = guide.looks(result)
    assert guide.looks(result) == looks and len(runs) == 1, "kept beside the grey picture"
    assert looks.names == ("autumn", "blue hour")
    (width, _), strip = looks.size, pixels(looks.file)
    for number, name in enumerate(looks.names):
        shown = guide.show(guide.ask(result, guide.with_look(result.guidance, name)), 1, 0)
        small = np.asarray(Image.fromarray(pixels(shown.after).astype(np.uint8)).resize(looks.size)).astype(int)
        tiles = [strip[:, width * each : width * (each + 1)] for each in range(2)]
        distances = [np.abs(tile - small).mean() for tile in tiles]
        assert np.argmin(distances) == number and distances[number] < 4, "the tile is what one gets"


def test_a_look_stays_with_points_and_ends_a_palette(guide: Guide, result: ColoredPhoto, uploads: Path) -> None:
    point = Hint(0.25, 0.8, "#c03030")
    borrowed = Guidance((point,), guide.palette(uploads / "colors.png"))
    look = guide.with_look(borrowed, "Autumn")
    assert look.look == "Autumn" and look.hints == (point,) and not torch.equal(look.palette, borrowed.palette)
    assert guide.with_look(look, None) == Guidance((point,))
    assert guide.with_look(borrowed, None) is borrowed
    with pytest.raises(PageError, match=r"no look 'winter'.*autumn"):
        guide.with_look(borrowed, "winter")


def test_a_model_without_looks_offers_none(plain_guide: Guide, uploads: Path) -> None:
    assert plain_guide.looks(plain_guide._service.colorize(uploads / "beach.jpg")) is None


def test_doubt_is_magenta_and_changes_nothing(service: ColorizeService, guide: Guide, result: ColoredPhoto) -> None:
    spread = torch.linspace(5, 30, result.ab.shape[2]).expand(result.ab.shape[1:])  # surest at the left
    result = replace(result, prediction=replace(result.prediction, spread=spread))
    doubtful = guide.show(result, 1, 0, doubt=True)
    magenta = (lambda lab: lab[..., 1] - lab[..., 2])(rgb2lab(pixels(doubtful.after) / 255))
    bare = (lambda lab: lab[..., 1] - lab[..., 2])(rgb2lab(pixels(result.after) / 255))
    assert (magenta - bare)[:, -60:].mean() > (magenta - bare)[:, :30].mean() + 10
    stronger = guide.show(result, 2, 0, doubt=True)
    assert not np.array_equal(pixels(stronger.after), pixels(doubtful.after)), "strength stays alive"
    assert np.array_equal(pixels(service.write(doubtful, 1, "PNG")), pixels(service.write(result, 1, "PNG")))
    assert result.confidence in ("fairly sure", "several colorings are plausible", "little to go on here")


def test_points_in_a_border_are_a_sentence(
    service: ColorizeService, guide: Guide, uploads: Path, tmp_path: Path
) -> None:
    plate = Image.new("L", (400, 440), 235)
    plate.paste(Image.open(uploads / "colors.png").convert("L"), (50, 120))
    plate.save(tmp_path / "plate.png")
    result = service.colorize(tmp_path / "plate.png")
    assert result.prediction.inside != (0, 0, 400, 440)
    for call in (
        lambda: guide.suggest(result, 0.01, 0.5),
        lambda: guide.ask(result, Guidance((Hint(0.01, 0.5, "#ff0000"),))),
    ):
        with pytest.raises(PageError, match="border of the scan"):
            call()
    assert np.ptp(pixels(guide.tiles(result).file)[5, 5]) <= 4  # JPEG


def test_a_model_without_a_classifier_says_so(plain_guide: Guide, uploads: Path) -> None:
    result = plain_guide._service.colorize(uploads / "beach.jpg")
    assert result.confidence is None and not plain_guide.is_guided()
    for call in (
        lambda: plain_guide.tiles(result),
        lambda: plain_guide.adopt(result, 2),
        lambda: plain_guide.suggest(result, 0.5, 0.5),
        lambda: plain_guide.show(result, 1, 0, doubt=True),
    ):
        with pytest.raises(PageError, match="one answer only"):
            call()
    with pytest.raises(PageError, match="not trained to be guided"):
        plain_guide.ask(result, Guidance((Hint(0.5, 0.5, "#ff0000"),)))
    assert plain_guide.adopt(result, 1).variant == 1


def test_file_in_file_out(guide: Guide, uploads: Path) -> None:
    plain = pixels(guide.guided_file(uploads / "beach.jpg", Guidance(), 1, 1, "PNG"))
    hinted = guide.guided_file(uploads / "beach.jpg", Guidance(read_hints([[50, 20, "#c03030"]])), 2, 1, "PNG")
    assert hinted.name == "beach-colorized.png" and pixels(hinted).shape == plain.shape == (300, 200, 3)
    assert np.abs(pixels(hinted) - plain).mean() > 1


@pytest.mark.parametrize("hints", [[[50, 10]], "50,10", [[50, 101, "red"]], [["a", 1, "red"]], [[True, 1, "red"]], 7])
def test_hints_that_are_none(hints) -> None:
    with pytest.raises(PageError, match=r"Hints are a list|0 to 100 percent"):
        read_hints(hints)


@pytest.mark.parametrize("color", ["", None, "greenish", "rgba(300, 0, 0, 1)", "<b>", "#12345", "#" + "1" * 10_000])
def test_colors_that_are_none(color) -> None:
    with pytest.raises(PageError, match="is not a color"):
        read_color(color)


@pytest.mark.parametrize(
    ("color", "name"),
    [
        ("#ffffff", "white"),
        ("#000000", "black"),
        ("#808080", "grey"),
        ("#3060c0", "blue"),
        ("#bcd4f0", "light muted blue"),
        ("#2d6a2d", "green"),
        ("#7a4a24", "brown"),
        ("#8a7a50", "brown"),
        ("#6b6b20", "olive"),
        ("#c81e1e", "red"),
        ("#f0d040", "light yellow"),
    ],
)
def test_names_of_colors(color: str, name: str) -> None:
    assert color_name(color) == name
