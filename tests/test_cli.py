"""The command line on good, bad and mixed folders."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from colorization.__main__ import main

from .conftest import draw_landscape
from .model.test_images import BROKEN


def test_five_broken_and_five_good(run, tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    (source / "deep" / "er").mkdir(parents=True)
    for number, name in enumerate(["a.jpg", "b.png", "deep/c.tif", "deep/er/d.webp", "deep/er/e.bmp"]):
        draw_landscape(seed=number).save(source / name)
    broken = ["empty.jpg", "text.jpg", "cut.jpg", "cut.png", "bomb.png"]
    for name in broken:
        (source / name).write_bytes(BROKEN[name][0])
    code, printed, errors = run(source, "-o", out)
    assert code == 1
    written = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    assert written == ["a.jpg", "b.png", "deep/c.tif", "deep/er/d.webp", "deep/er/e.bmp"]
    for name in broken:
        assert len([line for line in errors.splitlines() if line.startswith(str(source / name))]) == 1
    assert "Traceback" not in errors
    assert "5 colored, 5 failed" in printed


def test_all_good_is_0_and_color_is_there(run, tmp_path, landscape):
    landscape.convert("L").save(tmp_path / "grey.png")
    code, printed, _ = run(tmp_path / "grey.png", "-o", tmp_path / "out")
    assert code == 0 and "1 colored" in printed
    result = np.asarray(Image.open(tmp_path / "out" / "grey.png")).astype(int)
    assert np.abs(result[..., 0] - result[..., 2]).mean() > 1


def test_glob_format_and_saturation(run, tmp_path, landscape):
    for name in ("a.png", "b.png", "c.jpg"):
        landscape.save(tmp_path / name)
    code, _, _ = run(tmp_path / "*.png", "-o", tmp_path / "out", "--format", "jpg", "--saturation", 0)
    assert code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.jpg", "b.jpg"]
    assert np.ptp(np.asarray(Image.open(tmp_path / "out" / "a.jpg")).astype(int), axis=2).max() <= 2


def test_skip_existing(run, tmp_path, landscape):
    landscape.save(tmp_path / "a.png")
    out = tmp_path / "out"
    run(tmp_path / "a.png", "-o", out)
    before = (out / "a.png").stat().st_mtime_ns
    code, printed, _ = run(tmp_path / "a.png", "-o", out, "--skip-existing")
    assert code == 0 and "1 left alone" in printed
    assert (out / "a.png").stat().st_mtime_ns == before


def test_same_stem_is_not_overwritten(run, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    for number, name in enumerate(["a.png", "a.jpg", "a.tif"]):
        draw_landscape(seed=number).save(source / name)
    code, _, _ = run(source, "-o", tmp_path / "out", "--format", "png")
    assert code == 0
    assert len(list((tmp_path / "out").iterdir())) == 3


def test_original_is_never_replaced(run, tmp_path, landscape):
    landscape.save(tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()
    code, _, errors = run(tmp_path / "a.png", "-o", tmp_path)
    assert code == 1 and "would replace the original" in errors
    assert (tmp_path / "a.png").read_bytes() == before


def test_results_inside_the_input_folder_are_not_inputs(run, tmp_path, landscape):
    landscape.save(tmp_path / "a.png")
    run(tmp_path, "-o", tmp_path / "out")
    run(tmp_path, "-o", tmp_path / "out")
    assert [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("*.png"))] == ["a.png", "out/a.png"]


def test_missing_input_does_not_stop_the_rest(run, tmp_path, landscape):
    landscape.save(tmp_path / "a.png")
    code, printed, errors = run(
        tmp_path / "nothing.jpg", tmp_path / "a.png", tmp_path / "*.xyz", "-o", tmp_path / "out"
    )
    assert code == 1 and "1 colored, 2 failed" in printed
    assert "no such file" in errors and "no file matches" in errors


def test_not_recursive(run, tmp_path, landscape):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    landscape.save(tmp_path / "in" / "a.png")
    landscape.save(tmp_path / "in" / "deep" / "b.png")
    run(tmp_path / "in", "-o", tmp_path / "out", "--no-recursive")
    assert [path.name for path in (tmp_path / "out").rglob("*.png")] == ["a.png"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["a.jpg"],
        ["a.jpg", "-o", "x", "--saturation", "-1"],
        ["empty", "-o", "x"],
        ["a.jpg", "-o", "x", "--format", "xcf"],
    ],
)
def test_wrong_usage_is_2(arguments, tmp_path, monkeypatch, capsys):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_wrong_model_is_2(tmp_path, landscape, capsys):
    landscape.save(tmp_path / "a.png")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text('{"model_type": "bert"}')
    for model, reason in ((tmp_path / "model", "not a colorizer"), (tmp_path / "nothing", "cannot be loaded")):
        with pytest.raises(SystemExit) as stopped:
            main([str(tmp_path / "a.png"), "-o", str(tmp_path / "out"), "--model", str(model)])
        assert stopped.value.code == 2 and reason in capsys.readouterr().err


def test_help_is_quick_and_runs_as_a_module():
    result = subprocess.run(
        [sys.executable, "-m", "colorization", "--help"], capture_output=True, text=True, check=True
    )
    assert "exit codes" in result.stdout


@pytest.fixture
def run_guided(guided_pipeline, tmp_path_factory, capsys):
    folder = tmp_path_factory.mktemp("guided-model")
    guided_pipeline.save_pretrained(folder)

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main([*map(str, arguments), "--model", str(folder), "--device", "cpu"])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_variants(run_guided, tmp_path, landscape):
    (tmp_path / "in").mkdir()
    landscape.save(tmp_path / "in" / "a.png")
    landscape.save(tmp_path / "in" / "a-variant-2.png")
    code, printed, _ = run_guided(tmp_path / "in", "-o", tmp_path / "out", "--variants", 3)
    assert code == 0 and "2 colored" in printed
    results = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert len(results) == 6 and {"a.png", "a-variant-2.png", "a-variant-3.png"} < set(results)
    assert len({results[name] for name in ("a.png", "a-variant-3.png")}) == 2
    code, printed, _ = run_guided(tmp_path / "in", "-o", tmp_path / "out", "--variants", 3, "--skip-existing")
    assert "0 colored, 2 left alone" in printed


def test_hints_and_palette(run_guided, tmp_path, landscape):
    grey, reference = tmp_path / "grey.png", tmp_path / "reference.png"
    landscape.convert("L").save(grey)
    Image.new("RGB", (40, 40), (180, 90, 30)).save(reference)
    given = [
        [],
        ["--hint", "60,40,#ff0000"],
        ["--hint", "60,40,#ff0000", "--hint", "0%,100%,#00ff00"],
        ["--palette", reference],
    ]
    results = set()
    for number, options in enumerate(given):
        code, _, errors = run_guided(grey, "-o", tmp_path / str(number), *options)
        assert code == 0, errors
        results.add((tmp_path / str(number) / "grey.png").read_bytes())
    assert len(results) == len(given)
    code, _, errors = run_guided(grey, "-o", tmp_path / "out", "--hint", "500,40,#ff0000")
    assert code == 1 and "outside of the picture: x goes from 0 to 119, y to 79" in errors


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--hint", "60,40"], "is not X,Y,#rrggbb"),
        (["--hint", "60,40,#12345"], "is no color"),
        (["--palette", "grey.png"], "choose a photograph in color"),
        (["--palette", "nothing.png"], "nothing.png"),
        (["--variants", "10"], "from 1 to 9"),
    ],
)
def test_wrong_guidance_is_wrong_usage(run_guided, tmp_path, landscape, capsys, monkeypatch, options, sentence):
    monkeypatch.chdir(tmp_path)
    landscape.convert("L").save("grey.png")
    with pytest.raises(SystemExit) as ended:
        run_guided("grey.png", "-o", "out", *options)
    assert ended.value.code == 2 and sentence in capsys.readouterr().err


def test_a_model_without_guidance_says_so(run, tmp_path, landscape, capsys):
    landscape.save(tmp_path / "a.png")
    for options in (["--variants", "2"], ["--hint", "1,1,#ff0000"]):
        with pytest.raises(SystemExit) as ended:
            run(tmp_path / "a.png", "-o", tmp_path / "out", *options)
        assert ended.value.code == 2 and "This model" in capsys.readouterr().err
