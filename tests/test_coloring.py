"""A coloring as a file, and the command line that repeats it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from colorization import load_pipeline
from colorization.__main__ import main
from colorization.model.coloring import Coloring, ColoringError, read_coloring
from colorization.progress import show_progress

from .conftest import draw_landscape


def test_round_trip(tmp_path):
    coloring = Coloring(((50, 10, "#6f94b8"), (1.5, 99, "olive")), "autumn", 3, 1.2, -0.5)
    (tmp_path / "a.json").write_text(coloring.to_json())
    assert read_coloring(tmp_path / "a.json") == read_coloring(coloring.to_json()) == coloring
    assert read_coloring("{}") == Coloring()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not valid JSON"),
        ("[]", "an object with points"),
        ('{"stregth": 1}', "unknown field stregth"),
        ('{"strength": 11}', "strength is a number from 0 to 10"),
        ('{"warmth": "warm"}', "warmth is a number"),
        ('{"warmth": true}', "warmth is a number"),
        ('{"strength": NaN}', "strength is a number"),
        ('{"variant": 0}', "variant is a whole number"),
        ('{"points": 3}', "points are a list"),
        ('{"points": [[50, 10]]}', "A point is"),
        ('{"points": [[150, 10, "red"]]}', "from 0 to 100"),
        ('{"points": [[50, 10, "rad"]]}', "no color"),
        ('{"look": 3}', "look is a name"),
    ],
)
def test_says_what_is_wrong(text, reason):
    with pytest.raises(ColoringError, match=reason):
        read_coloring(text)


@pytest.fixture
def run(guided_pipeline, tmp_path, capsys):
    guided_pipeline.save_pretrained(tmp_path / "model")
    draw_landscape().convert("L").save(tmp_path / "grey.png")

    def run(*arguments: object) -> Path:
        out = tmp_path / f"out {len(list(tmp_path.iterdir()))}"
        assert main([*map(str, arguments), "--model", str(tmp_path / "model"), "--device", "cpu", "-o", str(out)]) == 0
        return out / "grey.png"

    return run


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


@pytest.fixture
def one_thread():
    """Weights that are read twice give the same bits in one thread; several may sum in another order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_a_file_of_hints_is_repeated_in_any_size(run, guided_pipeline, one_thread, tmp_path):
    grey = tmp_path / "grey.png"
    coloring = Coloring(((50, 20, "#3355cc"),), variant=2, strength=0.7, warmth=0.4)
    (tmp_path / "hints.json").write_text(coloring.to_json())
    picture = Image.open(grey)
    hints = [((0.5 * (picture.width - 1), 0.2 * (picture.height - 1)), "#3355cc")]
    wanted = guided_pipeline(grey, hints=hints, num_variants=2, strength=0.7, warmth=0.4)[1]
    assert np.array_equal(pixels(run(grey, "--hints", tmp_path / "hints.json")), np.asarray(wanted))
    # What is said on the command line counts more than the file.
    other = guided_pipeline(grey, hints=hints, num_variants=2, strength=1.5, warmth=0.4)[1]
    found = run(grey, "--hints", tmp_path / "hints.json", "--strength", 1.5)
    assert np.array_equal(pixels(found), np.asarray(other))


def test_strength_warmth_and_the_earlier_name(run, tmp_path):
    grey = tmp_path / "grey.png"
    # Loaded as the command line loads it: weights in another order in memory round sums elsewhere.
    pipe = load_pipeline(tmp_path / "model", "cpu")
    wanted = np.asarray(pipe(grey, strength=0.5, warmth=-1))
    assert np.array_equal(pixels(run(grey, "--strength", 0.5, "--warmth", -1)), wanted)
    assert np.array_equal(pixels(run(grey, "--saturation", 0.5, "--warmth", -1)), wanted)


@pytest.mark.slow
def test_arguments_are_checked_before_pytorch_is_loaded(tmp_path):
    draw_landscape().save(tmp_path / "a.png")
    (tmp_path / "bad.json").write_text('{"warmth": 2}')
    code = (
        "import sys, contextlib, colorization.__main__ as door\n"
        "with contextlib.suppress(SystemExit): door.main(sys.argv[1:])\n"
        "print([name for name in ('torch', 'transformers') if name in sys.modules])"
    )
    for wrong in (["--warmth", "2"], ["--hints", "bad.json"], ["--palette", "absent.png"], ["--variants", "0"]):
        command = [sys.executable, "-c", code, "a.png", "-o", "out", *wrong]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]" and "error:" in done.stderr, done.stderr


def test_a_line_for_each_tenth_without_a_terminal(capsys):
    assert list(show_progress(range(25), 25)) == list(range(25))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10 and lines[0].startswith("10 %: 3 of 25 pictures") and lines[-1].startswith("100 %")
    assert list(show_progress(range(3), 3)) == [0, 1, 2] and not capsys.readouterr().err
